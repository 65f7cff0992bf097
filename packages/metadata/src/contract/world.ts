// The world of a contract case, and how a case waits.
import assert from 'node:assert/strict';
import type { Clock } from '@zhumq/base';
import { createIfMissing } from '../create-parents.js';
import type { MetadataStore, Session } from '../metadata-store.js';

/** One world: the same data, as many stores as wanted. */
export interface ContractWorld {
  readonly clock: Clock;
  /** A store with a session of its own. */
  open(): MetadataStore;
  /** Makes the servers end the session of the store now. */
  expire(store: MetadataStore): Promise<void>;
}

export interface ContractCase {
  readonly name: string;
  run(world: ContractWorld): Promise<void>;
}

const WAIT_MS = 20_000;
const LOOK_MS = 10;

/** Waits for a condition; fails after 20 s. */
export async function eventually<T>(
  clock: Clock,
  what: string,
  look: () => Promise<T | false | undefined> | T | false | undefined,
): Promise<T> {
  const untilMs = clock.monotonicMs() + WAIT_MS;
  for (;;) {
    const found = await look();
    if (found !== false && found !== undefined) return found;
    if (clock.monotonicMs() >= untilMs)
      throw new assert.AssertionError({ message: `never: ${what}` });
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
}

export function connected(clock: Clock, store: MetadataStore): Promise<Session> {
  return eventually(clock, 'a session', () => store.session.state === 'connected' && store.session);
}

/** A node of its own for the case to work in. */
export async function folder(store: MetadataStore): Promise<string> {
  await createIfMissing(store, '/contract');
  return '/contract';
}

export const text = (value: string): Buffer => Buffer.from(value);
