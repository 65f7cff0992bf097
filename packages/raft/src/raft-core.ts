// The door of the core: each input goes to the role of the moment, what follows from it waits in the outbox. Rules that
// hold in every role are in gate.ts and voter.ts, the ways between roles in roles.ts.
import { assert } from '@zhumq/base';
import { admit } from './gate.js';
import { Replica } from './replica.js';
import { Roles } from './roles.js';
import type {
  AppendPlan,
  Effect,
  LogReader,
  Message,
  Offset,
  PeerStatus,
  ProposeRefusal,
  RaftConfig,
  RaftStateMachine,
  Random,
  ReplicaId,
  Role,
  Term,
} from './types.js';
import { handleVoteRequest } from './voter.js';

export class RaftCore implements RaftStateMachine {
  private readonly replica: Replica;
  private readonly roles: Roles;

  constructor(config: RaftConfig, log: LogReader, random: Random) {
    this.replica = new Replica(config, log, random);
    this.roles = new Roles(this.replica);
  }

  get role(): Role {
    return this.roles.state.role;
  }

  get term(): Term {
    return this.replica.term;
  }

  get leader(): ReplicaId | undefined {
    return this.replica.leader;
  }

  get commit(): Offset {
    return this.replica.commit;
  }

  get durableCommit(): Offset {
    return Math.min(this.replica.commit, this.replica.log.durable);
  }

  get tainted(): boolean {
    return this.replica.ballot.tainted;
  }

  get truncations(): number {
    return this.replica.log.truncations;
  }

  get rejectedMessages(): number {
    return this.replica.rejectedMessages;
  }

  get asleep(): boolean {
    return !this.replica.halted && this.roles.state.asleep;
  }

  get established(): boolean {
    return this.roles.leader?.established ?? false;
  }

  takeEffects(): Effect[] {
    return this.replica.outbox.take();
  }

  tick(): void {
    if (this.replica.halted) return;
    this.roles.state.tick();
    this.checkInvariants();
  }

  step(message: Message): void {
    const { replica, roles } = this;
    if (replica.halted) return;
    const asksForVote = message.type === 'vote' || message.type === 'preVote';
    // Somebody hears no leader: whoever sleeps looks for itself.
    if (asksForVote) roles.state.wake(false);
    if (!admit(replica, roles, message)) return;
    if (asksForVote) handleVoteRequest(replica, message);
    else roles.step(message);
  }

  canPropose(): ProposeRefusal | undefined {
    const { leader } = this.roles;
    return leader === undefined ? 'notLeader' : leader.canPropose();
  }

  proposed(lastOffset: Offset, bytes: number): void {
    const { leader } = this.roles;
    assert(leader !== undefined, `proposed ${lastOffset} to a ${this.role}`);
    leader.proposed(lastOffset, bytes);
  }

  synced(offset: Offset, epoch: Term, truncations = this.truncations): void {
    if (this.replica.halted) return;
    if (this.replica.log.synced(offset, epoch, truncations)) this.roles.state.logSynced();
  }

  hardStateSynced(term: Term, vote: ReplicaId | undefined): void {
    if (this.replica.halted) return;
    this.replica.ballot.synced(term, vote);
    this.roles.state.ballotSynced();
  }

  localWriteFailed(): void {
    if (this.replica.halted) return;
    this.roles.leader?.handOver();
    this.roles.becomeFollower(this.term, undefined);
    this.replica.halted = true;
  }

  nextAppend(to: ReplicaId): AppendPlan | undefined {
    return this.roles.leader?.replication.nextAppend(to);
  }

  appendSent(plan: AppendPlan, lastOffset: Offset, bytes: number): void {
    this.roles.leader?.replication.appendSent(plan, lastOffset, bytes);
  }

  appendFailed(plan: AppendPlan): void {
    this.roles.leader?.replication.appendFailed(plan);
  }

  unreachable(peer: ReplicaId): void {
    const { leader } = this.roles;
    leader?.replication.unreachable(peer);
    leader?.wake();
  }

  readIndex(id: number): void {
    const { leader } = this.roles;
    if (leader === undefined) this.replica.outbox.add({ kind: 'readFailed', id });
    else leader.readIndex(id);
  }

  transferLeadership(to: ReplicaId): void {
    this.roles.leader?.transferLeadership(to);
  }

  /** Stands for election at once, by pre-vote; nothing for a leader and for one that may not vote. */
  campaign(): void {
    const { halted, mayVote } = this.replica;
    if (!halted && mayVote && this.role !== 'leader') this.roles.becomePreCandidate();
  }

  wake(leaderLost: boolean): void {
    if (!this.replica.halted) this.roles.state.wake(leaderLost);
  }

  snapshotInstalled(from: ReplicaId, term: Term, matched: Offset): void {
    const { replica, roles } = this;
    const installation = this.endInstallation(from, term);
    if (installation === undefined) return;
    const { prevOffset } = installation;
    if (matched < prevOffset) {
      roles.halt(`snapshot of ${from} ends at ${matched}, before its start at ${prevOffset}`);
      return;
    }
    replica.log.replaced(matched);
    // The leader's log start never passes its commit offset, so what lies before it is committed.
    replica.advanceCommit(prevOffset);
    const sameLeader = term === this.term && from === this.leader;
    roles.follower?.logReplaced(sameLeader ? matched : prevOffset, sameLeader);
    this.checkInvariants();
  }

  snapshotFailed(from: ReplicaId, term: Term): void {
    const ended = this.endInstallation(from, term) !== undefined;
    if (ended && term === this.term) this.roles.follower?.snapshotFailed();
  }

  peers(): readonly PeerStatus[] {
    return this.roles.leader?.peers() ?? [];
  }

  private endInstallation(from: ReplicaId, term: Term) {
    const { installation, halted } = this.replica;
    if (halted || installation?.from !== from || installation.term !== term) return undefined;
    this.replica.installation = undefined;
    return installation;
  }

  private checkInvariants(): void {
    const { commit, log, halted, installation } = this.replica;
    // While a copy is put in its place, the log belongs to the copy: it begins anew behind the commit offset.
    if (halted || installation !== undefined) return;
    assert(commit <= log.lastOffset, `commit ${commit} is beyond ${log.lastOffset}`);
    assert(log.durable <= log.lastOffset, `durable end beyond ${log.lastOffset}`);
  }
}
