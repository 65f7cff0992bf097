// Each rule of the protocol taken out. Its scenario must then fail: docs/testing-rules.md.
import type { Mutant } from '@zhumq/testkit';
import { once } from './hunts.js';
import { moreRuleMutants } from './rules-disks.js';
import { sleepRuleMutants } from './rules-sleep.js';

export const ruleMutants: readonly Mutant[] = [
  {
    id: 'rule-01-epoch-above-all-terms',
    says: 'The epoch of mode fetch is one more than the recorded one, whatever terms the voters answered.',
    source: 'rule 1 (a)',
    file: 'packages/zkserver/src/switch/close-answers.ts',
    find: 'nextEpoch: 1 + Math.max(recordedEpoch, ...answers.map(({ epoch }) => epoch)),',
    replace: 'nextEpoch: 1 + recordedEpoch,',
    run: once('rule-01-epoch-above-all-terms'),
  },
  {
    id: 'rule-01-closed-voters-are-silent',
    says: 'A voter that was closed answers how far its log goes, and takes part in its generation as before.',
    source: 'rule 1 (b)',
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
    source: 'rule 2',
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
    source: 'rule 5',
    file: 'packages/log/src/store/checkpoint-frame.ts',
    find: '    replicas: table.rows,',
    replace: '    replicas: table.rows.map((row) => ({ ...row, hardState: undefined })),',
    run: once('rule-05-vote-outlives-recycling'),
  },
  {
    id: 'rule-06-wiped-disk-has-no-vote',
    says: 'A replica that was made on another data directory is made again, empty, under its old identity.',
    source: 'rule 6',
    file: 'packages/broker/src/partition/partition-opener.ts',
    find: '    if (directoryId !== store.directoryId) {',
    replace: '    if (directoryId === "") {',
    run: once('rule-06-wiped-disk-has-no-vote'),
  },
  {
    id: 'rule-06-wiped-disk-counts-for-nothing',
    says: 'A replica that was made on another data directory is made again, empty, under its old identity.',
    source: 'rule 6',
    file: 'packages/broker/src/partition/partition-opener.ts',
    find: '    if (directoryId !== store.directoryId) {',
    replace: '    if (directoryId === "") {',
    run: once('rule-06-wiped-disk-counts-for-nothing'),
  },
  {
    id: 'rule-30-vote-after-its-sync',
    says: 'A vote leaves before it is on disk.',
    source: 'rule 30',
    file: 'packages/broker/src/replication/raft/sync-gate.ts',
    find: '    if (last === undefined) this.release(message);',
    replace: '    if (last === undefined || message.type === "voteReply") this.release(message);',
    run: once('rule-30-vote-after-its-sync'),
  },
  {
    id: 'rule-15-duplicate-waits-like-the-first',
    says: 'A duplicate is acknowledged at once.',
    source: 'rule 15',
    file: 'packages/broker/src/partition/partition.ts',
    find: '    if (acks === 0) return callback(undefined, result);',
    replace: '    if (acks === 0 || result.duplicate) return callback(undefined, result);',
    run: once('rule-15-duplicate-waits-like-the-first'),
  },
  {
    id: 'rule-16-tainted-voter-elects-nobody',
    says: 'A replica that may lack what it acknowledged votes like any other.',
    source: 'rule 16',
    file: 'packages/raft/src/replica.ts',
    find: '    return this.isVoter(this.self) && !this.ballot.tainted && this.installation === undefined;',
    replace: '    return this.isVoter(this.self) && this.installation === undefined;',
    run: once('rule-16-tainted-voter-elects-nobody'),
  },
  {
    id: 'rule-16-match-of-a-former-life',
    says: 'A leader goes on counting what a former life of a follower had on disk.',
    source: 'rule 16',
    file: 'packages/raft/src/progress.ts',
    find: '    if (!restarted) return;',
    replace: '    if (this.incarnation === incarnation || !restarted) return;',
    run: once('rule-16-match-of-a-former-life'),
  },
  {
    id: 'rule-16-recovery-when-most-are-tainted',
    says: 'Nobody recovers a group of which most replicas are tainted.',
    source: 'rule 16',
    file: 'packages/zkserver/src/switch/leaderless-watch.ts',
    find: '  return voters.length - tainted.length < majorityOf(voters.length);',
    replace: '  return voters.length < tainted.length;',
    run: once('rule-16-recovery-when-most-are-tainted'),
  },
  {
    id: 'rule-18-reader-ahead-of-a-new-leader',
    says: 'A new leader tells consumers that there is no such offset where it only does not know yet.',
    source: 'rule 18',
    file: 'packages/broker/src/partition/partition.ts',
    find: '    if (offset > this.highWatermark && offset <= this.log.logEnd && !this.replicator.established) {',
    replace: '    if (offset > this.highWatermark && offset < 0 && !this.replicator.established) {',
    run: once('rule-18-reader-ahead-of-a-new-leader'),
  },
  {
    id: 'rule-30-own-match-after-its-sync',
    says: 'A replica counts what it has written, synced or not.',
    source: 'rule 30',
    file: 'packages/raft/src/log-view.ts',
    find: '    return this.end;',
    replace: '    return Math.max(this.end, this.reader.lastOffset);',
    run: once('rule-30-own-match-after-its-sync'),
  },
  {
    id: 'rule-07-failed-sync-of-the-shared-log',
    says: 'A failed sync of the write-ahead log is taken for a successful one.',
    source: 'rule 7',
    file: 'packages/log/src/store/wal-writer.ts',
    find: `    } catch (error) {
      this.failure = error;
      throw error;
    }
    // Another failure`,
    replace: `    } catch {
      // The next one will do.
    }
    // Another failure`,
    run: once('rule-07-failed-sync-of-the-shared-log'),
  },
  {
    id: 'rule-03-epoch-of-one-life',
    says: 'A leader in mode fetch goes on in its epoch after a restart, and the zkserver lets it.',
    source: 'rule 3',
    edits: [
      {
        file: 'packages/fetch/src/assignment.ts',
        find: "  if (leader.incarnation !== candidate.incarnation) return { kind: 'idle' };\n",
        replace: '',
      },
      {
        file: 'packages/fetch/src/assignment.ts',
        find: '  if (candidate.ledEpoch >= epoch || candidate.lastEpoch >= epoch) {',
        replace: '  if (candidate.ledEpoch > epoch || candidate.lastEpoch > epoch) {',
      },
      {
        file: 'packages/fetch/src/assignment.ts',
        find: '  if (candidate.tainted && lossEpoch !== epoch) {',
        replace: '  if (candidate.tainted && lossEpoch > epoch) {',
      },
      {
        file: 'packages/zkserver/src/election/fetch-partitions.ts',
        find: 'view.liveBrokers.get(leader.broker)?.incarnation === leader.incarnation',
        replace: 'view.liveBrokers.has(leader.broker)',
      },
    ],
    run: once('rule-03-epoch-of-one-life'),
  },
  {
    id: 'rule-10-expansion-in-flight',
    says: 'A leader in mode fetch counts the ISR that it knows of, not what its proposals may have made of it.',
    source: 'rule 10',
    file: 'packages/fetch/src/isr.ts',
    find: '    return this.union;',
    replace: '    return this.state.isr.slice(0, this.union.length);',
    run: once('rule-10-expansion-in-flight'),
  },
  {
    id: 'rule-10-watermark-needs-the-minimum',
    says: 'The high watermark moves on with fewer replicas in sync than min.insync.replicas.',
    source: 'rule 10',
    file: 'packages/fetch/src/leader.ts',
    find: '    if (isr.recorded.length < this.state.minInsyncReplicas) return;\n    let end',
    replace: '    let end',
    run: once('rule-10-watermark-needs-the-minimum'),
  },
  {
    id: 'rule-11-unclean-member-does-not-lead',
    says: 'A member of the ISR leads although it may have lost what it acknowledged.',
    source: 'rule 11 (a)',
    edits: [
      {
        file: 'packages/zkserver/src/election/choose-leader.ts',
        find: '  const clean = answers.filter(({ tainted }) => !tainted);',
        replace: '  const clean = answers;',
      },
      {
        file: 'packages/fetch/src/assignment.ts',
        find: '  if (candidate.tainted && lossEpoch !== epoch) {',
        replace: '  if (candidate.tainted && lossEpoch > epoch) {',
      },
    ],
    run: once('rule-11-unclean-member-does-not-lead'),
  },
  {
    id: 'rule-11-last-member-is-not-alone',
    says: 'Whoever leaves the ISR is not eligible to lead any more, however few stay.',
    source: 'rule 11 (b)',
    file: 'packages/zkserver/src/election/fetch-partitions.ts',
    find: '    elr: isr.length < minInsync ? ids.filter((id) => eligible.has(id)) : [],',
    replace:
      '    elr: isr.length < minInsync ? ids.filter((id) => eligible.has(id) && false) : [],',
    run: once('rule-11-last-member-is-not-alone'),
  },
  {
    id: 'rule-11-fetch-of-a-former-life',
    says: 'A replica joins the ISR whichever of its lives its leader speaks of.',
    source: 'rule 11 (c)',
    file: 'packages/zkserver/src/election/change-isr.ts',
    find: '    if (isAvailable(view, replica) && present === claimed) continue;',
    replace: '    if (isAvailable(view, replica) && claimed !== undefined) continue;',
    run: once('rule-11-fetch-of-a-former-life'),
  },
  {
    id: 'rule-12-seal-is-on-disk',
    says: 'A seal in mode fetch counts where it is written, synced or not.',
    source: 'rule 12',
    file: 'packages/fetch/src/leader.ts',
    find: `    if (member === self) return log.syncedEnd;
    return this.followers.get(member)?.syncedEnd ?? -1;`,
    replace: `    if (member === self) return log.durableEnd;
    return this.followers.get(member)?.durableEnd ?? -1;`,
    run: once('rule-12-seal-is-on-disk'),
  },
  {
    id: 'rule-13-seal-of-an-older-generation',
    says: 'A seal seals, whichever generation it belongs to.',
    source: 'rule 13',
    edits: [
      {
        file: 'packages/broker/src/partition/seal-tracker.ts',
        find: "    if (record?.kind === 'leaderChange' && record.body.generation === this.generation)",
        replace:
          "    if (record?.kind === 'leaderChange' && record.body.generation <= this.generation)",
      },
      {
        file: 'packages/broker/src/partition/seal-tracker.ts',
        find: "    if (record?.kind !== 'modeSeal' || record.body.generation !== this.generation)",
        replace: "    if (record?.kind !== 'modeSeal' || record.body.generation > this.generation)",
      },
    ],
    run: once('rule-13-seal-of-an-older-generation'),
  },
  {
    id: 'rule-13-closed-in-an-older-generation',
    says: 'Hard states carry no generation: who was closed in one is closed in the next.',
    source: 'rule 13',
    file: 'packages/broker/src/partition/generation.ts',
    find: `    vote: undefined,
    closed: false,
    tainted,`,
    replace: `    vote: before?.vote,
    closed: before?.closed ?? false,
    tainted,`,
    run: once('rule-13-closed-in-an-older-generation'),
  },
  {
    id: 'rule-13-restart-without-the-store',
    says: 'A broker serves no partition before a zkserver has told it of its partitions.',
    source: 'rule 13',
    file: 'packages/broker/src/partition/partition-opener.ts',
    find: '    const topicConfig = parseTopicConfig(assignment.config);\n    const found',
    replace:
      '    const topicConfig = parseTopicConfig(assignment.config);\n    if (!isFresh) return undefined;\n    const found',
    run: once('rule-13-restart-without-the-store'),
  },
  {
    id: 'rule-17-forward-after-a-seal',
    says: 'The intent of a switch is taken back although its seal may be in the log.',
    source: 'rule 17',
    edits: [
      {
        file: 'packages/zkserver/src/switch/give-up-switch.ts',
        find: "  if (transition.phase === 'seal' && !mayBeSealed) {",
        replace: "  if (transition.phase === 'seal' || !mayBeSealed) {",
      },
      {
        file: 'packages/zkserver/src/switch/give-up-switch.ts',
        find: '    record.transition === undefined &&\n    record.generation === claim.generation',
        replace:
          '    record.transition !== undefined &&\n    record.generation === claim.generation',
      },
    ],
    run: once('rule-17-forward-after-a-seal'),
  },
  {
    id: 'rule-17-late-seal',
    says: 'A broker does what a zkserver orders whatever generation and version the order is based on.',
    source: 'rule 17',
    edits: [
      {
        file: 'packages/broker/src/api/partition-control-handler.ts',
        find: '    assignments.checkController(controllerEpoch);',
        replace: '    if (controllerEpoch < 0) assignments.checkController(controllerEpoch);',
      },
      {
        file: 'packages/broker/src/api/partition-control-handler.ts',
        find: '    if (partition.name.generation !== generation) {',
        replace: '    if (partition.name.generation < generation) {',
      },
      {
        file: 'packages/broker/src/api/partition-control-handler.ts',
        find: '    if (known > version) {',
        replace: '    if (known > version && topicId === "") {',
      },
    ],
    run: once('rule-17-late-seal'),
  },
  {
    id: 'rule-18-straggler-keeps-its-own-commit',
    says: 'A generation begins with everything below its seal committed, also where the log holds something else.',
    source: 'rule 18',
    file: 'packages/broker/src/replication/raft/log-view.ts',
    find: '  const holds = seal !== undefined && log.epochAt(seal.offset - 1) === seal.epoch;',
    replace: '  const holds = seal !== undefined && log.logEnd >= seal.offset;',
    run: once('rule-18-straggler-keeps-its-own-commit'),
  },
  ...moreRuleMutants,
  ...sleepRuleMutants,
];
