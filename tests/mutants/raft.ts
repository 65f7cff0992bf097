// Bugs of Raft, in packages/raft and in what carries out its effects.
import type { Mutant } from '@zhumq/testkit';
import { huntIn, once } from './hunts.js';

export const raftMutants: readonly Mutant[] = [
  {
    id: 'raft-counts-old-terms',
    says: 'A leader commits an entry of an older term because a majority holds it (figure 8).',
    source: 'Raft §5.4.2, figure 8',
    file: 'packages/raft/src/leader.ts',
    find: `    if (offset <= replica.commit || offset < this.termStart) return;
    const { log, term } = replica;
    assert(log.epochAt(offset) === term, \`offset \${offset} is not of term \${term}\`);`,
    replace: `    if (offset <= replica.commit) return;`,
    run: huntIn('elections'),
  },
  {
    id: 'raft-vote-before-disk',
    says: 'A vote is answered before it is on disk.',
    source: 'Raft §5.1, figure 2: persisted before it is answered',
    file: 'packages/raft/src/replica.ts',
    find: `    if (this.ballot.durable) this.outbox.send(message);
    else this.outbox.sendAfterSync(message);`,
    replace: `    this.outbox.send(message);`,
    run: huntIn('elections'),
  },
  {
    id: 'raft-asks-before-disk',
    says: 'A candidate asks for votes, and counts its own, before its term and vote are on disk.',
    source: 'Raft §5.1, figure 2: persisted before it is answered',
    edits: [
      {
        file: 'packages/raft/src/candidate.ts',
        find: `      if (pre) replica.outbox.send(request);
      else replica.outbox.sendAfterSync(request);
    }
    if (pre) this.count(replica.self, true);`,
        replace: `      replica.outbox.send(request);
    }
    this.count(replica.self, true);`,
      },
      {
        file: 'packages/raft/src/candidate.ts',
        find: `    else if (this.replica.ballot.durable) this.transitions.becomeLeader();`,
        replace: `    else this.transitions.becomeLeader();`,
      },
      {
        file: 'packages/raft/src/roles.ts',
        find: `      replica.ballot.vote === replica.self && replica.ballot.durable,`,
        replace: `      replica.ballot.vote === replica.self,`,
      },
    ],
    run: huntIn('elections'),
  },
  {
    id: 'raft-forgets-vote-in-term',
    says: 'A replica that steps down within its term forgets whom it voted for.',
    source: 'Raft figure 2, votedFor; §5.2',
    edits: [
      {
        file: 'packages/raft/src/roles.ts',
        find: `    if (newTerm) replica.ballot.enterTerm(term, undefined);`,
        replace: `    if (newTerm) replica.ballot.enterTerm(term, undefined);
    else if (!wasFollower) replica.ballot.forgetVote();`,
      },
      {
        file: 'packages/raft/src/ballot.ts',
        find: `  liftTaint(): void {`,
        replace: `  forgetVote(): void {
    this.save({ ...this.state, vote: undefined });
  }

  liftTaint(): void {`,
      },
    ],
    run: huntIn('elections'),
  },
  {
    id: 'raft-follower-acks-before-disk',
    says: 'A follower acknowledges what it has written and not synced.',
    source: 'Raft figure 2; Raft thesis §10.2.1; Jepsen: NATS 2.12.1 (issue 7564)',
    edits: [
      {
        file: 'packages/raft/src/follower.ts',
        find: `    return Math.min(this.replica.validated, this.replica.log.durable);`,
        replace: `    return this.replica.validated;`,
      },
      {
        file: 'packages/raft/src/follower.ts',
        find: `    if (replica.log.durable >= last) this.acceptAppend();
    else this.replyOwed = true;`,
        replace: `    this.acceptAppend();`,
      },
    ],
    run: huntIn('power'),
  },
  {
    id: 'raft-leader-counts-unsynced',
    says: 'A leader counts its own log for a commit before that is on its disk.',
    source: 'Raft figure 2; Raft thesis §10.2.1; Jepsen: NATS 2.12.1 (issue 7564)',
    file: 'packages/raft/src/replication.ts',
    find: `    if (voter === this.replica.self) return this.replica.log.durable;`,
    replace: `    if (voter === this.replica.self) return this.replica.log.lastOffset;`,
    run: huntIn('power'),
  },
  {
    id: 'raft-unclean-votes',
    says: 'A replica that may have lost what it acknowledged votes and counts after its restart.',
    source: 'Raft figure 2: persistent state; Jepsen: NATS 2.12.1 (issue 7567)',
    file: 'packages/broker/src/partition/partition-opener.ts',
    find: `      if (flush !== 'fsync' && mayHaveAcknowledged(log))`,
    replace: `      if (flush !== 'fsync' && mayHaveAcknowledged(log) && log.generation?.mode === 'fetch')`,
    run: huntIn('forgetting'),
  },
  {
    id: 'raft-durable-end-survives-cut',
    says: 'A cut of the log leaves the durable end where it was.',
    source: 'Raft thesis §10.2.1; RabbitMQ ra 39490978',
    edits: [
      {
        file: 'packages/raft/src/log-view.ts',
        find: `    this.end = Math.min(this.end, from - 1);
    this.cuts += 1;`,
        replace: `    this.cuts += from > this.end ? 1 : 0;`,
      },
      {
        file: 'packages/raft/src/raft-core.ts',
        find: `    assert(log.durable <= log.lastOffset, \`durable end beyond \${log.lastOffset}\`);`,
        replace: ``,
      },
    ],
    run: huntIn('elections'),
  },
  {
    id: 'raft-late-sync-confirms',
    says: 'A sync that completes late confirms the newer records that took the place of the cut ones.',
    source: 'etcd raft, async_storage_writes_append_aba_race.txt',
    // The log below tells its end as it is at the moment of telling, which alone is enough: both guards are taken out.
    edits: [
      {
        file: 'packages/raft/src/log-view.ts',
        find: `    if (truncations !== this.cuts || offset <= this.end) return false;
    if (offset > this.lastOffset || this.epochAt(offset) !== epoch) return false;
    this.end = offset;`,
        replace: `    if (offset <= this.end || epoch + truncations < 0) return false;
    this.end = Math.min(offset, this.lastOffset);`,
      },
      {
        file: 'packages/log/src/partition/durability.ts',
        find: `      write.endOffset = Math.min(write.endOffset, from);`,
        replace: `      write.endOffset = Math.max(write.endOffset, from);`,
      },
    ],
    run: once('pitfall-sync-of-what-was-cut'),
  },
  {
    id: 'raft-commits-unvalidated',
    says: 'A follower advances its commit over a tail that the leader has not confirmed.',
    source: 'Raft figure 2: commitIndex = min(leaderCommit, last new entry)',
    edits: [
      {
        file: 'packages/raft/src/follower.ts',
        find: `    replica.advanceCommit(Math.min(request.commit, replica.validated));`,
        replace: `    replica.advanceCommit(Math.min(request.commit, replica.log.lastOffset));`,
      },
      {
        file: 'packages/raft/src/follower.ts',
        find: `    replica.advanceCommit(Math.min(heartbeat.commit, replica.validated));`,
        replace: `    replica.advanceCommit(Math.min(heartbeat.commit, replica.log.lastOffset));`,
      },
      {
        file: 'packages/raft/src/leader.ts',
        find: `      commit: Math.min(commit, progress.matched),`,
        replace: `      commit,`,
      },
    ],
    run: huntIn('elections'),
  },
  {
    id: 'raft-cuts-on-every-append',
    says: 'A follower cuts its log at every append, whether that conflicts or not.',
    source: 'Raft figure 2: only a conflicting entry is deleted; §5.3',
    edits: [
      {
        file: 'packages/raft/src/follower.ts',
        find: `    const { log, commit } = this.replica;
    const held = batches.findIndex(
      ({ lastOffset, epoch }) => lastOffset > commit && log.epochAt(lastOffset) !== epoch,
    );`,
        replace: `    const { commit } = this.replica;
    const held = batches.findIndex(({ lastOffset }) => lastOffset > commit);`,
      },
      {
        file: 'packages/raft/src/follower.ts',
        find: `      if (from <= replica.validated) {`,
        replace: `      if (from <= replica.commit) {`,
      },
    ],
    run: huntIn('elections'),
  },
  {
    id: 'raft-old-leader-appends',
    says: 'A follower takes appends of a deposed leader, late ones of an older term.',
    source: 'Raft §5.1: a request with a stale term is rejected',
    edits: [
      {
        file: 'packages/raft/src/gate.ts',
        find: `  if (message.term < replica.term) {
    answerStale(replica, message);`,
        replace: `  if (message.term < replica.term) {
    if (message.type === 'append') return true;
    answerStale(replica, message);`,
      },
      {
        file: 'packages/raft/src/roles.ts',
        find: `    if (fromLeader && this.replica.leader !== from) {`,
        replace: `    const isOld = message.term < this.replica.term;
    if (fromLeader && !isOld && this.replica.leader !== from) {`,
      },
    ],
    run: huntIn('reads'),
  },
  {
    id: 'raft-silent-to-the-past',
    says: 'Nobody tells a sender of an older term of the newer one.',
    source: 'Raft §5.1; Raft thesis §9.6; etcd raft, TestFreeStuckCandidateWithCheckQuorum',
    file: 'packages/raft/src/gate.ts',
    find: `    answerStale(replica, message);
    return false;`,
    replace: `    if (message.type === 'timeoutNow') answerStale(replica, message);
    return false;`,
    run: once('pitfall-replicas-of-different-terms'),
  },
  {
    id: 'raft-leads-without-majority',
    says: 'A leader without contact to a majority goes on leading.',
    source: 'Raft thesis §6.2: a leader without a quorum steps down',
    file: 'packages/raft/src/leader.ts',
    find: `    return heard >= majority(config.voters.length);`,
    replace: `    return heard >= majority(config.voters.length) - heard;`,
    run: huntIn('elections'),
  },
  {
    id: 'raft-reads-before-own-commit',
    says: 'A new leader answers reads before anything of its term is committed.',
    source: 'Raft §8; Raft thesis §6.4',
    file: 'packages/raft/src/leader.ts',
    find: `    this.reads.read(id, this.established ? this.replica.commit : undefined);`,
    replace: `    this.reads.read(id, this.replica.commit);`,
    run: huntIn('reads'),
  },
  {
    id: 'raft-reads-by-lease',
    says: 'A leader answers reads without asking whether it still leads.',
    source: 'Raft thesis §6.4.1',
    file: 'packages/raft/src/read-index.ts',
    find: `      this.pending.push({ id, round: this.join(), offset: commit });
      this.confirm();`,
    replace: `      this.host.readConfirmed(id, commit);`,
    run: huntIn('reads'),
  },
  {
    id: 'raft-grants-shorter-log',
    says: 'A voter compares the lengths of logs, not their last epochs.',
    source: 'Raft §5.4.1',
    file: 'packages/raft/src/log-view.ts',
    find: `    if (lastEpoch !== this.lastEpoch) return lastEpoch > this.lastEpoch;
    return lastOffset >= this.lastOffset;`,
    replace: `    return lastOffset >= this.lastOffset || lastEpoch > this.lastEpoch;`,
    run: huntIn('elections'),
  },
  {
    id: 'raft-tainted-match-counts',
    says: 'What a tainted replica acknowledges counts for commits.',
    source: 'Raft figure 2: persistent state; Jepsen: NATS 2.12.1 (issue 7567)',
    file: 'packages/raft/src/replication.ts',
    find: `    return progress === undefined || progress.tainted ? -1 : progress.matched;`,
    replace: `    return progress === undefined ? -1 : progress.matched;`,
    run: huntIn('forgetting'),
  },
  {
    id: 'raft-old-life-counts',
    says: 'What a former life of a broker had on disk counts after its restart.',
    source: 'Raft figure 2: persistent state; Jepsen: NATS 2.12.1 (issue 7567)',
    file: 'packages/raft/src/progress.ts',
    find: `    const next = this.matched < 0 ? this.next : this.matched + 1;
    this.matched = -1;`,
    replace: `    const next = this.matched < 0 ? this.next : this.matched + 1;`,
    run: once('rule-16-match-of-a-former-life'),
  },
];
