// Drives one Raft group: gives the pure core its inputs and carries out its effects, in order, on the log and the
// transport. The only caller of RaftCore. Persist -> send -> apply: what depends on a write leaves only when the log
// reports that write durable; AppendEntries may leave before (parallel local write, rule 30).
import { assertNever } from '@zhumq/base';
import type { Logger, Random } from '@zhumq/base';
import type { ReplicaLog } from '@zhumq/log';
import { leaderChangeBatch, readBatchHeader, zhumqError } from '@zhumq/model';
import type { BatchHeader } from '@zhumq/model';
import { RaftCore } from '@zhumq/raft';
import type { Effect, HardState, Message, RaftConfig } from '@zhumq/raft';
import type {
  AppendedRange,
  AppendRefusal,
  FollowerStatus,
  Replicator,
  ReplicatorListener,
  ReplicaRole,
} from '../replicator.js';
import type { EndOfTick } from './end-of-tick.js';
import { AppendSender } from './append-sender.js';
import { LeadershipReads } from './leadership-reads.js';
import { LogView, coreHardState } from './log-view.js';
import type { GroupAddress } from './raft-messages.js';
import { SyncGate } from './sync-gate.js';

/** How messages leave: implemented by RaftTransport. */
export interface GroupTransport {
  /** Queues a message for the broker that holds `message.to`; false when its connection has no room (the message is lost). */
  send(group: GroupAddress, message: Message, buffers?: readonly Buffer[]): boolean;
}

/** Copies segments from the leader when this replica is behind its log start. */
export interface SnapshotInstaller {
  /** Resolves with the last offset on disk. */
  install(
    group: GroupAddress,
    fromReplica: string,
    log: ReplicaLog,
    signal: AbortSignal,
  ): Promise<number>;
}

export interface RaftTimings {
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
  readonly maxAppendBytes: number;
  readonly maxUncommittedBytes: number;
}

export interface RaftReplicatorOptions {
  readonly group: GroupAddress;
  readonly log: ReplicaLog;
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  readonly incarnation: number;
  /** The replica that should lead when nothing else speaks against it. */
  readonly preferred: boolean;
  readonly timings: RaftTimings;
  readonly transport: GroupTransport;
  readonly installer: SnapshotInstaller;
  readonly endOfTick: EndOfTick;
  readonly random: Random;
  readonly wallMs: () => number;
  readonly logger: Logger;
  readonly listener: ReplicatorListener;
  /** The leader has lifted this replica's taint. */
  readonly onTrusted: () => void;
}

export class RaftReplicator implements Replicator {
  readonly mode = 'raft';
  private readonly core: RaftCore;
  private readonly log: ReplicaLog;
  private readonly gate: SyncGate;
  private readonly reads = new LeadershipReads();
  private readonly appends: AppendSender;
  private installation: { readonly from: string; readonly abort: AbortController } | undefined;
  private failure: Error | undefined;
  private stopped = false;
  private draining = false;
  private trusted = false;
  private hasStood = false;

  /** The log must hold the group's generation record and hard state already (partition/generation.ts). */
  constructor(private readonly options: RaftReplicatorOptions) {
    this.log = options.log;
    const config: RaftConfig = {
      self: this.log.identity.replicaId,
      incarnation: options.incarnation,
      voters: options.voters,
      learners: options.learners,
      hardState: coreHardState(this.log),
      commit: Math.min(this.log.highWatermark, this.log.logEnd) - 1,
      ...options.timings,
    };
    this.core = new RaftCore(config, new LogView(this.log), options.random);
    this.gate = new SyncGate((message) => this.send(message));
    this.appends = new AppendSender({
      ...options,
      core: this.core,
      idle: () => this.idle(),
      onColdRead: () => {
        this.drain();
        options.endOfTick.add(this);
      },
      onRefused: (replicaId) => this.unreachable(replicaId),
    });
    this.log.listener = {
      onDurable: (end, epoch) => this.onDurable(end, epoch),
      onHardStateDurable: (sequence) => this.onHardStateDurable(sequence),
      onFailed: (error) => this.fail(error),
    };
    this.drain();
  }

  get role(): ReplicaRole {
    if (this.failure !== undefined) return 'failed';
    if (this.options.learners.includes(this.log.identity.replicaId)) return 'learner';
    return this.core.role === 'preCandidate' ? 'candidate' : this.core.role;
  }

  get epoch(): number {
    return this.core.term;
  }

  get leaderReplica(): string | undefined {
    return this.core.leader;
  }

  get established(): boolean {
    return this.core.established;
  }

  get tainted(): boolean {
    return this.core.tainted;
  }

  refusal(): AppendRefusal | undefined {
    if (this.failure !== undefined) {
      return {
        code: 'REPLICA_FAILED',
        message: `is out of service on this broker: ${this.failure.message}`,
      };
    }
    switch (this.core.canPropose()) {
      case undefined:
        return undefined;
      case 'notLeader':
        return { code: 'NOT_LEADER', message: 'is not led by this broker' };
      case 'transferring':
        return { code: 'NOT_LEADER', message: 'is handing its leadership over' };
      case 'uncommittedFull':
        return {
          code: 'UNCOMMITTED_FULL',
          message: `has ${this.options.timings.maxUncommittedBytes} bytes that wait to be committed; a majority of its replicas is slow or away`,
        };
    }
  }

  append(batch: Buffer, header: BatchHeader): AppendedRange {
    const range = this.log.appendAsLeader(batch, header, this.core.term);
    this.core.proposed(range.lastOffset, batch.length);
    this.drain();
    return range;
  }

  confirmLeadership(): Promise<number> {
    const { id, confirmed } = this.reads.begin();
    this.core.readIndex(id);
    this.drain();
    return confirmed;
  }

  transferLeadership(toReplica: string): void {
    if (this.stopped) return;
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

  get sealedBy(): string | undefined {
    return undefined;
  }

  seal(): Promise<never> {
    return Promise.reject(zhumqError('UNSUPPORTED', 'this version does not seal partitions'));
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
    if (!this.hasStood) this.standFirst();
    this.drain();
  }

  /** A new partition need not wait for an election timeout: its preferred leader stands at once, and once. */
  private standFirst(): void {
    this.hasStood = true;
    const { core, log, options } = this;
    if (options.preferred && log.logEnd === 0 && core.leader === undefined) core.campaign();
  }

  /** A message of this group and generation, addressed to this replica. */
  receive(message: Message): void {
    if (this.idle()) return;
    this.core.step(message);
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
    this.installation?.abort.abort();
    this.reads.failAll(zhumqError('STOPPING', 'the replica is stopping'));
    this.gate.close();
    this.log.listener = undefined;
  }

  private idle(): boolean {
    return this.stopped || this.failure !== undefined;
  }

  private onDurable(durableEnd: number, epoch: number): void {
    if (this.idle()) return;
    this.options.listener.onDurableEnd(durableEnd);
    // While a copy is put in the place of the log, its pieces are not what the leader asked about.
    if (this.installation !== undefined) return;
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
    if (this.idle()) return;
    this.core.localWriteFailed();
    for (const effect of this.core.takeEffects()) this.perform(effect);
    this.failure = error;
    this.installation?.abort.abort();
    this.gate.close();
    this.reads.failAll(error);
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
    switch (effect.kind) {
      case 'saveHardState':
        return this.saveHardState(effect.hardState);
      case 'truncate':
        return this.guardWrite(() => this.log.truncate(effect.from));
      case 'append':
        return this.appendReceived(effect);
      case 'appendLeaderChange':
        return this.appendLeaderChange(effect.term, effect.voters);
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
        this.giveUpCopy(effect.leader);
        return this.options.listener.onRoleChanged();
      case 'readConfirmed':
        return this.reads.confirm(effect.id, effect.offset);
      case 'readFailed':
        return this.reads.fail(
          effect.id,
          zhumqError('NOT_LEADER', 'leadership could not be confirmed'),
        );
      case 'installSnapshot':
        return this.installSnapshot(effect.from, effect.term);
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

  private appendReceived(effect: Extract<Effect, { kind: 'append' }>): void {
    const payload = effect.payload as Buffer;
    let bytes = 0;
    for (const span of effect.batches) bytes += span.bytes;
    // The effect's batches are the last ones of the request: the first `skip` were here already.
    this.guardWrite(() => this.log.appendAsFollower(payload.subarray(payload.length - bytes)));
  }

  private appendLeaderChange(term: number, voters: readonly string[]): void {
    const batch = leaderChangeBatch(
      { generation: this.options.group.generation, replicaId: this.log.identity.replicaId, voters },
      this.options.wallMs(),
    );
    this.guardWrite(() => void this.log.appendAsLeader(batch, readBatchHeader(batch), term));
  }

  /** A refused write leaves log and core of different minds: the replica must not go on. */
  private guardWrite(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.options.logger.error({ err: error, ...this.options.group }, 'append refused by the log');
      queueMicrotask(() => this.fail(error as Error));
    }
  }

  private send(message: Message): void {
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

  private installSnapshot(from: string, term: number): void {
    if (this.installation !== undefined) return;
    const abort = new AbortController();
    this.installation = { from, abort };
    const startBefore = this.log.logStart;
    this.options.logger.info(
      { ...this.options.group, from, term },
      'behind the log start: copying segments',
    );
    this.options.installer
      .install(this.options.group, from, this.log, abort.signal)
      .catch((error: unknown) => {
        if (this.idle()) throw error;
        this.options.logger.warn(
          { err: error, ...this.options.group },
          'copy of segments broke off; it will be resumed',
        );
        return undefined;
      })
      .then(
        (lastOffset) => {
          this.installation = undefined;
          if (this.idle()) return;
          const end = lastOffset ?? this.installedEnd(startBefore);
          if (end === undefined) this.core.snapshotFailed(from, term);
          else this.core.snapshotInstalled(from, term, end);
          this.drain();
          // What became durable meanwhile was not told.
          const { durableEnd } = this.log;
          this.onDurable(durableEnd, this.log.epochAt(durableEnd - 1) ?? 0);
        },
        () => (this.installation = undefined),
      );
  }

  /** A copy from a replica that leads no more would end in a timeout, and this one may not vote before. */
  private giveUpCopy(leader: string | undefined): void {
    if (this.installation !== undefined && this.installation.from !== leader)
      this.installation.abort.abort();
  }

  /** A copy that broke off after it had begun is a log like any other that ends early; undefined when it had not begun. */
  private installedEnd(startBefore: number): number | undefined {
    return this.log.logStart > startBefore ? this.log.durableEnd - 1 : undefined;
  }
}
