// The role of a replica and every way from one to another [Raft §5.1, §5.2, §9.6]:
//
//   follower      -> preCandidate   quiet for an election timeout, or told to campaign
//   follower      -> candidate      told by the leader to take over (timeoutNow)
//   preCandidate  -> candidate      a majority would vote for it
//   preCandidate  -> preCandidate   undecided for an election timeout
//   candidate     -> preCandidate   undecided for an election timeout
//   candidate     -> leader         a majority has voted for it, its own vote on disk
//   candidates    -> follower       refused by a majority; another leads this term
//   any           -> follower       a larger term
//   leader        -> follower       no contact to a majority for an election timeout; a failed local write
//
// A term has one leader for its whole life, so no other way leads to `leader`, and a leader meets no other of its term.
import { assert } from '@zhumq/base';
import { Candidate } from './candidate.js';
import { Follower } from './follower.js';
import { Leader } from './leader.js';
import type { Replica } from './replica.js';
import type { RoleState, Transitions } from './role.js';
import { MAX_TERM } from './term.js';
import type { Message, ReplicaId, Role, Term } from './types.js';

export class Roles implements Transitions {
  private current: RoleState;
  private announced: { role: Role; term: Term; leader: ReplicaId | undefined };

  constructor(private readonly replica: Replica) {
    this.current = new Follower(replica, this);
    this.announced = { role: 'follower', term: replica.term, leader: undefined };
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

  /** A message of the present term, to the role that it finds or brings about. */
  step(message: Message): void {
    const { type, from } = message;
    const fromLeader = type === 'append' || type === 'heartbeat' || type === 'snapshot';
    if (fromLeader && this.replica.leader !== from) {
      if (this.replica.leader !== undefined) {
        // Invariant: at most one leader in a term [Raft §5.2].
        this.halt(`term ${message.term} has two leaders: ${this.replica.leader} and ${from}`);
        return;
      }
      this.becomeFollower(message.term, from);
    }
    this.current.step(message);
  }

  becomeFollower(term: Term, leader: ReplicaId | undefined): void {
    const { replica } = this;
    const newTerm = term > replica.term;
    assert(newTerm || term === replica.term, `term would go from ${replica.term} to ${term}`);
    const wasFollower = this.current.role === 'follower';
    if (newTerm) replica.ballot.enterTerm(term, undefined);
    replica.leader = leader;
    if (newTerm || !wasFollower) this.enter(new Follower(replica, this));
    // A follower that only learns of a larger term keeps its timer: a candidate that it refuses must not hold it back.
    if (!wasFollower) replica.timer.reset();
    this.announce();
  }

  becomePreCandidate(): void {
    if (!this.mayStand()) return;
    this.stand(true, false);
  }

  becomeCandidate(transfer: boolean): void {
    if (!this.mayStand()) return;
    const { ballot, self } = this.replica;
    ballot.enterTerm(ballot.term + 1, self);
    this.stand(false, transfer);
  }

  becomeLeader(): void {
    const { replica } = this;
    assert(this.current.role === 'candidate', `a ${this.current.role} cannot become leader`);
    assert(
      replica.ballot.vote === replica.self && replica.ballot.durable,
      'own vote is not on disk',
    );
    replica.leader = replica.self;
    const leader = new Leader(replica, this);
    this.enter(leader);
    this.announce();
    leader.start();
  }

  halt(reason: string): void {
    this.becomeFollower(this.replica.term, undefined);
    this.replica.outbox.add({ kind: 'fatal', reason });
    this.replica.halted = true;
  }

  startOver(): void {
    this.becomeFollower(this.replica.term, undefined);
    this.replica.outbox.add({ kind: 'startOver' });
    this.replica.halted = true;
  }

  private stand(pre: boolean, transfer: boolean): void {
    const { replica } = this;
    replica.leader = undefined;
    replica.timer.reset();
    const candidate = new Candidate(replica, this, pre, transfer);
    this.enter(candidate);
    this.announce();
    candidate.start();
  }

  private mayStand(): boolean {
    const { replica } = this;
    assert(replica.mayVote, 'campaigns without the right to vote');
    assert(this.current.role !== 'leader', 'a leader campaigns');
    if (replica.term < MAX_TERM) return true;
    this.halt(`term ${MAX_TERM} is the last that a record batch can carry`);
    return false;
  }

  private enter(next: RoleState): void {
    this.current.leave();
    this.current = next;
  }

  private announce(): void {
    const { term, leader } = this.replica;
    const { role } = this.current;
    const before = this.announced;
    if (before.role === role && before.term === term && before.leader === leader) return;
    this.announced = { role, term, leader };
    this.replica.outbox.add({ kind: 'roleChanged', role, term, leader });
  }
}
