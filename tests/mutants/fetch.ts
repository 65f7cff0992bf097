// Bugs of replication by fetching, in packages/fetch, in what carries out its effects, and in the elections of the zkserver.
import type { Mutant } from '@zhumq/testkit';
import { huntIn, once } from './hunts.js';

export const fetchMutants: readonly Mutant[] = [
  {
    id: 'fetch-cuts-to-high-watermark',
    says: 'A follower begins by cutting its log to its high watermark, which lags.',
    source: 'KIP-101, scenario 1',
    file: 'packages/fetch/src/roles.ts',
    find: `    this.enter(new Follower(replica, this), state.epoch, leader);`,
    replace: `    this.enter(new Follower(replica, this), state.epoch, leader);
    if (replica.highWatermark < replica.log.logEnd) replica.truncate(replica.highWatermark);`,
    run: huntIn('fetching'),
  },
  {
    id: 'fetch-never-compares',
    says: 'A leader takes any position within its log for one of its own log.',
    source: 'KIP-101, scenario 2',
    file: 'packages/fetch/src/divergence.ts',
    find: `  if (end?.epoch === lastEpoch && end.endOffset >= offset) return { kind: 'agree' };`,
    replace: `  if (offset <= log.logEnd) return { kind: 'agree' };`,
    run: huntIn('fetching'),
  },
  {
    id: 'fetch-unknown-epoch-agrees',
    says: 'Asked about an epoch that it never had, a leader answers for the epoch before as if it were that one.',
    source: 'KIP-279, KAFKA-6361',
    file: 'packages/fetch/src/divergence.ts',
    find: `  if (end?.epoch === lastEpoch && end.endOffset >= offset) return { kind: 'agree' };`,
    replace: `  if (end !== undefined && end.endOffset >= offset) return { kind: 'agree' };`,
    run: huntIn('fetching'),
  },
  {
    id: 'fetch-epoch-leaves-no-trace',
    says: 'A leader writes nothing at the start of its epoch, so that the log does not know it.',
    source: 'KAFKA-7415',
    edits: [
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    outbox.add({ kind: 'appendLeaderChange', epoch });`,
        replace: `    if (epoch < 0) outbox.add({ kind: 'appendLeaderChange', epoch });`,
      },
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    this.epochStart = replica.log.logEnd + 1;`,
        replace: `    this.epochStart = replica.log.logEnd;`,
      },
    ],
    run: huntIn('fetching'),
  },
  {
    id: 'fetch-counts-positions-of-old-epochs',
    says: 'A leader counts what a follower said in an earlier epoch.',
    source: 'KIP-320, KAFKA-7395',
    // What a follower of an earlier epoch has ends before this one's first batch, without which nothing counts either: both
    // guards are taken out.
    edits: [
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    if (position.epoch < replica.epoch) return false;
    const progress`,
        replace: `    const progress`,
      },
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    return progress.durableEnd >= Math.max(this.replica.highWatermark, this.epochStart);`,
        replace: `    return progress.durableEnd >= this.replica.highWatermark;`,
      },
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    if (end < this.epochStart) return;`,
        replace: ``,
      },
    ],
    run: huntIn('fetching'),
  },
  {
    id: 'fetch-believes-old-leaders',
    says: 'A follower takes answers of a deposed leader, in an earlier epoch than its own.',
    source: 'KIP-320, KAFKA-7395',
    // Nobody listens to the broker that led before, either; that is taken out as well.
    edits: [
      {
        file: 'packages/broker/src/replication/fetch/fetchers.ts',
        find: `      before.unfollow(follower);
      this.fetcherOf.delete(follower);`,
        replace: `      this.fetcherOf.delete(follower);`,
      },
      {
        file: 'packages/fetch/src/follower.ts',
        find: `    if (answer.leader !== replica.leader || answer.offset !== replica.log.logEnd) return;`,
        replace: `    if (answer.offset !== replica.log.logEnd) return;`,
      },
      {
        file: 'packages/fetch/src/follower.ts',
        find: `    if (answer.epoch !== replica.epoch) return;`,
        replace: ``,
      },
      {
        file: 'packages/fetch/src/assignment.ts',
        find: `    if (epoch < candidate.lastEpoch) return { kind: 'idle', ask: true };`,
        replace: ``,
      },
    ],
    run: once('pitfall-answer-of-a-deposed-leader'),
  },
  {
    id: 'fetch-joins-before-epoch-start',
    says: 'A replica joins the ISR before it has what its leader began its epoch with, at a high watermark that lags.',
    source: 'KAFKA-7128',
    edits: [
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    return progress.durableEnd >= Math.max(this.replica.highWatermark, this.epochStart);`,
        replace: `    return progress.durableEnd >= this.replica.highWatermark;`,
      },
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    if (end < this.epochStart) return;`,
        replace: ``,
      },
    ],
    run: huntIn('fetching'),
  },
  {
    id: 'fetch-old-life-counts',
    says: 'What a former life of a follower had counts after it restarted, for its leader and for the zkserver.',
    source: 'KIP-903, KAFKA-15221',
    // Each of the two is enough to keep it out of the ISR: both are taken out.
    edits: [
      {
        file: 'packages/fetch/src/progress.ts',
        find: `      this.logEnd = this.durable = this.synced = -1;`,
        replace: ``,
      },
      {
        file: 'packages/zkserver/src/election/change-isr.ts',
        find: `    if (isAvailable(view, replica) && present === claimed) continue;`,
        replace: `    if (isAvailable(view, replica) && (present === claimed || Number(claimed) >= 0)) continue;`,
      },
    ],
    run: once('rule-11-fetch-of-a-former-life'),
  },
  {
    id: 'isr-takes-old-lives',
    says: 'The zkserver takes a broker into an ISR whatever life of it had caught up.',
    source: 'KIP-903, KAFKA-15221',
    file: 'packages/zkserver/src/election/change-isr.ts',
    find: `    if (isAvailable(view, replica) && present === claimed) continue;`,
    replace: `    if (isAvailable(view, replica)) continue;`,
    run: once('rule-11-fetch-of-a-former-life'),
  },
  {
    id: 'fetch-commits-on-proposed-isr',
    says: 'A leader counts a smaller ISR that it has proposed before it is confirmed.',
    source: 'KIP-497: the maximal ISR',
    file: 'packages/fetch/src/isr.ts',
    find: `    this.union = [...new Set([...this.state.isr, ...proposed])];`,
    replace: `    this.union = proposed.length > 0 ? [...new Set(proposed)] : this.state.isr;`,
    run: huntIn('fetching'),
  },
  {
    id: 'fetch-ignores-proposed-members',
    says: 'A leader does not count a member that it has proposed and that may be in the ISR already.',
    source: 'rule 10',
    file: 'packages/fetch/src/isr.ts',
    find: `    this.union = [...new Set([...this.state.isr, ...proposed])];`,
    replace: `    this.union = proposed.length > 0 ? this.state.isr : [...this.state.isr];`,
    run: once('rule-10-expansion-in-flight'),
  },
  {
    id: 'fetch-proposes-once',
    says: 'A leader keeps the version of the ISR that it knew first, and never proposes again once that was refused.',
    source: 'KAFKA-2729',
    // A refusal alone does no harm: the version that made it wrong arrives, and begins anew. It is not believed, either.
    edits: [
      {
        file: 'packages/fetch/src/isr.ts',
        find: `    this.inFlight = undefined;
    this.pause = this.retryTicks;
    this.unite();
  }

  outcomeUnknown`,
        replace: `    this.pause = Infinity;
    this.unite();
  }

  outcomeUnknown`,
      },
      {
        file: 'packages/fetch/src/isr.ts',
        find: `    if (state.version > this.state.version) {`,
        replace: `    if (state.version < this.state.version) {`,
      },
    ],
    run: huntIn('fetching'),
  },
  {
    id: 'fetch-loss-is-fatal',
    says: 'A follower that must cut what it knew to be committed stops, also after a reported loss.',
    source: 'KAFKA-7414',
    file: 'packages/fetch/src/replica.ts',
    find: `    return this.log.lastEpoch < (this.state?.lossEpoch ?? 0);`,
    replace: `    return this.log.lastEpoch < 0;`,
    run: once('pitfall-cut-after-a-reported-loss'),
  },
  {
    id: 'log-cut-keeps-producers',
    says: 'A cut of the log does not take back what is known of producers.',
    source: 'KAFKA-12153',
    file: 'packages/log/src/partition/log-cut.ts',
    find: `  state.producers.cut(from);`,
    replace: ``,
    run: huntIn('partitions'),
  },
  {
    id: 'fetch-trusts-the-same-leader',
    says: 'A follower does not compare its log again when its leader leads in another epoch.',
    source: 'KIP-320: truncation at every epoch',
    edits: [
      {
        file: 'packages/fetch/src/roles.ts',
        find: `    this.enter(new Follower(replica, this), state.epoch, leader);`,
        replace: `    const trusts = follower !== undefined && replica.leader === leader;
    this.enter(new Follower(replica, this, trusts), state.epoch, leader);`,
      },
      {
        file: 'packages/fetch/src/follower.ts',
        find: `    private readonly transitions: Transitions,
  ) {}`,
        replace: `    private readonly transitions: Transitions,
    trusts = false,
  ) {
    this.agrees = trusts;
  }`,
      },
    ],
    run: once('pitfall-same-leader-in-another-epoch'),
  },
  {
    id: 'fetch-commits-unheard',
    says: 'Members of the ISR that were not heard of in this epoch are not waited for.',
    source: 'KIP-320: a leader advances with those that follow its epoch; rule 10',
    file: 'packages/fetch/src/leader.ts',
    find: `        end = Math.min(end, this.followers.get(member)?.durableEnd ?? -1);`,
    replace: `        end = Math.min(end, this.followers.get(member)?.durableEnd ?? end);
      if (end < 0) end = replica.log.durableEnd;`,
    run: huntIn('fetching'),
  },
  {
    id: 'fetch-commits-below-minimum',
    says: 'The high watermark moves with fewer replicas in sync than min.insync.replicas.',
    source: 'KIP-966: no high watermark below min.insync.replicas',
    edits: [
      {
        file: 'packages/fetch/src/leader.ts',
        find: `    if (isr.recorded.length < this.state.minInsyncReplicas) return;`,
        replace: ``,
      },
    ],
    run: huntIn('losses'),
  },
  {
    id: 'elr-forgotten',
    says: 'Who leaves the ISR when too few stay is not kept as eligible.',
    source: 'KIP-966: eligible leader replicas',
    file: 'packages/zkserver/src/election/fetch-partitions.ts',
    find: `    elr: isr.length < minInsync ? ids.filter((id) => eligible.has(id)) : [],`,
    replace: `    elr: isr.length < minInsync - 1e9 ? ids.filter((id) => eligible.has(id)) : [],`,
    run: once('rule-11-last-member-is-not-alone'),
  },
  {
    id: 'elr-kept-too-long',
    says: 'Who has left the ISR stays eligible although the others go on committing.',
    source: 'KIP-966: eligible leader replicas',
    file: 'packages/zkserver/src/election/fetch-partitions.ts',
    find: `    elr: isr.length < minInsync ? ids.filter((id) => eligible.has(id)) : [],`,
    replace: `    elr: minInsync > 0 ? ids.filter((id) => eligible.has(id)) : [],`,
    run: huntIn('losses'),
  },
  {
    id: 'fetch-unclean-leads',
    says: 'A replica that lost what it had not synced stays in the ISR and leads.',
    source: 'KIP-966: unclean shutdown',
    file: 'packages/broker/src/partition/partition-opener.ts',
    find: `      if (flush !== 'fsync' && mayHaveAcknowledged(log))`,
    replace: `      if (flush !== 'fsync' && mayHaveAcknowledged(log) && log.generation?.mode === 'raft')`,
    run: huntIn('losses'),
  },
  {
    id: 'elects-outsiders',
    says: 'A replica that is not in sync is elected although one that is may come back.',
    source: 'KIP-966: elections from ISR, then ELR',
    // Outsiders are not even asked how far they go; they are here.
    edits: [
      {
        file: 'packages/zkserver/src/election/choose-leader.ts',
        find: `  const amongElr = furthest(record, within(clean, record.elr), candidates.resigned);`,
        replace: `  const amongElr = furthest(record, clean, candidates.resigned);`,
      },
      {
        file: 'packages/zkserver/src/election/elector.ts',
        find: `    const brokers = (isUnclean ? record.replicas : electableMembers(record))`,
        replace: `    const isAsked = isUnclean || electableMembers(record).length > 0;
    const brokers = (isAsked ? record.replicas : [])`,
      },
    ],
    run: once('rule-11-unclean-member-does-not-lead'),
  },
  {
    id: 'fetch-leader-resumes-its-epoch',
    says: 'A leader that restarts goes on in the epoch of its former life.',
    source: 'rule 3',
    edits: [
      {
        file: 'packages/fetch/src/assignment.ts',
        find: `  if (leader.incarnation !== candidate.incarnation) return { kind: 'idle' };`,
        replace: ``,
      },
      {
        file: 'packages/fetch/src/assignment.ts',
        find: `  if (candidate.ledEpoch >= epoch || candidate.lastEpoch >= epoch) {`,
        replace: `  if (candidate.ledEpoch >= epoch || candidate.lastEpoch > epoch) {`,
      },
      {
        file: 'packages/zkserver/src/election/fetch-partitions.ts',
        find: `    leader !== undefined && view.liveBrokers.get(leader.broker)?.incarnation === leader.incarnation`,
        replace: `    leader !== undefined && view.liveBrokers.has(leader.broker)`,
      },
    ],
    run: huntIn('losses'),
  },
];
