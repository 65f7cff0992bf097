// The door of the core: each input goes to the role of the moment, what follows from it waits in the outbox. The ways
// between roles are in roles.ts.
import { assert } from '@zhumq/base';
import { Replica } from './replica.js';
import { Roles } from './roles.js';
import type {
  Answer,
  AppendRefusal,
  Effect,
  Epoch,
  FetchConfig,
  FetchStateMachine,
  FollowerView,
  LogReader,
  Offset,
  PartitionState,
  Position,
  ReceivedAnswer,
  ReplicaId,
  Role,
} from './types.js';

export class FetchCore implements FetchStateMachine {
  private readonly replica: Replica;
  private readonly roles: Roles;
  /** Not leading, somebody asked in a larger epoch: ticks before the zkserver is asked again. */
  private askPause = 0;

  constructor(config: FetchConfig, log: LogReader) {
    this.replica = new Replica(config, log);
    this.roles = new Roles(this.replica);
  }

  get role(): Role {
    return this.roles.state.role;
  }

  get epoch(): Epoch {
    return this.replica.epoch;
  }

  get leader(): ReplicaId | undefined {
    return this.replica.leader;
  }

  get highWatermark(): Offset {
    return this.replica.highWatermark;
  }

  get established(): boolean {
    return this.roles.leader?.established ?? false;
  }

  get tainted(): boolean {
    return this.replica.tainted;
  }

  get isr(): readonly ReplicaId[] {
    return this.replica.state?.isr ?? [];
  }

  get maximalIsr(): readonly ReplicaId[] {
    return this.roles.leader?.isr.maximal ?? this.isr;
  }

  get version(): number {
    return this.replica.state?.version ?? -1;
  }

  /** Positions and answers that could not be right, and were dropped. */
  get rejectedMessages(): number {
    return this.replica.rejectedMessages;
  }

  takeEffects(): Effect[] {
    return this.replica.outbox.take();
  }

  tick(): void {
    if (this.replica.halted) return;
    if (this.askPause > 0) this.askPause -= 1;
    this.roles.state.tick();
    this.checkInvariants();
  }

  /** The same version again is taken, too: it repeats what this replica owes, should that have got lost. */
  assign(state: PartitionState): void {
    const { replica } = this;
    if (replica.halted || state.version < this.version) return;
    if (state.epoch < replica.epoch) {
      replica.rejectedMessages += 1;
      return;
    }
    replica.state = state;
    this.roles.assigned(state);
    this.checkInvariants();
  }

  refusal(acks: number): AppendRefusal | undefined {
    const { leader } = this.roles;
    return leader === undefined ? 'notLeader' : leader.refusal(acks);
  }

  appended(logEnd: Offset): void {
    const { leader } = this.roles;
    assert(leader !== undefined, `appended through ${logEnd} as ${this.role}`);
    const { log, epoch } = this.replica;
    assert(log.epochAt(logEnd - 1) === epoch, `offset ${logEnd - 1} is not of epoch ${epoch}`);
    leader.appended();
  }

  answer(position: Position): Answer {
    const { leader } = this.roles;
    if (leader !== undefined) return leader.answer(position);
    const { epoch } = this.replica;
    this.maybeAskState(position);
    return { kind: 'notLeader', epoch };
  }

  report(position: Position): void {
    const { leader } = this.roles;
    if (leader === undefined) this.maybeAskState(position);
    else leader.report(position);
  }

  proposalSettled(id: number): void {
    this.roles.leader?.proposalSettled(id);
  }

  proposalUnknown(id: number): void {
    this.roles.leader?.proposalUnknown(id);
  }

  sealed(end: Offset | undefined): void {
    if (this.replica.halted) return;
    this.replica.seal = end;
    this.roles.leader?.sealed();
  }

  followers(): readonly FollowerView[] {
    return this.roles.leader?.views() ?? [];
  }

  position(): Position | undefined {
    return this.roles.follower?.position();
  }

  received(answer: ReceivedAnswer): void {
    this.roles.follower?.received(answer);
  }

  segmentsCopied(leader: ReplicaId, epoch: Epoch): void {
    if (this.isPresent(leader, epoch)) this.roles.follower?.segmentsCopied();
    this.checkInvariants();
  }

  copyFailed(leader: ReplicaId, epoch: Epoch): void {
    if (this.isPresent(leader, epoch)) this.roles.follower?.copyFailed();
  }

  synced(durableEnd: Offset, epoch: Epoch): void {
    if (this.replica.halted) return;
    if (this.replica.log.synced(durableEnd, epoch)) this.roles.state.logSynced();
  }

  syncedThrough(syncedEnd: Offset, epoch: Epoch): void {
    if (this.replica.halted) return;
    if (this.replica.log.syncedThrough(syncedEnd, epoch)) this.roles.state.logSynced();
  }

  localWriteFailed(): void {
    if (this.replica.halted) return;
    this.roles.resign('a local write or sync failed');
    this.replica.halted = true;
  }

  private isPresent(leader: ReplicaId, epoch: Epoch): boolean {
    return leader === this.leader && epoch === this.epoch;
  }

  private maybeAskState({ epoch }: Position): void {
    if (this.replica.halted || epoch <= this.epoch || this.askPause > 0) return;
    this.askPause = this.replica.config.retryTicks;
    this.replica.outbox.add({ kind: 'askState' });
  }

  private checkInvariants(): void {
    const { log, highWatermark, halted, outbox } = this.replica;
    // Effects not yet carried out, and a copy in the making, make the log lag behind what the core knows of it.
    if (halted || !outbox.empty || this.roles.follower?.copiesSegments === true) return;
    assert(highWatermark <= log.logEnd, `high watermark ${highWatermark} beyond ${log.logEnd}`);
    assert(log.syncedEnd <= log.durableEnd, `synced end ${log.syncedEnd} beyond the durable end`);
    assert(log.durableEnd <= log.logEnd, `durable end ${log.durableEnd} beyond ${log.logEnd}`);
  }
}
