// The known pitfalls, row by row, and the mutants that fall into each; or why nothing here can.
import type { PitfallRow } from '@zhumq/testkit';

function row(id: string, about: string, ...mutants: readonly string[]): PitfallRow {
  return { id, about, mutants };
}

function none(id: string, about: string, why: string): PitfallRow {
  return { id, about, mutants: [], why };
}

const NO_MEMBERSHIP = 'the voters of a generation never change: there is no membership change yet';

const raftRows: readonly PitfallRow[] = [
  row('3.1', 'an entry of an older term commits by being counted', 'raft-counts-old-terms'),
  row(
    '3.2',
    'a vote or term that is not on disk when it is told',
    ...['raft-vote-before-disk', 'raft-asks-before-disk'],
  ),
  row('3.3', 'a vote that is cleared within its term', 'raft-forgets-vote-in-term'),
  row(
    '3.4',
    'an acknowledgement before the disk',
    ...['raft-follower-acks-before-disk', 'raft-leader-counts-unsynced', 'wal-never-syncs'],
    ...['wal-counts-written', 'wal-sync-covers-later-writes'],
  ),
  row(
    '3.5',
    'lazy syncs, and a full voter again after a power loss',
    ...['raft-unclean-votes', 'raft-tainted-match-counts', 'raft-old-life-counts'],
    'start-is-always-clean',
  ),
  row('3.6', 'a durable end that a cut does not lower', 'raft-durable-end-survives-cut'),
  row(
    '3.7',
    'a late completion that confirms newer records',
    ...['raft-late-sync-confirms', 'wal-durable-end-survives-cut'],
  ),
  row('3.8', 'a commit beyond what was compared', 'raft-commits-unvalidated'),
  row('3.9', 'a cut at every append', 'raft-cuts-on-every-append'),
  row('3.10', 'delayed messages of a deposed leader', 'raft-old-leader-appends'),
  none('3.11', 'single-server membership changes', NO_MEMBERSHIP),
  none('3.12', 'configurations applied at commit or at append', NO_MEMBERSHIP),
  none('3.13', 'joint consensus', NO_MEMBERSHIP),
  none('3.14', 'a removed leader', NO_MEMBERSHIP),
  none(
    '3.15',
    'a replica that was cut off disturbs the others',
    'costs an election and breaks no promise; packages/raft/src/pre-vote.test.ts has it',
  ),
  row('3.16', 'replicas of different terms ignore each other', 'raft-silent-to-the-past'),
  row('3.17', 'a leader of a minority goes on', 'raft-leads-without-majority'),
  row('3.18', 'reads before a commit of the term', 'raft-reads-before-own-commit'),
  row('3.19', 'an old answer that confirms a new read', 'rule-34-old-answer-confirms-no-read'),
  row('3.20', 'reads by lease', 'raft-reads-by-lease', 'group-deposed-answers'),
  row(
    '3.21',
    'the same id with an empty disk',
    ...['rule-06-wiped-disk-has-no-vote', 'rule-06-wiped-disk-counts-for-nothing'],
  ),
  row(
    '3.22',
    'a torn tail and damage taken for each other',
    ...['wal-takes-torn-frames', 'wal-tail-is-damage', 'wal-replays-behind-tear'],
  ),
  row(
    '3.23',
    'what a file held in an earlier life read as records',
    ...['wal-believes-old-lives', 'recovery-extends-log'],
  ),
  row('3.24', 'a failed sync that is tried again', 'wal-retries-failed-sync'),
  row(
    '3.25',
    'names that are not on disk',
    ...['wal-name-not-synced', 'partition-name-not-synced'],
  ),
  row('3.26', 'the order of hard states', 'switch-half-entered', 'wal-recycles-hard-states'),
  row(
    '3.27',
    'applied or committed beyond the disk',
    ...['log-claims-unsynced-commit', 'group-serves-unloaded'],
  ),
  none(
    '3.28',
    'snapshots and log matching',
    "no scenario drawn by a seed has retention, so no leader's log begins behind a follower's end; packages/raft/src/snapshot.test.ts has copies in the place of logs, the script rule-25-log-start-before-unlink a log that is cut at its start",
  ),
  none('3.29', 'snapshots with uncommitted state', NO_MEMBERSHIP),
  row(
    '3.30',
    'effects before the commit',
    ...['broker-serves-uncommitted', 'group-answers-uncommitted'],
  ),
  none(
    '3.31',
    'deletion of what the metadata do not name',
    'the metadata of a simulation never lose a name; tests/integration/replicas.test.ts and packages/log set such replicas aside',
  ),
  none(
    '3.32',
    'an uncommitted log without a bound',
    'costs memory and breaks no promise; packages/raft/src/replication.test.ts has the bound',
  ),
  row('3.33', 'a gap in a shared write-ahead log', 'wal-takes-gaps'),
  none(
    '3.34',
    'election storms of many groups',
    'a matter of time, not of what is promised: the benchmarks',
  ),
];

const kafkaRows: readonly PitfallRow[] = [
  row('4.1.1', 'loss by cutting to the high watermark (KIP-101)', 'fetch-cuts-to-high-watermark'),
  row('4.1.2', 'divergence for ever (KIP-101)', 'fetch-never-compares'),
  row('4.1.3', 'fast failover (KIP-279)', 'fetch-unknown-epoch-agrees'),
  row('4.1.4', 'an epoch that leaves no trace (KAFKA-7415)', 'fetch-epoch-leaves-no-trace'),
  row(
    '4.1.5',
    'zombies (KIP-320)',
    ...['fetch-counts-positions-of-old-epochs', 'fetch-believes-old-leaders'],
  ),
  row('4.1.6', 'joining before the epoch has begun (KAFKA-7128)', 'fetch-joins-before-epoch-start'),
  row(
    '4.1.7',
    'fetches of a former life (KAFKA-15221, KIP-903)',
    ...['fetch-old-life-counts', 'isr-takes-old-lives'],
  ),
  row(
    '4.1.8',
    'a commit on a proposed ISR',
    ...['fetch-commits-on-proposed-isr', 'fetch-ignores-proposed-members'],
  ),
  row('4.1.9', 'a stale version of the ISR for ever (KAFKA-2729)', 'fetch-proposes-once'),
  row('4.1.10', 'what is out of range is fatal (KAFKA-7414)', 'fetch-loss-is-fatal'),
  row(
    '4.1.11',
    'appends after a failed write (KAFKA-10778)',
    'rule-04-offset-of-a-failed-write-is-spent',
  ),
  row(
    '4.1.12',
    'producers known from records that were cut (KAFKA-12153)',
    'log-cut-keeps-producers',
  ),
  row('4.2.1', 'reconciling at every epoch', 'fetch-trusts-the-same-leader'),
  row('4.2.2', 'reconciling fenced by epoch', 'fetch-believes-old-leaders'),
  row('4.2.3', 'committing only with members that follow this epoch', 'fetch-commits-unheard'),
  row(
    '4.2.4',
    'growing only after the high watermark is of this epoch',
    'fetch-joins-before-epoch-start',
  ),
  row('4.3.a', 'committing with fewer than the minimum', 'fetch-commits-below-minimum'),
  row('4.3.b', 'eligible replicas', 'elr-forgotten', 'elr-kept-too-long'),
  row('4.3.c', 'unclean stops within the ISR', 'fetch-unclean-leads', 'start-is-always-clean'),
  row('4.3.d', 'elections from outside', 'elects-outsiders'),
  row('4.4.1', 'a window of five batches', 'producers-not-remembered', 'producers-window-of-one'),
  row(
    '4.4.2',
    'what is known of producers is a function of the log',
    ...['producers-known-to-the-leader-only', 'recovery-forgets-producers'],
  ),
  none(
    '4.4.3',
    'expiry of producers that live',
    'by the time of the log, of which a simulation has too little; packages/log/src/partition/producer-state.test.ts has it',
  ),
  row('4.4.4', 'errors that make a client send anew (KAFKA-14034)', 'client-new-sequence-on-doubt'),
  none('4.4.5', 'transactions', 'there are none'),
  row('4.4.6', 'a retry answered with another offset', 'producers-answered-with-the-end'),
];

const switchRows: readonly PitfallRow[] = [
  row('4.6.1', 'one mode at a time', 'switch-appends-behind-seal', 'switch-closed-voters-speak'),
  row('4.6.2', 'the same prefix in both modes', 'switch-takes-all-into-isr'),
  row(
    '4.6.3',
    'the seal on the disks of both quorums',
    ...['switch-seal-on-one-disk', 'switch-seal-only-written'],
  ),
  row('4.6.4', 'epochs above all terms', 'switch-next-epoch-of-record'),
  row('4.6.5', 'whoever can be elected has the prefix', 'switch-closes-a-minority'),
  row('4.6.6', 'no vote counts twice', 'switch-old-vote-counts', 'switch-half-entered'),
  row('4.6.7', 'the high watermark never falls', 'switch-believes-any-seal'),
  row('4.6.8', 'what acks 1 promises', 'switch-acks-one-behind-seal'),
  row('4.6.9', 'duplicates are known across a switch', 'switch-forgets-producers'),
  none('4.6.10', 'groups across a switch', 'their topic is never switched'),
  row('4.6.11', 'generations are fenced', 'switch-generations-mix', 'rule-02-late-leader-report'),
  row('4.6.12', 'steps may be done again', 'rule-17-late-seal'),
  row('4.6.13', 'a switch ends', 'switch-never-given-up'),
  none('4.6.14', 'nothing is deleted', 'both modes have one log: a switch deletes nothing'),
];

export const pitfallRows: readonly PitfallRow[] = [...raftRows, ...kafkaRows, ...switchRows];
