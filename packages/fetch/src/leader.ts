// A replica that leads an epoch: it answers positions, decides what is committed, and keeps the in-sync replicas.
import { meet } from './divergence.js';
import { Isr } from './isr.js';
import { isPosition } from './message-check.js';
import { Progress } from './progress.js';
import type { Replica } from './replica.js';
import type { RoleState, Transitions } from './role.js';
import { Seal } from './seal.js';
import type {
  Answer,
  AppendRefusal,
  FollowerView,
  Offset,
  PartitionState,
  Position,
  ReplicaId,
} from './types.js';

export class Leader implements RoleState {
  readonly role = 'leader';
  readonly isr: Isr;
  /**
   * End of the epoch's first batch. Nothing commits by being counted before all have it: whoever has it refuses the
   * leaders of earlier epochs, even one that an outdated state names after a restart (as in [Raft §5.4.2]).
   */
  private readonly epochStart: Offset;
  private readonly followers = new Map<ReplicaId, Progress>();
  private readonly seal: Seal;
  private ticks = 0;

  constructor(
    private readonly replica: Replica,
    private state: PartitionState,
    private readonly transitions: Transitions,
  ) {
    this.epochStart = replica.log.logEnd + 1;
    this.isr = new Isr(state, replica.config.retryTicks);
    this.seal = new Seal(replica, this.epochStart, (member) => this.syncedEnd(member));
    this.admitFollowers();
  }

  /** The epoch's first batch; what a later leader cuts, it cuts from here on. */
  start(): void {
    const { outbox, epoch } = this.replica;
    outbox.add({ kind: 'appendLeaderChange', epoch });
    outbox.add({ kind: 'wake' });
    this.seal.asked();
  }

  get established(): boolean {
    return this.replica.highWatermark >= this.epochStart;
  }

  tick(): void {
    this.ticks += 1;
    this.isr.tick();
    this.maybePropose();
  }

  logSynced(): void {
    this.progressMade();
  }

  recordedAnew(state: PartitionState): void {
    this.state = state;
    this.isr.recordedAnew(state);
    this.admitFollowers();
    this.progressMade();
    this.maybePropose();
    this.tellTainted();
  }

  refusal(acks: number): AppendRefusal | undefined {
    if (this.replica.seal !== undefined) return 'sealed';
    const tooFew = this.isr.recorded.length < this.state.minInsyncReplicas;
    return acks === -1 && tooFew ? 'notEnoughReplicas' : undefined;
  }

  appended(): void {
    this.replica.outbox.add({ kind: 'wake' });
  }

  answer(position: Position): Answer {
    const { replica } = this;
    const { epoch, log } = replica;
    if (!this.note(position)) return this.refuse(position);
    const meeting = meet(log, position);
    if (meeting.kind === 'behind') return { kind: 'copySegments', epoch };
    if (meeting.kind === 'diverging') return { ...meeting, epoch };
    const progress = this.followers.get(position.replica);
    return {
      kind: 'records',
      epoch,
      from: position.offset,
      highWatermark: replica.highWatermark,
      logStart: log.logStart,
      untaint: this.mayUntaint(position.replica, progress),
      syncThrough: this.syncThrough(position.replica, progress),
    };
  }

  report(position: Position): void {
    const before = this.followers.get(position.replica);
    const could = this.mayUntaint(position.replica, before);
    if (!this.note(position)) return;
    // Its request may be waiting here: the good news goes with the answer.
    if (!could && this.mayUntaint(position.replica, before)) {
      this.replica.outbox.add({ kind: 'wake' });
    }
  }

  proposalSettled(id: number): void {
    this.isr.settled(id);
    this.progressMade();
    this.tellTainted();
  }

  proposalUnknown(id: number): void {
    this.isr.outcomeUnknown(id);
  }

  /** The driver told what seal the log holds. */
  sealed(): void {
    this.seal.asked();
    if (this.replica.seal !== undefined) this.replica.outbox.add({ kind: 'wake' });
    this.reportSeal();
  }

  views(): readonly FollowerView[] {
    const inSync = new Set(this.isr.recorded);
    return Array.from(this.followers, ([replica, progress]) => ({
      replica,
      inSync: inSync.has(replica),
      durableEnd: progress.durableEnd,
      logEnd: progress.logEnd,
      tainted: progress.tainted,
      ticksSinceCaughtUp: progress.ticksSinceCaughtUp(this.ticks),
    }));
  }

  /** Followers are the partition's other replicas; those that are in sync have the lag time to show themselves. */
  private admitFollowers(): void {
    const { self, config } = this.replica;
    const members = new Set([...this.state.replicas, ...this.isr.maximal]);
    members.delete(self);
    for (const gone of this.followers.keys()) if (!members.has(gone)) this.followers.delete(gone);
    for (const member of members) {
      if (this.followers.has(member)) continue;
      const inSync = this.isr.recorded.includes(member);
      this.followers.set(member, new Progress(inSync ? this.ticks : this.ticks - config.lagTicks));
    }
  }

  /** Takes what a position tells of its sender; false: nothing may be said to it. */
  private note(position: Position): boolean {
    const { replica } = this;
    if (!isPosition(position) || position.replica === replica.self) {
      replica.rejectedMessages += 1;
      return false;
    }
    if (position.epoch > replica.epoch) {
      // The zkserver granted a larger epoch: this one is over, whatever this replica was told.
      this.transitions.stepDown();
      return false;
    }
    if (position.epoch < replica.epoch) return false;
    const progress = this.followers.get(position.replica);
    // A replica of which no state has told: it may read, but counts for nothing.
    if (progress === undefined) return true;
    if (!progress.heard(position.incarnation, position.tainted)) return false;
    if (meet(replica.log, position).kind === 'agree') {
      progress.agreed(position, replica.log.logEnd, this.ticks);
    }
    this.progressMade();
    this.maybePropose();
    return true;
  }

  private refuse({ epoch: asked }: Position): Answer {
    const { epoch } = this.replica;
    return asked < epoch ? { kind: 'fenced', epoch } : { kind: 'notLeader', epoch };
  }

  private progressMade(): void {
    this.maybeCommit();
    this.reportSeal();
  }

  /**
   * Committed is what every member of the maximal ISR has on disk, confirmed in this epoch (rule 10). With fewer than the
   * minimum nothing commits: consumers would read what a single failure takes back.
   */
  private maybeCommit(): void {
    const { replica, isr } = this;
    if (isr.recorded.length < this.state.minInsyncReplicas) return;
    let end = replica.log.durableEnd;
    for (const member of isr.maximal) {
      if (member !== replica.self)
        end = Math.min(end, this.followers.get(member)?.durableEnd ?? -1);
    }
    if (end < this.epochStart) return;
    if (replica.raiseHighWatermark(end)) replica.outbox.add({ kind: 'wake' });
  }

  private reportSeal(): void {
    this.seal.maybeReport(this.isr.maximal, this.state.replicas);
  }

  private syncedEnd(member: ReplicaId): Offset {
    const { self, log } = this.replica;
    if (member === self) return log.syncedEnd;
    return this.followers.get(member)?.syncedEnd ?? -1;
  }

  /** Outside the ISR, and with everything that may be committed synced, a replica lacks nothing any more (rule 16). */
  private mayUntaint(member: ReplicaId, progress: Progress | undefined): boolean {
    if (progress?.tainted !== true || this.isr.maximal.includes(member)) return false;
    return progress.taintedSyncedEnd >= this.untaintEnd;
  }

  /**
   * Outside the ISR now: what a tainted replica has or must sync counts from here on, and its request may be waiting. It
   * may have everything already and so nothing more to report.
   */
  private tellTainted(): void {
    const { maximal } = this.isr;
    for (const [member, { tainted }] of this.followers) {
      if (!tainted || maximal.includes(member)) continue;
      this.replica.outbox.add({ kind: 'wake' });
      return;
    }
  }

  private get untaintEnd(): Offset {
    return Math.max(this.replica.highWatermark, this.epochStart);
  }

  /** A flush policy may never sync by itself; seals and taints can not wait for that. */
  private syncThrough(member: ReplicaId, progress: Progress | undefined): Offset {
    if (progress === undefined) return 0;
    const forSeal = this.seal.end ?? 0;
    const forTaint = progress.tainted && !this.isr.maximal.includes(member) ? this.untaintEnd : 0;
    const through = Math.max(forSeal, forTaint);
    return progress.taintedSyncedEnd < through ? through : 0;
  }

  private maybePropose(): void {
    const { replica, isr, state } = this;
    if (!isr.mayPropose) return;
    const removed = isr.recorded.filter((member) => this.mustLeave(member));
    const added = state.replicas.filter((member) => this.mayJoin(member));
    if (removed.length + added.length === 0 && !isr.unsettled) return;
    const members = [...isr.recorded.filter((member) => !removed.includes(member)), ...added];
    const id = replica.nextProposal();
    isr.proposed(id, members);
    replica.outbox.add({
      kind: 'proposeIsr',
      id,
      version: state.version,
      isr: members.map((member) => ({ replica: member, incarnation: this.incarnationOf(member) })),
      reason: this.describe(removed, added),
    });
  }

  private mustLeave(member: ReplicaId): boolean {
    const progress = this.followers.get(member);
    if (progress === undefined) return false;
    return progress.tainted || this.lags(progress);
  }

  private mayJoin(member: ReplicaId): boolean {
    const progress = this.followers.get(member);
    if (progress === undefined || this.isr.recorded.includes(member)) return false;
    if (progress.tainted || this.lags(progress)) return false;
    return progress.durableEnd >= Math.max(this.replica.highWatermark, this.epochStart);
  }

  private lags(progress: Progress): boolean {
    return progress.ticksSinceCaughtUp(this.ticks) >= this.replica.config.lagTicks;
  }

  private incarnationOf(member: ReplicaId): number {
    const { self, config } = this.replica;
    return member === self ? config.incarnation : (this.followers.get(member)?.incarnation ?? -1);
  }

  private describe(removed: readonly ReplicaId[], added: readonly ReplicaId[]): string {
    const why = (member: ReplicaId) => {
      const progress = this.followers.get(member);
      if (progress?.tainted === true) return `${member} is tainted`;
      const ticks = progress?.ticksSinceCaughtUp(this.ticks) ?? 0;
      return `${member} was last caught up ${ticks} ticks ago`;
    };
    const reasons = [...removed.map(why), ...added.map((member) => `${member} has caught up`)];
    return reasons.length > 0 ? reasons.join('; ') : 'to settle an earlier proposal';
  }
}
