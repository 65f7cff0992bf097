// The rest of the rules taken out: disks, inputs and the metadata store. See rules.ts.
import type { Mutant } from '@zhumq/testkit';
import { once } from './hunts.js';

export const moreRuleMutants: readonly Mutant[] = [
  {
    id: 'rule-04-offset-of-a-failed-write-is-spent',
    says: 'A leader whose disk fails cuts its log to what is synced and goes on in its epoch.',
    source: 'rule 4',
    edits: [
      {
        file: 'packages/log/src/store/wal-writer.ts',
        find: `    } catch (error) {
      this.failure = error;
      throw error;
    }
    // Another failure`,
        replace: `    } catch (error) {
      throw error;
    }
    // Another failure`,
      },
      {
        file: 'packages/log/src/store/group-commit.ts',
        find: `        this.syncWaiters.push(...waiters);
        this.fail(error);`,
        replace: `        void error;
        this.syncing = false;
        this.syncWaiters.push(...waiters);
        for (const { replica } of channels) {
          const log = replica as unknown as { durableEnd: number; truncate(from: number): void };
          log.truncate(log.durableEnd);
        }
        this.maybeSync();`,
      },
      {
        file: 'packages/log/src/partition/log-append.ts',
        find: '      epoch !== this.spent.epoch || baseOffset >= this.spent.end,',
        replace: '      epoch !== this.spent.epoch || baseOffset >= 0,',
      },
    ],
    run: once('rule-04-offset-of-a-failed-write-is-spent'),
  },
  {
    id: 'rule-08-durable-end-is-contiguous',
    says: 'Synced frames count, whatever stands unsynced before them.',
    source: 'rule 8',
    file: 'packages/log/src/partition/durability.ts',
    find: '    return Math.min(this.framesEnd, this.syncingFrom ?? Infinity, this.unsyncedFrom ?? Infinity);',
    replace: '    return this.framesEnd;',
    run: once('rule-08-durable-end-is-contiguous'),
  },
  {
    id: 'rule-09-recovery-ends-where-the-log-says',
    says: 'Recovery leaves bytes in a segment that no frame tells of.',
    source: 'rule 9',
    file: 'packages/log/src/partition/recovery.ts',
    find: '      if (size <= segment.bytes) continue;',
    replace: '      if (size <= segment.bytes || segment.bytes > 0) continue;',
    run: once('rule-09-recovery-ends-where-the-log-says'),
  },
  {
    id: 'rule-14-forged-control-batch',
    says: 'Control batches of producers are taken.',
    source: 'rule 14',
    file: 'packages/model/src/batch-validation.ts',
    find: '    if ((attributes & ATTRIBUTE_CONTROL) !== 0) {',
    replace: '    if ((attributes & ATTRIBUTE_CONTROL) < 0) {',
    run: once('rule-14-forged-control-batch'),
  },
  {
    id: 'rule-22-flipped-bit-in-an-epoch',
    says: 'Recovery believes the epoch in a batch, which no checksum covers.',
    source: 'rule 22',
    file: 'packages/log/src/partition/recovery-scan.ts',
    find: '      if (wrong !== undefined) return fault(wrong);',
    replace: "      if (wrong === '') return fault(wrong);",
    run: once('rule-22-flipped-bit-in-an-epoch'),
  },
  {
    id: 'rule-23-topic-made-again',
    says: 'A replica is found by the name of its topic and its number, and deleted topics leave theirs behind.',
    source: 'rule 23',
    edits: [
      {
        file: 'packages/broker/src/partition/partition-opener.ts',
        find: '    const found = this.options.store.replica(replica.replicaId);',
        replace: `    const sameName = ({ identity }: ReplicaLog): boolean =>
      identity.topic === assignment.topic && identity.partition === assignment.info.partition;
    const found = [...this.options.store.replicas()].find(sameName);`,
      },
      {
        file: 'packages/broker/src/membership/assignments.ts',
        find: '      if (named.has(replicaId) || doomed.has(topicId)) continue;',
        replace:
          "      if (named.has(replicaId) || doomed.has(topicId) || topicId !== '') continue;",
      },
      {
        file: 'packages/broker/src/membership/assignments.ts',
        find: '      if (log.identity.topicId !== topicId) continue;',
        replace: "      if (log.identity.topicId !== topicId || topicId !== '') continue;",
      },
    ],
    run: once('rule-23-topic-made-again'),
  },
  {
    id: 'rule-24-rot-in-the-shared-log',
    says: 'Replay of the write-ahead log ends at the first frame that can not be read, durable or not.',
    source: 'rule 24',
    file: 'packages/log/src/store/wal-history.ts',
    find: '    if (comparePositions(position, durable) < 0) whenDurable();',
    replace: '    if (comparePositions(position, durable) < 0 && end !== undefined) whenDurable();',
    run: once('rule-24-rot-in-the-shared-log'),
  },
  {
    id: 'rule-25-log-start-before-unlink',
    says: 'Retention unlinks segments before the new log start is on disk.',
    source: 'rule 25',
    file: 'packages/log/src/partition/retention-run.ts',
    find: `    await this.pending.durable(sequence);
    state.writer.unlink(removed);`,
    replace: `    state.writer.unlink(removed);
    await this.pending.durable(sequence);`,
    run: once('rule-25-log-start-before-unlink'),
  },
  {
    id: 'rule-29-reader-of-what-is-lost-is-told',
    says: 'A consumer reads on from its offset, whatever epoch the record before it had.',
    source: 'rule 29',
    file: 'packages/broker/src/partition/partition.ts',
    find: '    if (here === undefined || here === lastEpoch) return;',
    replace: '    if (here === undefined || lastEpoch >= 0) return;',
    run: once('rule-29-reader-of-what-is-lost-is-told'),
  },
  {
    id: 'rule-33-election-without-an-answer',
    says: 'A zkserver takes itself for the active one only when it was told so.',
    source: 'rule 33',
    edits: [
      {
        file: 'packages/metadata/src/controller-election.ts',
        find: "    await this.store.multi([\n      {\n        kind: 'create',",
        replace:
          "    this.told = false;\n    await this.store.multi([\n      {\n        kind: 'create',",
      },
      {
        file: 'packages/metadata/src/controller-election.ts',
        find: "      { kind: 'set', path: paths.controllerEpoch, data: encodeEpoch(epoch), version },\n    ]);",
        replace:
          "      { kind: 'set', path: paths.controllerEpoch, data: encodeEpoch(epoch), version },\n    ]);\n    this.told = true;",
      },
      {
        file: 'packages/metadata/src/controller-election.ts',
        find: '  private leadership: Leadership | undefined;\n',
        replace: '  private leadership: Leadership | undefined;\n  private told = false;\n',
      },
      {
        file: 'packages/metadata/src/controller-election.ts',
        find: '    if (epoch !== undefined) this.maybeElected(epoch);',
        replace: '    if (epoch !== undefined && this.told) this.maybeElected(epoch);',
      },
    ],
    run: once('rule-33-election-without-an-answer'),
  },
  {
    id: 'rule-20-epochs-of-another-coordinator',
    says: 'Every coordinator counts the epochs of members from the beginning.',
    source: 'rule 20',
    file: 'packages/broker/src/groups/epochs.ts',
    find: '  return term > last.term ? { term, counter: 1 } : { term: last.term, counter: last.counter + 1 };',
    replace:
      '  return term > last.term ? { term: 1, counter: 1 } : { term: 1, counter: last.counter + 1 };',
    run: once('rule-20-epochs-of-another-coordinator'),
  },
  {
    id: 'rule-20-deposed-coordinator-says-nothing',
    says: 'A coordinator answers without asking whether it still is one.',
    source: 'rule 20',
    file: 'packages/broker/src/state-machine/state-machine-partition.ts',
    find: '    const lastOffset = await this.partition.replicator.confirmLeadership();',
    replace: '    const lastOffset = await Promise.resolve(this.partition.highWatermark - 1);',
    run: once('rule-20-deposed-coordinator-says-nothing'),
  },
  {
    id: 'rule-34-no-lease-reads',
    says: 'A leader that was established answers reads without asking whether it still leads.',
    source: 'rule 34',
    file: 'packages/broker/src/replication/raft/raft-replicator.ts',
    find: '    const { id, confirmed } = this.reads.begin();',
    replace: `    if (this.core.established) return Promise.resolve(this.core.commit);
    const { id, confirmed } = this.reads.begin();`,
    run: once('rule-34-no-lease-reads'),
  },
  {
    id: 'rule-34-old-answer-confirms-no-read',
    says: 'The answer to an old heartbeat confirms a read that came later.',
    source: 'rule 34',
    file: 'packages/raft/src/leader.ts',
    find: `    const round = Math.min(reply.readContext, this.reads.round);`,
    replace: `    const { round } = this.reads;`,
    run: once('rule-34-old-answer-confirms-no-read'),
  },
  {
    id: 'rule-05-segments-before-recycling',
    says: 'A checkpoint does not wait until segments are synced.',
    source: 'rule 5',
    file: 'packages/log/src/store/checkpointer.ts',
    find: '    await syncs.syncAll(dirty);',
    replace: '    void syncs.syncAll(dirty);',
    run: once('rule-05-segments-before-recycling'),
  },
  {
    id: 'rule-30-cut-lowers-the-durable-end',
    says: 'What was on disk before a cut counts for what is written at its offsets afterwards.',
    source: 'rule 30',
    file: 'packages/raft/src/log-view.ts',
    find: '    this.end = Math.min(this.end, from - 1);',
    replace: '    if (from < 0) this.end = Math.min(this.end, from - 1);',
    run: once('rule-30-cut-lowers-the-durable-end'),
  },
  {
    id: 'rule-35-a-switch-keeps-the-rest',
    says: 'A switch writes the record anew, without what it does not know of.',
    source: 'rule 35',
    file: 'packages/zkserver/src/switch/switched-partition.ts',
    find: '  const data = partitionRecordCodec.encode({ ...record, ...change });',
    replace:
      '  const data = partitionRecordCodec.encode({ ...record, possibleLoss: undefined, lossEpoch: 0, ...change });',
    run: once('rule-35-a-switch-keeps-the-rest'),
  },
];
