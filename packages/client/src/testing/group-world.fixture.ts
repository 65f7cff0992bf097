// For tests of groups: what they all need around the fake cluster.
import { ManualClock } from '@zhumq/base';
import { encodeBatch } from '@zhumq/model';
import type { Consumer, ConsumerEvents, Message } from '../index.js';
import type { FakeCluster } from './fake-cluster.fixture.js';

/** Stores one batch with these values; a value 'k:v' has the key k. */
export function store(cluster: FakeCluster, values: readonly string[], partition = 0): void {
  const { log, epoch } = cluster.partition('t', partition);
  const records = values.map((value) => ({
    timestamp: 1000,
    key: value.includes(':') ? Buffer.from(value.slice(0, value.indexOf(':'))) : null,
    value: Buffer.from(value),
  }));
  log.store(encodeBatch(records), epoch);
}

export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_one, n) => `${from + n}`);
}

export function textOf(message: Message): string {
  return String(message.value);
}

/** A clock that can go on without its timers, as it does where something keeps the event loop busy. */
export class BlockableClock extends ManualClock {
  private blockedMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.blockedMs;
  }

  block(ms: number): void {
    this.blockedMs += ms;
  }
}

/** Everything that a consumer tells, in order. */
export function eventsOf(consumer: Consumer): string[] {
  const events: string[] = [];
  const lines: { [E in keyof ConsumerEvents]?: (event: ConsumerEvents[E]) => string } = {
    assigned: ({ partitions }) => `assigned ${partitions.join(' ')}`,
    revoked: ({ partitions, lost }) => `${lost ? 'lost' : 'revoked'} ${partitions.join(' ')}`,
    fenced: ({ error }) => `fenced ${error.code}`,
    commitFailed: ({ error }) => `commitFailed ${error.code}`,
    blocked: ({ delayMs }) => `blocked ${delayMs}`,
  };
  for (const [name, line] of Object.entries(lines)) {
    consumer.on(name as keyof ConsumerEvents, (event) => {
      events.push((line as (details: unknown) => string)(event));
    });
  }
  return events;
}

/** A promise, and what settles it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}
