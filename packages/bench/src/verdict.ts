// Whether every message that was acknowledged was read back, once, in order, and as it was sent.
import type { Acks } from '@zhumq/client';
import type { ProduceOutcome, ReadOutcome } from './load/jobs.js';
import { MessageSet } from './message-set.js';

export interface Verdict {
  readonly sent: number;
  readonly acknowledged: number;
  /** Acknowledged and not read back. */
  readonly lost: number;
  /** Read more than once. */
  readonly duplicated: number;
  readonly corrupt: number;
  readonly reordered: number;
  /** Sends that failed, by code; their messages may be there or not. */
  readonly failures: Readonly<Record<string, number>>;
  /** Every acknowledged message was read and compared; where that is promised, once and in order. */
  readonly verified: boolean;
}

export function judge(
  outcomes: readonly ProduceOutcome[],
  reads: readonly ReadOutcome[],
  acks: Acks,
  promise: 'once' | 'at least once' = 'once',
): Verdict {
  const read = new Map<number, MessageSet>();
  let duplicated = 0;
  for (const outcome of reads) {
    duplicated += outcome.duplicated;
    for (const { producer, sequences } of outcome.read) {
      const some = new MessageSet(sequences);
      const before = read.get(producer) ?? new MessageSet();
      // Each process reads partitions of its own; a message in two of them is there twice.
      duplicated += before.shared(some);
      before.union(some);
      read.set(producer, before);
    }
  }
  let [sent, acknowledged, lost] = [0, 0, 0];
  const failures: Record<string, number> = {};
  for (const outcome of outcomes) {
    for (const [code, count] of Object.entries(outcome.failures))
      failures[code] = (failures[code] ?? 0) + count;
    for (const producer of outcome.producers) {
      sent += producer.sent;
      // With acks none nothing was promised.
      if (isUnacknowledged(acks)) continue;
      const promised = new MessageSet(producer.acknowledged);
      acknowledged += promised.size;
      lost += promised.without(read.get(producer.producer) ?? new MessageSet());
    }
  }
  const corrupt = reads.reduce((sum, outcome) => sum + outcome.corrupt, 0);
  const reordered = reads.reduce((sum, outcome) => sum + outcome.reordered, 0);
  const messages = reads.reduce((sum, outcome) => sum + outcome.messages, 0);
  const again = promise === 'once' ? duplicated + reordered : 0;
  const verified = lost + corrupt + again === 0 && (isUnacknowledged(acks) || messages > 0);
  return { sent, acknowledged, lost, duplicated, corrupt, reordered, failures, verified };
}

function isUnacknowledged(acks: Acks): boolean {
  return acks === 'none';
}
