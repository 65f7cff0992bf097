// Bugs of what a broker promises to producers and consumers, and of the producer in the client.
import type { Mutant } from '@zhumq/testkit';
import { huntIn, once } from './hunts.js';

export const servingMutants: readonly Mutant[] = [
  {
    id: 'broker-acks-uncommitted',
    says: 'A record of acks all is acknowledged when the leader has it on disk.',
    source: 'docs/replication.md: acks all',
    file: 'packages/broker/src/partition/partition.ts',
    find: `    const waiters = acks === 1 ? this.durableWaiters : this.commitWaiters;
    const passed = acks === 1 ? this.log.durableEnd : this.highWatermark;`,
    replace: `    const waiters = acks !== 0 ? this.durableWaiters : this.commitWaiters;
    const passed = acks !== 0 ? this.log.durableEnd : this.highWatermark;`,
    run: huntIn('elections'),
  },
  {
    id: 'broker-serves-uncommitted',
    says: 'Consumers read what is not committed.',
    source: 'Raft §5.3: answered after it is applied',
    edits: [
      {
        file: 'packages/broker/src/partition/partition.ts',
        find: `    if (offset === this.highWatermark) return undefined;
    return this.log.read(offset, this.highWatermark, maxBytes);`,
        replace: `    if (offset === this.log.logEnd) return undefined;
    return this.log.read(offset, this.log.logEnd, maxBytes);`,
      },
      {
        file: 'packages/broker/src/partition/partition.ts',
        find: `    if (offset < this.log.logStart || offset > this.highWatermark) throw`,
        replace: `    if (offset < this.log.logStart || offset > this.log.logEnd) throw`,
      },
    ],
    run: huntIn('partitions'),
  },
  {
    id: 'broker-acks-duplicates-at-once',
    says: 'A retry is acknowledged at once because its first attempt is in the log, committed or not.',
    source: 'rule 15',
    file: 'packages/broker/src/partition/partition.ts',
    find: `      this.await(lastOffset, acks, deadlineMs, callback, { baseOffset, duplicate: true });`,
    replace: `      const isThere = lastOffset < this.log.logEnd ? 0 : acks;
      this.await(lastOffset, isThere, deadlineMs, callback, { baseOffset, duplicate: true });`,
    run: huntIn('partitions'),
  },
  {
    id: 'broker-confirms-after-deposition',
    says: 'What a deposed leader had appended is acknowledged when anything at that offset is committed.',
    source: 'docs/replication.md: acks all',
    file: 'packages/broker/src/partition/partition.ts',
    find: `      this.commitWaiters.failFrom(0, lost);
      this.durableWaiters.failFrom(0, lost);
      this.gate.open();
    }
    this.maybeEstablished();`,
    replace: `      this.durableWaiters.failFrom(0, lost);
      this.gate.open();
    }
    this.maybeEstablished();`,
    run: once('pitfall-other-record-at-that-offset'),
  },
  {
    id: 'producers-not-remembered',
    says: 'A retry is stored again.',
    source: 'KIP-98, KAFKA-5494',
    file: 'packages/log/src/partition/producer-state.ts',
    find: `    return original === undefined
      ? { kind: 'outOfOrder', expectedSequence }`,
    replace: `    return original === undefined || original.lastOffset >= 0
      ? { kind: 'append' }`,
    run: huntIn('partitions'),
  },
  {
    id: 'producers-known-to-the-leader-only',
    says: 'A follower does not learn from the log what producers have written.',
    source: 'KIP-98: producers are known from the log',
    file: 'packages/log/src/partition/log-append.ts',
    find: `    state.producers.append(header, baseOffset, state.stableEnd, config.producerExpirationMs);`,
    replace: `    if (header.baseOffset !== baseOffset)
      state.producers.append(header, baseOffset, state.stableEnd, config.producerExpirationMs);`,
    run: huntIn('partitions'),
  },
  {
    id: 'producers-window-of-one',
    says: 'Only the last batch of a producer is known, and not five.',
    source: 'KIP-98, KAFKA-5494',
    file: 'packages/log/src/partition/producer-state.ts',
    find: `  let first = Math.max(0, batches.length - PRODUCER_WINDOW);`,
    replace: `  let first = Math.max(0, batches.length - 1);`,
    run: huntIn('partitions'),
  },
  {
    id: 'producers-answered-with-the-end',
    says: 'A retry is answered with the present end of the log and not with its own offset.',
    source: 'KIP-98: a duplicate has its first offset',
    file: 'packages/broker/src/partition/partition.ts',
    find: `      const { baseOffset, lastOffset } = verdict;
      this.await`,
    replace: `      const { lastOffset } = verdict;
      const baseOffset = this.log.logEnd - 1;
      this.await`,
    run: huntIn('partitions'),
  },
  {
    id: 'client-new-sequence-on-doubt',
    says: 'A producer sends a batch of unknown outcome again under another sequence number.',
    source: 'KAFKA-14034',
    file: 'packages/client/src/producer/partition-queue.ts',
    find: `    if (error.outcome === 'unknown' && !sequenceError) batch.maybeStored = true;`,
    replace: `    if (error.outcome === 'unknown' && !sequenceError) {
      this.gap = true;
      batch.maybeStored = false;
    }`,
    run: huntIn('partitions'),
  },
  {
    id: 'client-doubt-is-refusal',
    says: 'A producer tells that a message was rejected although it may be stored.',
    source: 'docs/client.md: send()',
    file: 'packages/client/src/producer/partition-queue.ts',
    find: `    const outcome = underWay || batch.maybeStored ? 'unknown' : 'rejected';`,
    replace: `    const outcome = underWay && batch.attempts < 0 ? 'unknown' : 'rejected';`,
    run: huntIn('partitions'),
  },
  {
    id: 'client-reorders-retries',
    says: 'A producer sends the next batches while one of them is being tried again.',
    source: 'KAFKA-5494: order with several batches under way',
    edits: [
      {
        file: 'packages/client/src/producer/partition-queue.ts',
        find: `    if ((this.retrying || this.gap || this.probing) && this.inFlight.length > 0) return undefined;`,
        replace: `    if ((this.retrying || this.gap || this.probing) && this.inFlight.length > 1e9) return undefined;`,
      },
      {
        file: 'packages/client/src/producer/partition-queue.ts',
        find: `    const place = this.ready.findIndex(({ order }) => order > batches[0].order);`,
        replace: `    const place = this.ready.findIndex(({ order }) => order < batches[0].order - 1e9);`,
      },
    ],
    run: once('pitfall-retry-behind-a-gap'),
  },
];
