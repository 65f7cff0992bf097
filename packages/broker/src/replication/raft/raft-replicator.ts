// Drives one Raft group: gives the pure core its inputs and carries out its effects, in order, on the log and the
// transport. The only caller of RaftCore. Persist -> send -> apply: what depends on a write leaves only when the log
// reports that write durable; AppendEntries may leave before (parallel local write, rule 30).
import { assertNever } from '@zhumq/base';
import type { ReplicaLog } from '@zhumq/log';
import { zhumqError } from '@zhumq/model';
import type { BatchHeader, ErrorCode } from '@zhumq/model';
import { RaftCore } from '@zhumq/raft';
import type { Effect, HardState, Message, RaftConfig } from '@zhumq/raft';
import { SealTracker } from '../../partition/seal-tracker.js';
import type {
  AppendedRange,
  AppendRefusal,
  ClosedEnd,
  FollowerStatus,
  Replicator,
  ReplicaRole,
  SealedEnd,
} from '../replicator.js';
import { AppendSender } from './append-sender.js';
import { GroupSleep } from './group-sleep.js';
import { LeadershipReads } from './leadership-reads.js';
import { LogView, commitAtStart, coreHardState } from './log-view.js';
import type { RaftReplicatorOptions } from './raft-ports.js';
import { proposalRefusal, sealRefusal } from './raft-refusals.js';
import { RaftSealing } from './raft-sealing.js';
import { LogWrites } from '../log-writes.js';
import { SnapshotCopy } from './snapshot-copy.js';
import { Standing } from './standing.js';
import { SyncGate } from './sync-gate.js';

export type {
  GroupTransport,
  RaftReplicatorOptions,
  RaftTimings,
  SnapshotInstaller,
} from './raft-ports.js';

export class RaftReplicator implements Replicator {
  readonly mode = 'raft';
  private readonly core: RaftCore;
  private readonly log: ReplicaLog;
  private readonly gate: SyncGate;
  private readonly reads = new LeadershipReads();
  private readonly appends: AppendSender;
  private readonly seals: SealTracker;
  private readonly writes: LogWrites;
  private readonly sealing: RaftSealing;
  private readonly copy: SnapshotCopy;
  private readonly standing: Standing;
  private readonly sleep: GroupSleep;
  private failure: Error | undefined;
  private stopped = false;
  private draining = false;
  private trusted = false;
  /** What is known of an earlier generation is being synced: nothing is said in this one before (rule 12). */
  private entering = false;
  private readonly held: Message[] = [];
  /** Takes no part in this generation any more (rule 1). */
  private closed: boolean;
  private closing: Promise<ClosedEnd> | undefined;

  /** The log must hold the group's generation record and hard state already (partition/generation.ts). */
  constructor(private readonly options: RaftReplicatorOptions) {
    const { log, group } = options;
    this.log = log;
    this.closed = log.hardState?.closed === true && log.hardState.generation === group.generation;
    const config: RaftConfig = {
      self: this.log.identity.replicaId,
      incarnation: options.incarnation,
      voters: options.voters,
      learners: options.learners,
      hardState: coreHardState(this.log),
      commit: commitAtStart(log, options.doubtsStart),
      doubtsStart: options.doubtsStart,
      ...options.timings,
    };
    this.core = new RaftCore(config, new LogView(this.log), options.random);
    this.gate = new SyncGate((message) => this.send(message));
    this.appends = new AppendSender({
      ...options,
      core: this.core,
      onSend: (message) => this.sleep.sending(message),
      idle: () => this.idle(),
      onColdRead: () => {
        this.drain();
        options.endOfTick.add(this);
      },
      onRefused: (replicaId) => this.unreachable(replicaId),
    });
    this.seals = new SealTracker(log, group.generation, () => undefined);
    this.writes = new LogWrites({
      ...options,
      seals: this.seals,
      onRefused: (error) => this.fail(error),
    });
    this.sealing = new RaftSealing({
      ...options,
      core: this.core,
      seals: this.seals,
      append: (transitionId) => this.appendSeal(transitionId),
    });
    this.copy = new SnapshotCopy({
      ...options,
      idle: () => this.idle(),
      onEnded: (from, term, end) => this.onCopyEnded(from, term, end),
    });
    this.standing = new Standing(this.core, options);
    this.sleep = new GroupSleep({
      ...options,
      core: this.core,
      wake: (leaderLost) => this.wake(leaderLost),
      onAwake: () => options.listener.onAwake(),
    });
    this.log.listener = {
      onDurable: (end, epoch) => this.onDurable(end, epoch),
      onHardStateDurable: (sequence) => this.onHardStateDurable(sequence),
      onFailed: (error) => this.fail(error),
    };
    // Closed in an earlier life: it stays so (rule 1).
    if (this.closed) this.silence('is closed');
    this.drain();
    if (options.entered !== undefined) this.enter(options.entered);
  }

  get role(): ReplicaRole {
    if (this.failure !== undefined) return 'failed';
    if (this.closed) return 'closed';
    if (this.options.learners.includes(this.log.identity.replicaId)) return 'learner';
    return this.core.role === 'preCandidate' ? 'candidate' : this.core.role;
  }

  get epoch(): number {
    return this.core.term;
  }

  get leaderReplica(): string | undefined {
    return this.closed ? undefined : this.core.leader;
  }

  get established(): boolean {
    return this.core.established && !this.closed;
  }

  get sealedBy(): string | undefined {
    return this.seals.seal?.transitionId;
  }

  get tainted(): boolean {
    return this.core.tainted;
  }

  get asleep(): boolean {
    return this.core.asleep;
  }

  refusal(): AppendRefusal | undefined {
    return this.proposalRefusal() ?? sealRefusal(this.seals);
  }

  private proposalRefusal(): AppendRefusal | undefined {
    const { failure, closed, core, options } = this;
    const { maxUncommittedBytes } = options.timings;
    return proposalRefusal({ failure, closed, core: core.canPropose(), maxUncommittedBytes });
  }

  append(batch: Buffer, header: BatchHeader): AppendedRange {
    const range = this.log.appendAsLeader(batch, header, this.core.term);
    this.core.proposed(range.lastOffset, batch.length);
    this.drain();
    return range;
  }

  confirmLeadership(): Promise<number> {
    if (this.idle()) return Promise.reject(this.refused('NOT_LEADER', 'does not lead'));
    const { id, confirmed } = this.reads.begin();
    this.core.readIndex(id);
    this.drain();
    return confirmed;
  }

  transferLeadership(toReplica: string): void {
    if (this.idle()) return;
    this.core.transferLeadership(toReplica);
    this.drain();
  }

  handOver(): boolean {
    const successor = this.bestSuccessor();
    if (successor !== undefined) this.transferLeadership(successor);
    return successor !== undefined;
  }

  private bestSuccessor(): string | undefined {
    let best: FollowerStatus | undefined;
    for (const follower of this.followers()) {
      if (follower.tainted || !this.options.voters.includes(follower.replicaId)) continue;
      if (
        follower.state === 'replicate' &&
        (best === undefined || follower.durableEnd > best.durableEnd)
      )
        best = follower;
    }
    return best?.replicaId;
  }

  seal(transitionId: string, deadlineMs: number): Promise<SealedEnd> {
    const refusal = this.proposalRefusal() ?? sealRefusal(this.seals);
    // Records that wait for their commit do not keep a leader from sealing behind them.
    const mayAsk =
      refusal === undefined ||
      refusal.code === 'PARTITION_SEALED' ||
      (refusal.code === 'UNCOMMITTED_FULL' && this.seals.state !== 'unknown');
    if (mayAsk) return this.sealing.seal(transitionId, deadlineMs);
    return Promise.reject(this.refused(refusal.code, refusal.message));
  }

  close(): Promise<ClosedEnd> {
    return (this.closing ??= this.closeNow());
  }

  /** Silent from here on, in this turn: a promise made later could be one that the answer knows nothing of (rule 1). */
  private async closeNow(): Promise<ClosedEnd> {
    if (this.stopped) throw this.refused('STOPPING', 'is being closed on this broker');
    if (this.failure !== undefined)
      throw this.refused('REPLICA_FAILED', `is out of service: ${this.failure.message}`);
    const { log, core } = this;
    const before = log.hardState;
    const wasClosed = this.closed;
    this.closed = true;
    this.silence('was closed');
    if (!wasClosed) {
      log.saveHardState({
        generation: this.options.group.generation,
        term: core.term,
        vote: before?.term === core.term ? before.vote : undefined,
        closed: true,
        tainted: core.tainted,
        taintReason: core.tainted ? (before?.taintReason ?? '') : '',
      });
      // Whoever waits for a commit learns that its outcome is unknown.
      this.options.listener.onRoleChanged();
    }
    // Pieces of a copy that are still on their way would follow the end that is answered.
    await this.copy.giveUp();
    await log.sync();
    const { lastEpoch, logEnd } = log;
    return { term: core.term, lastEpoch, logEnd, tainted: core.tainted };
  }

  /** Nothing leaves any more, and whoever waits for something of this replica is told. */
  private silence(why: string): void {
    this.sleep.end();
    this.gate.close();
    this.held.length = 0;
    this.core.localWriteFailed();
    this.core.takeEffects();
    this.reads.failAll(this.refused('NOT_LEADER', why));
    this.sealing.fail(this.refused('LEADERSHIP_LOST', `${why} while it was being sealed`));
  }

  private refused(code: ErrorCode, predicate: string): Error {
    const { group, log } = this.options;
    const { topic, partition } = log.identity;
    return zhumqError(code, `replica of partition ${topic}-${partition} ${predicate}`, {
      ...group,
    });
  }

  followers(): readonly FollowerStatus[] {
    return this.core.peers().map((peer) => ({
      replicaId: peer.replica,
      state: peer.active ? peer.state : 'unreachable',
      durableEnd: peer.matched + 1,
      tainted: peer.tainted,
    }));
  }

  tick(): void {
    if (this.idle()) return;
    this.core.tick();
    this.standing.tick();
    this.drain();
  }

  /**
   * The log of the generation before is synced first, whatever its flush policy was: a vote or an acknowledgement of this
   * one speaks for all of it (rule 12). What arrives meanwhile waits, or an election would.
   */
  private enter(entered: Promise<void>): void {
    this.entering = true;
    entered.then(
      () => {
        this.entering = false;
        if (this.idle()) return;
        this.keepCommit();
        this.options.listener.onHighWatermark(this.core.commit + 1);
        this.standing.begin();
        this.drain();
        for (const message of this.held.splice(0)) this.receive(message);
      },
      (error: unknown) => this.fail(error as Error),
    );
  }

  /** A message of this group and generation, addressed to this replica. */
  receive(message: Message): void {
    if (this.entering && !this.closed && this.held.length < MAX_HELD) this.held.push(message);
    if (this.idle()) return;
    this.core.step(message);
    this.drain();
  }

  private wake(leaderLost: boolean): void {
    if (this.idle()) return;
    this.core.wake(leaderLost);
    this.drain();
  }

  /** The connection to that replica's broker broke. */
  unreachable(replicaId: string): void {
    if (this.idle()) return;
    this.core.unreachable(replicaId);
    this.drain();
  }

  stop(): void {
    this.stopped = true;
    void this.copy.giveUp();
    this.silence('was stopped');
    this.log.listener = undefined;
  }

  private idle(): boolean {
    return this.stopped || this.closed || this.entering || this.failure !== undefined;
  }

  private onDurable(durableEnd: number, epoch: number): void {
    if (this.idle()) return;
    this.options.listener.onDurableEnd(durableEnd);
    // While a copy is put in the place of the log, its pieces are not what the leader asked about.
    if (this.copy.underWay) return;
    this.core.synced(durableEnd - 1, epoch);
    this.drain();
    this.keepCommit();
  }

  private onHardStateDurable(sequence: number): void {
    if (this.idle()) return;
    const hardState = this.gate.durable(sequence);
    if (hardState === undefined) return;
    this.core.hardStateSynced(hardState.term, hardState.vote);
    this.drain();
  }

  /** Out of service for good; what was promised stays with the other replicas (rules 4 and 7). */
  private fail(error: Error): void {
    if (this.stopped || this.failure !== undefined) return;
    this.core.localWriteFailed();
    const effects = this.core.takeEffects();
    if (!this.idle()) for (const effect of effects) this.perform(effect);
    this.failure = error;
    void this.copy.giveUp();
    this.silence('failed');
    this.options.listener.onRoleChanged();
    this.options.listener.onFailed(error);
  }

  /** Strictly in order: what an effect leads to waits for those after it. */
  private drain(): void {
    if (this.draining) return;
    this.draining = true;
    try {
      for (
        let effects = this.core.takeEffects();
        effects.length > 0;
        effects = this.core.takeEffects()
      ) {
        for (const effect of effects) this.perform(effect);
      }
    } finally {
      this.draining = false;
    }
    this.sealing.check();
    this.sleep.check();
    if (!this.trusted) return;
    this.trusted = false;
    this.options.onTrusted();
  }

  private perform(effect: Effect): void {
    switch (effect.kind) {
      case 'saveHardState':
        return this.saveHardState(effect.hardState);
      case 'truncate':
        return this.writes.truncate(effect.from);
      case 'append':
        return this.writes.received(effect);
      case 'appendLeaderChange':
        return this.writes.leaderChange(effect.term, effect.voters);
      case 'send':
        return this.send(effect.message);
      case 'sendAfterSync':
        return this.gate.hold(effect.message);
      case 'replicate':
        this.appends.mark(effect.to);
        return this.options.endOfTick.add(this);
      case 'commit':
        this.keepCommit();
        return this.options.listener.onHighWatermark(effect.commit + 1);
      case 'roleChanged':
        this.copy.giveUpUnless(effect.leader);
        this.standing.heard(effect.leader);
        if (effect.role === 'leader') this.seals.find();
        return this.options.listener.onRoleChanged();
      case 'readConfirmed':
        return this.reads.confirm(effect.id, effect.offset);
      case 'readFailed':
        return this.reads.fail(
          effect.id,
          this.refused('NOT_LEADER', 'could not confirm its leadership'),
        );
      case 'installSnapshot':
        return this.copy.begin(effect.from, effect.term);
      case 'startOver':
        return this.options.onStartOver();
      case 'fatal':
        return this.fail(zhumqError('REPLICA_FAILED', effect.reason, { ...this.options.group }));
      default:
        return assertNever(effect);
    }
  }

  /** What the log remembers as committed is on this disk: after a crash it must not claim more than it holds. */
  private keepCommit(): void {
    const end = this.core.durableCommit + 1;
    if (end > this.log.highWatermark) this.log.setHighWatermark(end);
  }

  private saveHardState(hardState: HardState): void {
    const before = this.log.hardState;
    const sequence = this.log.saveHardState({
      generation: this.options.group.generation,
      term: hardState.term,
      vote: hardState.vote,
      closed: before?.closed ?? false,
      tainted: hardState.tainted,
      taintReason: hardState.tainted ? (before?.taintReason ?? '') : '',
    });
    this.gate.saved(sequence, hardState);
    if (before?.tainted === true && !hardState.tainted) this.trusted = true;
  }

  /**
   * Refused while a change of the voter set is unfinished (rule 13): there are no such changes yet; the core's proposal
   * gate is where one will say so.
   */
  private appendSeal(transitionId: string): void {
    const { lastOffset, bytes } = this.writes.seal(this.core.term, transitionId);
    this.core.proposed(lastOffset, bytes);
    this.drain();
  }

  private send(message: Message): void {
    this.sleep.sending(message);
    if (!this.options.transport.send(this.options.group, message) && !this.idle()) {
      queueMicrotask(() => this.unreachable(message.to));
    }
  }

  /** Called by EndOfTick: everything proposed since the last tick leaves in as few messages as the limits allow. */
  flush(): void {
    if (this.idle()) return;
    this.appends.flush();
    this.drain();
  }

  private onCopyEnded(from: string, term: number, end: number | undefined): void {
    if (end === undefined) {
      this.core.snapshotFailed(from, term);
    } else {
      this.seals.replaced();
      this.core.snapshotInstalled(from, term, end);
    }
    this.drain();
    // What became durable meanwhile was not told.
    const { durableEnd } = this.log;
    this.onDurable(durableEnd, this.log.epochAt(durableEnd - 1) ?? 0);
  }
}

/** Messages that wait while a generation is entered; what is beyond is lost, as on a wire. */
const MAX_HELD = 64;
