// The loop of consume: fetches, prints, and knows when it is done.
import type { Consumer, Message } from '@zhumq/client';
import { note } from '../../output.js';
import { SILENCE_MS } from '../../waiting.js';

/** Messages that are printed with one write. */
const BATCH_MESSAGES = 500;
/** One fetch waits this long, so that the limits are looked at in between. */
const FETCH_WAIT_MS = 1_000;
/** A silence ends later by this when there is more to read: long enough to be sure that a partition is stalled. */
const GRACE_MS = 4_000;

export interface ReadLimits {
  /** Messages over all partitions. */
  readonly max: number;
  /** Ends when nothing came for this long. */
  readonly idleMs: number;
}

/** Returns how many messages were printed. `print` resolves when there is room for more. */
export async function readMessages(
  consumer: Pick<Consumer, 'fetch' | 'lag'>,
  print: (messages: readonly Message[]) => Promise<void>,
  { max, idleMs }: ReadLimits,
  signal: AbortSignal,
): Promise<number> {
  let lastMs = performance.now();
  let printed = 0;
  let told = false;
  while (printed < max && !signal.aborted) {
    const silentMs = performance.now() - lastMs;
    if (silentMs >= idleMs + GRACE_MS) break;
    if (silentMs >= idleMs && (await caughtUp(consumer, signal))) break;
    if (!told && printed === 0 && silentMs >= SILENCE_MS) {
      told = true;
      note('zhumq: waiting for messages, none came yet; Ctrl-C ends ...');
    }
    const untilToldMs = told ? Infinity : Math.max(1, SILENCE_MS - silentMs);
    const untilIdleMs = silentMs < idleMs ? idleMs - silentMs : FETCH_WAIT_MS;
    const waitMs = Math.ceil(Math.min(FETCH_WAIT_MS, untilIdleMs, untilToldMs));
    const count = Math.min(BATCH_MESSAGES, max - printed);
    const messages = await unlessAborted(
      consumer.fetch({ max: count, wait: waitMs, signal }),
      signal,
    );
    if (messages.length === 0) continue;
    printed += messages.length;
    await print(messages);
    lastMs = performance.now();
  }
  return printed;
}

/** Silence means that there is nothing more only when nobody has more: a leader may just have died, or be slow. */
async function caughtUp(consumer: Pick<Consumer, 'lag'>, signal: AbortSignal): Promise<boolean> {
  try {
    return (await consumer.lag({ signal, timeout: GRACE_MS })).messages === 0;
  } catch {
    return false;
  }
}

async function unlessAborted<T>(fetching: Promise<T[]>, signal: AbortSignal): Promise<T[]> {
  try {
    return await fetching;
  } catch (error) {
    if (signal.aborted) return [];
    throw error;
  }
}
