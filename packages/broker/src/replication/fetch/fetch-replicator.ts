// Drives one replica of a partition in mode fetch: gives the pure core its inputs and carries out its effects, in order,
// on the log, the fetch session that asks the leader, the sessions of those who ask here, and the zkserver. The only
// caller of FetchCore. What is said of a write waits until the log reports it on disk.
import { assertNever } from '@zhumq/base';
import { FetchCore } from '@zhumq/fetch';
import type { Answer, Effect, PartitionState, Position, ReceivedAnswer } from '@zhumq/fetch';
import type { ReplicaLog } from '@zhumq/log';
import { zhumqError } from '@zhumq/model';
import type { BatchHeader, ErrorCode } from '@zhumq/model';
import type { GroupAddress } from '../raft/raft-messages.js';
import { sealRefusal } from '../raft/raft-refusals.js';
import { LogWrites } from '../log-writes.js';
import type {
  AppendedRange,
  AppendRefusal,
  FollowerStatus,
  Replicator,
  ReplicaRole,
  SealedEnd,
} from '../replicator.js';
import type { FetchReplicatorOptions } from './fetch-ports.js';
import { FetchSeal } from './fetch-seal.js';
import { SegmentCopy } from './segment-copy.js';

export type { FetchReplicatorOptions, FetchTimings } from './fetch-ports.js';

export class FetchReplicator implements Replicator {
  readonly mode = 'fetch';
  readonly asleep = false;
  readonly group: GroupAddress;
  readonly log: ReplicaLog;
  private readonly core: FetchCore;
  private readonly copy: SegmentCopy;
  private readonly sealing: FetchSeal;
  private readonly writes: LogWrites;
  private failure: Error | undefined;
  private stopped = false;
  private draining = false;
  private entering = false;
  private trusted = false;
  /** The hard state without the taint, while it is not on disk: until then the old word is given. */
  private untaintSequence: number | undefined;
  /** Its broker stops: it leads no epoch on, and resigns from each once. */
  private leaving = false;
  private resignedEpoch = -1;
  private toldSyncedEnd: number;
  private toldHighWatermark: number;
  private assigned: PartitionState | undefined;

  /** The log must hold the generation record and hard state already (partition/generation.ts). */
  constructor(private readonly options: FetchReplicatorOptions) {
    const { log, group } = options;
    this.group = group;
    this.log = log;
    this.toldSyncedEnd = log.syncedEnd;
    const config = {
      self: log.identity.replicaId,
      incarnation: options.incarnation,
      tainted: log.hardState?.tainted ?? false,
      highWatermark: log.highWatermark,
      durableEnd: log.durableEnd,
      syncedEnd: log.syncedEnd,
      ...options.fetchTimings,
    };
    this.core = new FetchCore(config, log);
    this.toldHighWatermark = this.core.highWatermark;
    this.copy = new SegmentCopy({
      ...options,
      onEnded: (leader, epoch, done) => this.onCopyEnded(leader, epoch, done),
    });
    this.sealing = new FetchSeal({
      ...options,
      generation: group.generation,
      onSealed: (end) => {
        this.core.sealed(end);
        this.drain();
      },
      append: (transitionId) => this.appendSeal(transitionId),
    });
    this.writes = new LogWrites({
      ...options,
      seals: this.sealing.tracker,
      onRefused: (error) => this.fail(error),
    });
    log.listener = {
      onDurable: (end, epoch) => this.onDurable(end, epoch),
      onHardStateDurable: (sequence) => this.onHardStateDurable(sequence),
      onFailed: (error) => this.fail(error),
    };
    this.drain();
    if (options.entered !== undefined) this.enter(options.entered);
  }

  get role(): ReplicaRole {
    if (this.failure !== undefined) return 'failed';
    return this.core.role === 'idle' ? 'offline' : this.core.role;
  }

  get epoch(): number {
    return this.core.epoch;
  }

  get leaderReplica(): string | undefined {
    return this.core.leader;
  }

  get established(): boolean {
    return this.core.established;
  }

  /** The state that was assigned last; undefined before the zkserver has answered in this life (rule 13). */
  get state(): PartitionState | undefined {
    return this.assigned;
  }

  get isStopped(): boolean {
    return this.stopped;
  }

  /** As last recorded. */
  get isr(): readonly string[] {
    return this.core.isr;
  }

  get sealedBy(): string | undefined {
    return this.sealing.sealedBy;
  }

  refusal(acks: number): AppendRefusal | undefined {
    if (this.failure !== undefined) {
      return {
        code: 'REPLICA_FAILED',
        message: `is out of service on this broker: ${this.failure.message}`,
      };
    }
    if (this.leaving) return { code: 'NOT_LEADER', message: 'is handing its leadership over' };
    switch (this.core.refusal(acks)) {
      case undefined:
        return sealRefusal(this.sealing.tracker);
      case 'notLeader':
        return { code: 'NOT_LEADER', message: 'is not led by this broker' };
      case 'sealed':
        return { code: 'PARTITION_SEALED', message: 'is being switched to another mode' };
      case 'notEnoughReplicas':
        return {
          code: 'NOT_ENOUGH_REPLICAS',
          message: `has ${this.core.isr.length} replicas in sync; acks=-1 needs ${this.assigned?.minInsyncReplicas}`,
        };
    }
  }

  append(batch: Buffer, header: BatchHeader): AppendedRange {
    const range = this.log.appendAsLeader(batch, header, this.core.epoch);
    this.sealing.tracker.appended(batch);
    this.core.appended(this.log.logEnd);
    this.drain();
    return range;
  }

  confirmLeadership(): Promise<number> {
    if (!this.idle() && this.core.role === 'leader' && this.core.established)
      return Promise.resolve(this.core.highWatermark - 1);
    return Promise.reject(this.refused('NOT_LEADER', 'could not confirm its leadership'));
  }

  transferLeadership(toReplica: string): void {
    if (!this.idle()) this.options.zkServer.electLeader(this, toReplica);
  }

  handOver(): boolean {
    if (this.idle() || this.core.role !== 'leader') return false;
    const self = this.log.identity.replicaId;
    if (this.core.isr.every((replica) => replica === self)) return false;
    // Takes no more records, so that those who may lead next can have them all.
    this.leaving = true;
    if (this.resignedEpoch !== this.core.epoch) {
      this.resignedEpoch = this.core.epoch;
      this.options.zkServer.resign(this, this.core.epoch);
    }
    return true;
  }

  followers(): readonly FollowerStatus[] {
    return this.core.followers().map((follower) => ({
      replicaId: follower.replica,
      state: follower.inSync ? 'in-sync' : follower.durableEnd < 0 ? 'unreachable' : 'catching-up',
      durableEnd: follower.durableEnd,
      tainted: follower.tainted,
    }));
  }

  seal(transitionId: string, deadlineMs: number): Promise<SealedEnd> {
    if (!this.idle() && this.core.role === 'leader')
      return this.sealing.order(transitionId, deadlineMs);
    const code = this.failure === undefined ? 'NOT_LEADER' : 'REPLICA_FAILED';
    return Promise.reject(this.refused(code, 'can not be sealed here: only its leader seals'));
  }

  tick(): void {
    if (this.idle()) return;
    this.sealing.tick();
    this.tellSynced();
    this.core.tick();
    this.drain();
  }

  /** What the zkserver recorded. Never from a copy of an earlier life: before the zkserver answers, a replica waits (rule 13). */
  assign(state: PartitionState): void {
    if (this.stopped) return;
    if (this.assigned === undefined || state.version >= this.assigned.version)
      this.assigned = state;
    if (this.failure !== undefined || this.entering) return;
    const { core, copy } = this;
    const goesOn = state.epoch === core.epoch && state.leader?.replica === core.leader;
    // Half a copy is another log than the core knows of: first it hears of that, then of the next leader (rule 30).
    if (copy.underWay && !goesOn) return copy.giveUp();
    core.assign(state);
    this.drain();
  }

  private enter(entered: Promise<void>): void {
    this.entering = true;
    entered.then(
      () => {
        this.entering = false;
        this.assignLatest();
      },
      (error: unknown) => this.fail(error as Error),
    );
  }

  /** What had to wait. */
  private assignLatest(): void {
    const { assigned, core } = this;
    if (this.idle() || assigned === undefined || assigned.version <= core.version) return;
    core.assign(assigned);
    this.drain();
  }

  proposalSettled(id: number): void {
    if (this.idle()) return;
    this.core.proposalSettled(id);
    this.drain();
  }

  proposalUnknown(id: number): void {
    if (this.idle()) return;
    this.core.proposalUnknown(id);
    this.drain();
  }

  // ---- leader: what followers ask

  answer(position: Position): Answer {
    if (this.idle()) return { kind: 'notLeader', epoch: this.core.epoch };
    const answer = this.core.answer(position);
    this.drain();
    return answer;
  }

  report(position: Position): void {
    if (this.idle()) return;
    this.core.report(position);
    this.drain();
  }

  // ---- follower: what the leader is asked, and what it said

  position(): Position | undefined {
    if (this.idle()) return undefined;
    const position = this.core.position();
    if (position === undefined || this.untaintSequence === undefined) return position;
    return { ...position, tainted: true };
  }

  received(answer: ReceivedAnswer): void {
    if (this.idle()) return;
    this.core.received(answer);
    this.drain();
  }

  stop(): void {
    this.stopped = true;
    this.copy.stop();
    this.options.leaderLinks.follow(this, undefined);
    this.options.waitingFollowers.wake(this.group);
    this.sealing.failAll('NOT_LEADER', 'is being closed on this broker');
    this.log.listener = undefined;
  }

  private refused(code: ErrorCode, predicate: string): Error {
    const { topic, partition } = this.log.identity;
    return zhumqError(code, `replica of partition ${topic}-${partition} ${predicate}`, {
      ...this.group,
    });
  }

  private idle(): boolean {
    return this.stopped || this.failure !== undefined;
  }

  private onDurable(durableEnd: number, epoch: number): void {
    if (this.idle()) return;
    this.options.listener.onDurableEnd(durableEnd);
    // While a copy is put in the place of the log, its pieces are not what the leader asked about.
    if (this.copy.underWay) return;
    this.core.synced(durableEnd, epoch);
    this.tellSynced();
    this.drain();
    this.keepHighWatermark();
  }

  private tellSynced(): void {
    const { syncedEnd } = this.log;
    if (syncedEnd === this.toldSyncedEnd || this.copy.underWay) return;
    this.toldSyncedEnd = syncedEnd;
    this.core.syncedThrough(syncedEnd, this.log.epochAt(syncedEnd - 1) ?? 0);
  }

  private onHardStateDurable(sequence: number): void {
    if (this.untaintSequence === undefined || sequence < this.untaintSequence || this.idle())
      return;
    this.untaintSequence = undefined;
    this.options.leaderLinks.changed(this);
  }

  /** Out of service for good; what was promised stays with the other replicas (rules 4 and 7). */
  private fail(error: Error): void {
    if (this.idle()) return;
    this.core.localWriteFailed();
    for (const effect of this.core.takeEffects()) this.perform(effect);
    this.failure = error;
    this.copy.stop();
    this.sealing.failAll('REPLICA_FAILED', `is out of service on this broker: ${error.message}`);
    this.options.leaderLinks.follow(this, undefined);
    this.options.waitingFollowers.wake(this.group);
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
    if (!this.trusted) return;
    this.trusted = false;
    this.options.onTrusted();
  }

  private perform(effect: Effect): void {
    const { leaderLinks, waitingFollowers, zkServer } = this.options;
    switch (effect.kind) {
      case 'appendLeaderChange':
        return this.writes.leaderChange(effect.epoch, []);
      case 'append':
        return this.writes.received(effect);
      case 'truncate':
        return this.truncate(effect.from, effect.belowHighWatermark);
      case 'clearTaint':
        return this.clearTaint();
      case 'highWatermark':
        return this.onHighWatermark(effect.highWatermark);
      case 'roleChanged':
        return this.onRoleChanged(effect);
      case 'positionChanged':
        return leaderLinks.changed(this);
      case 'wake':
        return waitingFollowers.wake(this.group);
      case 'proposeIsr':
        return zkServer.changeIsr(this, effect);
      case 'askState':
        return zkServer.askState();
      case 'resign':
        return this.resign(effect.epoch, effect.reason);
      case 'sealSynced':
        return this.sealing.synced(effect.replicas);
      case 'syncNow':
        return this.syncNow();
      case 'copySegments':
        return this.copy.begin(effect.leader, effect.epoch);
      case 'fatal':
        return this.fail(this.refused('REPLICA_FAILED', `stopped: ${effect.reason}`));
      default:
        return assertNever(effect);
    }
  }

  private onRoleChanged({ role, leader }: Extract<Effect, { kind: 'roleChanged' }>): void {
    const { leaderLinks, waitingFollowers, listener } = this.options;
    leaderLinks.follow(this, role === 'follower' ? leader : undefined);
    waitingFollowers.wake(this.group);
    if (role === 'leader') this.sealing.tracker.find();
    else this.sealing.failAll('LEADERSHIP_LOST', 'lost its leader while it was being sealed');
    listener.onRoleChanged();
  }

  private onHighWatermark(highWatermark: number): void {
    const { listener } = this.options;
    const fell = highWatermark < this.toldHighWatermark;
    this.toldHighWatermark = highWatermark;
    this.keepHighWatermark();
    if (fell) listener.onCommittedLost(highWatermark);
    else listener.onHighWatermark(highWatermark);
  }

  /** What the log remembers as committed is on this disk: after a crash it must not claim more than it holds. */
  private keepHighWatermark(): void {
    const end = Math.min(this.core.highWatermark, this.log.durableEnd);
    if (end > this.log.highWatermark) this.log.setHighWatermark(end);
  }

  private truncate(from: number, belowHighWatermark: boolean): void {
    const { log, options } = this;
    if (belowHighWatermark) {
      options.logger.warn(
        { ...this.group, from, highWatermark: log.highWatermark },
        'records that were committed are cut: a possible loss was reported, or this disk had lost some before',
      );
      log.lowerHighWatermark(from);
      options.listener.onCommittedLost(from);
      this.toldHighWatermark = Math.min(this.toldHighWatermark, from);
    }
    this.writes.truncate(from);
    this.toldSyncedEnd = Math.min(this.toldSyncedEnd, from);
  }

  /** The last batch of this generation; from here on the core refuses records (rule 17). */
  private appendSeal(transitionId: string): void {
    if (this.idle() || this.core.role !== 'leader') return;
    try {
      this.writes.seal(this.core.epoch, transitionId);
      this.core.appended(this.log.logEnd);
    } catch (error) {
      this.sealing.failAll(
        'REPLICA_FAILED',
        `could not be sealed, its log refused: ${String(error)}`,
      );
    }
    this.drain();
  }

  private clearTaint(): void {
    const { log } = this;
    this.trusted = true;
    this.untaintSequence = log.saveHardState({
      generation: this.group.generation,
      term: log.hardState?.term ?? 0,
      vote: undefined,
      closed: false,
      tainted: false,
      taintReason: '',
    });
  }

  private resign(epoch: number, reason: string): void {
    this.options.logger.warn({ ...this.group, epoch, reason }, 'gives up its leadership');
    this.options.zkServer.resign(this, epoch);
  }

  private syncNow(): void {
    this.log.sync().then(
      () => {
        if (this.idle()) return;
        this.tellSynced();
        this.drain();
      },
      (error: unknown) => this.fail(error as Error),
    );
  }

  /** `changed`: the copy had begun to take the log's place, and whatever it holds is the leader's. */
  private onCopyEnded(leader: string, epoch: number, changed: boolean): void {
    if (this.idle()) return;
    const { log, core } = this;
    if (changed) {
      this.sealing.tracker.replaced();
      core.segmentsCopied(leader, epoch);
    } else core.copyFailed(leader, epoch);
    this.drain();
    this.assignLatest();
    // What became durable meanwhile was not told.
    this.toldSyncedEnd = -1;
    this.onDurable(log.durableEnd, log.epochAt(log.durableEnd - 1) ?? 0);
  }
}
