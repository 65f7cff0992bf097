// The role of a replica and every way from one to another:
//
//   any       -> leader    a state grants an epoch to this incarnation, in which nobody appended (rule 3)
//   any       -> follower  a state names another leader
//   any       -> idle      a state names nobody, or this replica where it may not lead; a fatal state; a failed disk
//   leader    -> idle      somebody follows in a larger epoch: this leader is deposed
//
// A replica is idle until the first state (rule 13). A leader meets no other of its epoch, and never leads it again.
import { assert } from '@zhumq/base';
import { assignmentOf } from './assignment.js';
import type { EpochOwner } from './assignment.js';
import { Follower } from './follower.js';
import { Idle } from './idle.js';
import { Leader } from './leader.js';
import type { Replica } from './replica.js';
import type { RoleState, Transitions } from './role.js';
import type { Effect, PartitionState, ReplicaId } from './types.js';

export class Roles implements Transitions {
  private current: RoleState;
  private ledEpoch = 0;
  private owner: EpochOwner | undefined = undefined;

  constructor(private readonly replica: Replica) {
    this.current = new Idle(replica, undefined);
  }

  get state(): RoleState {
    return this.current;
  }

  get leader(): Leader | undefined {
    return this.current instanceof Leader ? this.current : undefined;
  }

  get follower(): Follower | undefined {
    return this.current instanceof Follower ? this.current : undefined;
  }

  /** The state is the newest, and its epoch not below the present one. */
  assigned(state: PartitionState): void {
    const { replica, owner, ledEpoch } = this;
    const { self, config, tainted, log, epoch } = replica;
    const leading = this.leader === undefined ? undefined : epoch;
    const { incarnation } = config;
    const { lastEpoch } = log;
    const candidate = { self, incarnation, tainted, lastEpoch, leading, ledEpoch, owner };
    const assignment = assignmentOf(state, candidate);
    if (state.leader !== undefined && owner?.epoch !== state.epoch) {
      this.owner = { epoch: state.epoch, ...state.leader };
    }
    switch (assignment.kind) {
      case 'lead':
        if (leading === state.epoch) this.leader?.recordedAnew(state);
        else this.becomeLeader(state);
        break;
      case 'follow':
        this.becomeFollower(state, assignment.leader);
        break;
      case 'idle':
        this.becomeIdle(state.epoch, pleaOf(state, assignment.resign, assignment.ask));
        break;
    }
  }

  stepDown(): void {
    assert(this.leader !== undefined, `a ${this.current.role} steps down`);
    this.becomeIdle(this.replica.epoch, { kind: 'askState' });
  }

  /** Rule 4: what was appended in this epoch may have left; its offsets are spent. */
  resign(reason: string): void {
    const { epoch } = this.replica;
    if (this.leader === undefined) this.becomeIdle(epoch, undefined);
    else this.becomeIdle(epoch, { kind: 'resign', epoch, reason });
  }

  halt(reason: string): void {
    this.becomeIdle(this.replica.epoch, { kind: 'fatal', reason });
    this.replica.halted = true;
  }

  private becomeLeader(state: PartitionState): void {
    const { replica } = this;
    const { epoch } = state;
    assert(epoch > this.ledEpoch, `epoch ${epoch} would be led twice`);
    this.ledEpoch = epoch;
    // Only a possible loss makes a tainted replica lead; from then on its log is the truth.
    if (replica.tainted) replica.clearTaint();
    const leader = new Leader(replica, state, this);
    this.enter(leader, epoch, replica.self);
    leader.start();
  }

  private becomeFollower(state: PartitionState, leader: ReplicaId): void {
    const { replica, follower } = this;
    if (follower !== undefined && replica.epoch === state.epoch) return;
    this.enter(new Follower(replica, this), state.epoch, leader);
    replica.outbox.add({ kind: 'positionChanged' });
  }

  private becomeIdle(epoch: number, plea: Effect | undefined): void {
    this.enter(new Idle(this.replica, plea), epoch, undefined);
    if (plea !== undefined) this.replica.outbox.add(plea);
  }

  private enter(next: RoleState, epoch: number, leader: ReplicaId | undefined): void {
    const { replica, current } = this;
    assert(epoch >= replica.epoch, `epoch would go from ${replica.epoch} to ${epoch}`);
    const same = current.role === next.role && replica.epoch === epoch && replica.leader === leader;
    const deposed = current.role === 'leader';
    this.current = next;
    replica.epoch = epoch;
    replica.leader = leader;
    if (!same) replica.outbox.add({ kind: 'roleChanged', role: next.role, epoch, leader });
    // Waiting followers hear at once that they wait at the wrong place.
    if (deposed) replica.outbox.add({ kind: 'wake' });
  }
}

function pleaOf(
  { epoch }: PartitionState,
  resign: string | undefined,
  ask: true | undefined,
): Effect | undefined {
  if (resign !== undefined) return { kind: 'resign', epoch, reason: resign };
  return ask === undefined ? undefined : { kind: 'askState' };
}
