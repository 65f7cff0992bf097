// Each rule of the protocol taken out. Its scenario must then fail: docs/testing-rules.md.
import type { Mutant } from '@zhumq/testkit';

const once = (scenario: string) => ({ scenario, seed: 1, seeds: 1 });

export const ruleMutants: readonly Mutant[] = [
  {
    id: 'rule-01-epoch-above-all-terms',
    says: 'The epoch of mode fetch is one more than the recorded one, whatever terms the voters answered.',
    source: 'protocol rule 1 (a)',
    file: 'packages/zkserver/src/switch/close-answers.ts',
    find: 'nextEpoch: 1 + Math.max(recordedEpoch, ...answers.map(({ epoch }) => epoch)),',
    replace: 'nextEpoch: 1 + recordedEpoch,',
    run: once('rule-01-epoch-above-all-terms'),
  },
  {
    id: 'rule-01-closed-voters-are-silent',
    says: 'A voter that was closed answers how far its log goes, and takes part in its generation as before.',
    source: 'protocol rule 1 (b)',
    file: 'packages/broker/src/replication/raft/raft-replicator.ts',
    find: `    const wasClosed = this.closed;
    this.closed = true;
    this.silence('was closed');
    if (!wasClosed) {`,
    replace: `    const wasClosed = this.closed;
    if (wasClosed) {`,
    run: once('rule-01-closed-voters-are-silent'),
  },
  {
    id: 'rule-02-late-leader-report',
    says: 'Reports of leaders count whatever their mode, generation and epoch.',
    source: 'protocol rule 2',
    file: 'packages/zkserver/src/controller/claim-leaders.ts',
    find: `    record.mode === 'raft' &&
    claim.generation === record.generation &&
    claim.epoch > record.epoch &&
`,
    replace: '',
    run: once('rule-02-late-leader-report'),
  },
  {
    id: 'rule-05-vote-outlives-recycling',
    says: 'Checkpoints hold no hard states: with the file in which it stands a vote is forgotten.',
    source: 'protocol rule 5',
    file: 'packages/log/src/store/checkpoint-frame.ts',
    find: '    replicas: table.rows,',
    replace: '    replicas: table.rows.map((row) => ({ ...row, hardState: undefined })),',
    run: once('rule-05-vote-outlives-recycling'),
  },
  {
    id: 'rule-06-wiped-disk-has-no-vote',
    says: 'A replica that was made on another data directory is made again, empty, under its old identity.',
    source: 'protocol rule 6',
    file: 'packages/broker/src/partition/partition-opener.ts',
    find: '    if (directoryId !== store.directoryId) {',
    replace: '    if (directoryId === "") {',
    run: once('rule-06-wiped-disk-has-no-vote'),
  },
  {
    id: 'rule-06-wiped-disk-counts-for-nothing',
    says: 'A replica that was made on another data directory is made again, empty, under its old identity.',
    source: 'protocol rule 6',
    file: 'packages/broker/src/partition/partition-opener.ts',
    find: '    if (directoryId !== store.directoryId) {',
    replace: '    if (directoryId === "") {',
    run: once('rule-06-wiped-disk-counts-for-nothing'),
  },
  {
    id: 'rule-30-vote-after-its-sync',
    says: 'A vote leaves before it is on disk.',
    source: 'protocol rule 30',
    file: 'packages/broker/src/replication/raft/sync-gate.ts',
    find: '    if (last === undefined) this.release(message);',
    replace: '    if (last === undefined || message.type === "voteReply") this.release(message);',
    run: once('rule-30-vote-after-its-sync'),
  },
  {
    id: 'rule-15-duplicate-waits-like-the-first',
    says: 'A duplicate is acknowledged at once.',
    source: 'protocol rule 15',
    file: 'packages/broker/src/partition/partition.ts',
    find: '    if (acks === 0) return callback(undefined, result);',
    replace: '    if (acks === 0 || result.duplicate) return callback(undefined, result);',
    run: once('rule-15-duplicate-waits-like-the-first'),
  },
  {
    id: 'rule-16-tainted-voter-elects-nobody',
    says: 'A replica that may lack what it acknowledged votes like any other.',
    source: 'protocol rule 16',
    file: 'packages/raft/src/replica.ts',
    find: '    return this.isVoter(this.self) && !this.ballot.tainted && this.installation === undefined;',
    replace: '    return this.isVoter(this.self) && this.installation === undefined;',
    run: once('rule-16-tainted-voter-elects-nobody'),
  },
  {
    id: 'rule-16-match-of-a-former-life',
    says: 'A leader goes on counting what a former life of a follower had on disk.',
    source: 'protocol rule 16',
    file: 'packages/raft/src/progress.ts',
    find: '    if (!restarted) return;',
    replace: '    if (this.incarnation === incarnation || !restarted) return;',
    run: once('rule-16-match-of-a-former-life'),
  },
  {
    id: 'rule-16-recovery-when-most-are-tainted',
    says: 'Nobody recovers a group of which most replicas are tainted.',
    source: 'protocol rule 16',
    file: 'packages/zkserver/src/switch/leaderless-watch.ts',
    find: '  return voters.length - tainted.length < majorityOf(voters.length);',
    replace: '  return voters.length < tainted.length;',
    run: once('rule-16-recovery-when-most-are-tainted'),
  },
  {
    id: 'rule-18-reader-ahead-of-a-new-leader',
    says: 'A new leader tells consumers that there is no such offset where it only does not know yet.',
    source: 'protocol rule 18',
    file: 'packages/broker/src/partition/partition.ts',
    find: '      !this.replicator.established\n    ) {',
    replace: '      !this.replicator.established && offset < 0\n    ) {',
    run: once('rule-18-reader-ahead-of-a-new-leader'),
  },
  {
    id: 'rule-30-own-match-after-its-sync',
    says: 'A replica counts what it has written, synced or not.',
    source: 'protocol rule 30',
    file: 'packages/raft/src/log-view.ts',
    find: '    return this.end;',
    replace: '    return Math.max(this.end, this.reader.lastOffset);',
    run: once('rule-30-own-match-after-its-sync'),
  },
];
