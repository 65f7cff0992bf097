// Bugs of the switch between the replication modes, in the zkserver that drives it and in the brokers that take part.
import type { Mutant } from '@zhumq/testkit';
import { huntIn, once } from './hunts.js';

export const switchMutants: readonly Mutant[] = [
  {
    id: 'switch-appends-behind-seal',
    says: 'A sealed leader goes on taking records.',
    source: 'rule 17',
    edits: [
      {
        file: 'packages/broker/src/replication/raft/raft-refusals.ts',
        find: `      return { code: 'PARTITION_SEALED', message: 'is being switched to another mode' };`,
        replace: `      return undefined;`,
      },
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    if (this.replica.seal !== undefined) return 'sealed';`,
        replace: ``,
      },
    ],
    run: huntIn('switching'),
  },
  {
    id: 'switch-takes-all-into-isr',
    says: 'A switch to mode fetch takes everybody who answered into the ISR, however far they were.',
    source: 'rule 1',
    file: 'packages/zkserver/src/switch/publish-switch.ts',
    find: `    isr: group.furthest.map(({ replicaId }) => replicaId),`,
    replace: `    isr: group.answers.map(({ replicaId }) => replicaId),`,
    run: huntIn('switching'),
  },
  {
    id: 'switch-seal-on-one-disk',
    says: 'A switch to mode raft does not wait until the ISR has synced the seal.',
    source: 'rule 12',
    edits: [
      {
        file: 'packages/fetch/src/seal.ts',
        find: `    if (!has(replica.self) || !isr.every(has) || holders.length * 2 <= replicas.length) return;`,
        replace: `    if (!has(replica.self) || isr.length === 0) return;`,
      },
      {
        file: 'packages/zkserver/src/switch/publish-switch.ts',
        find: `  if (!isDurable || seal.epoch > record.epoch) return [];`,
        replace: `  if (seal.epoch > record.epoch && isDurable) return [];`,
      },
    ],
    run: huntIn('switching'),
  },
  {
    id: 'switch-seal-only-written',
    says: 'A switch to mode raft takes what is in page caches for synced.',
    source: 'rule 12',
    edits: [
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    if (member === self) return log.syncedEnd;
    return this.followers.get(member)?.syncedEnd ?? -1;`,
        replace: `    if (member === self) return log.durableEnd;
    return this.followers.get(member)?.durableEnd ?? -1;`,
      },
      {
        file: 'packages/broker/src/partition/partition-opener.ts',
        find: `    const entered = enters ? log.sync() : undefined;`,
        replace: `    const entered = undefined;`,
      },
    ],
    run: once('rule-12-seal-is-on-disk'),
  },
  {
    id: 'switch-next-epoch-of-record',
    says: 'The epoch after a close is one above the recorded one, whatever terms the voters have seen.',
    source: 'rule 1',
    file: 'packages/zkserver/src/switch/close-answers.ts',
    find: `    nextEpoch: 1 + Math.max(recordedEpoch, ...answers.map(({ epoch }) => epoch)),`,
    replace: `    nextEpoch: 1 + recordedEpoch,`,
    run: huntIn('switching'),
  },
  {
    id: 'switch-closes-a-minority',
    says: 'One closed voter is enough to publish the next generation.',
    source: 'rule 1',
    edits: [
      {
        file: 'packages/zkserver/src/switch/close-answers.ts',
        find: `    hasMajority: answers.length >= majority,`,
        replace: `    hasMajority: answers.length >= 1,`,
      },
      {
        file: 'packages/zkserver/src/switch/close-round.ts',
        find: `    if (this.answers.size < majorityOf(voters.length)) return;`,
        replace: `    if (this.answers.size < majorityOf(1)) return;`,
      },
      {
        file: 'packages/zkserver/src/switch/close-round.ts',
        find: `    if (isLate || !missing.some(isWaitedFor)) this.end();`,
        replace: `    if (isLate || !missing.every(isWaitedFor) || missing.length > 0) this.end();`,
      },
      {
        file: 'packages/zkserver/src/switch/publish-switch.ts',
        find: `  if (group.furthest.length >= majorityOf(record.voters.length)) return publishFetch(found, group);`,
        replace: `  if (group.furthest.length >= 1) return publishFetch(found, group);`,
      },
    ],
    run: huntIn('switching'),
  },
  {
    id: 'switch-old-vote-counts',
    says: 'A vote and a term of an earlier generation count in the next one.',
    source: 'rule 13',
    file: 'packages/broker/src/partition/generation.ts',
    find: `    vote: undefined,
    closed: false,
    tainted,`,
    replace: `    vote: before?.vote,
    closed: before?.closed ?? false,
    tainted,`,
    run: huntIn('switching'),
  },
  {
    id: 'switch-half-entered',
    says: 'A replica that crashed between the record of a generation and its hard state takes it for entered.',
    source: 'Raft §5.1: persistent state is one',
    file: 'packages/broker/src/partition/generation.ts',
    find: `  if (log.generation?.generation === generation && log.hardState?.generation === generation)
    return false;`,
    replace: `  if (log.generation?.generation === generation) return false;`,
    run: once('pitfall-half-entered-generation'),
  },
  {
    id: 'switch-believes-any-seal',
    says: 'A replica takes everything below the seal for committed although its log holds other records there.',
    source: 'rule 18',
    file: 'packages/broker/src/replication/raft/log-view.ts',
    find: `  const holds = seal !== undefined && log.epochAt(seal.offset - 1) === seal.epoch;`,
    replace: `  const holds = seal !== undefined && log.logEnd >= seal.offset;`,
    run: once('rule-18-straggler-keeps-its-own-commit'),
  },
  {
    id: 'switch-acks-one-behind-seal',
    says: 'A sealed leader in mode fetch still takes records of acks 1.',
    source: 'rules 17 and 28',
    edits: [
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    if (this.replica.seal !== undefined) return 'sealed';`,
        replace: `    if (this.replica.seal !== undefined && acks === -1) return 'sealed';`,
      },
      {
        file: 'packages/broker/src/replication/fetch/fetch-replicator.ts',
        find: `        return sealRefusal(this.sealing.tracker);`,
        replace: `        return acks === -1 ? sealRefusal(this.sealing.tracker) : undefined;`,
      },
    ],
    run: huntIn('switching'),
  },
  {
    id: 'switch-forgets-producers',
    says: 'Records of an earlier generation are not known as duplicates any more.',
    source: 'rule 15',
    edits: [
      {
        file: 'packages/broker/src/partition/partition.ts',
        find: `    } else if (verdict.kind === 'duplicate') {`,
        replace: `    } else if (verdict.kind === 'duplicate' && verdict.baseOffset < this.beginsAt) {
      const { baseOffset, lastOffset } = this.replicator.append(batch, header);
      this.await(lastOffset, acks, deadlineMs, callback, { baseOffset, duplicate: false });
    } else if (verdict.kind === 'duplicate') {`,
      },
      {
        file: 'packages/broker/src/partition/partition.ts',
        find: `  readonly gate = new ReadGate();`,
        replace: `  readonly gate = new ReadGate();
  private beginsAt = -1;`,
      },
      {
        file: 'packages/broker/src/partition/partition.ts',
        find: `  attach(replicator: Replicator): void {
    this.replicatorOrNone = replicator;`,
        replace: `  attach(replicator: Replicator): void {
    this.beginsAt = this.log.logEnd;
    this.replicatorOrNone = replicator;`,
      },
    ],
    run: huntIn('switching'),
  },
  {
    id: 'switch-generations-mix',
    says: 'Raft messages of another generation are taken.',
    source: 'rule 13',
    file: 'packages/broker/src/api/raft-handler.ts',
    find: `        if (partition === undefined || partition.name.generation !== wire.generation) continue;`,
    replace: `        if (partition === undefined) continue;`,
    run: huntIn('aborting'),
  },
  {
    id: 'switch-never-given-up',
    says: 'A switch that can not be completed is not given up.',
    source: 'rule 17',
    edits: [
      {
        file: 'packages/zkserver/src/switch/saga-runner.ts',
        find: `    if (!isForced && phase !== 'abort' && this.remainingMs() === 0) return this.giveUp(found);`,
        replace: `    if (!isForced && phase === 'abort' && mode === 'fetch') return this.giveUp(found);`,
      },
    ],
    run: huntIn('switching'),
  },
  {
    id: 'switch-close-is-forgotten',
    says: 'A voter that was closed takes part again after a restart.',
    source: 'rule 1',
    file: 'packages/broker/src/replication/raft/raft-replicator.ts',
    find: `    this.closed = log.hardState?.closed === true && log.hardState.generation === group.generation;`,
    replace: `    this.closed = log.hardState?.closed === true && group.generation < 0;`,
    run: once('pitfall-closed-voter-restarts'),
  },
  {
    id: 'switch-closed-voters-speak',
    says: 'A voter that answers a close goes on voting and acknowledging.',
    source: 'rule 1',
    edits: [
      {
        file: 'packages/broker/src/replication/raft/raft-replicator.ts',
        find: `    const wasClosed = this.closed;
    this.closed = true;
    this.silence('was closed');`,
        replace: `    const wasClosed = this.closed;`,
      },
    ],
    run: once('rule-01-closed-voters-are-silent'),
  },
  {
    id: 'switch-recovers-the-shortest',
    says: 'A forced recovery lets any voter that answered lead, not the one that goes furthest.',
    source: 'rule 16',
    file: 'packages/zkserver/src/switch/close-answers.ts',
    find: `  return answers.filter(({ end }) => compareEnds(end, largest.end) === 0);`,
    replace: `  return answers.filter(({ end }) => compareEnds(end, largest.end) <= 0);`,
    run: huntIn('switching'),
  },
];
