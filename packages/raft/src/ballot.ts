// Term, vote and taint: what a replica must never forget, and how much of it is on disk [Raft §5.1, §5.2].
import { assert } from '@zhumq/base';
import type { Outbox } from './outbox.js';
import type { HardState, ReplicaId, Term } from './types.js';

export class Ballot {
  // Invariant: the term never falls, and within a term the vote goes from undefined to one replica and stays there.
  // Stepping down in the same term keeps the vote: clearing it would allow a second one.
  private state: HardState;
  private durableTerm: Term;
  private durableVote: ReplicaId | undefined;

  constructor(
    hardState: HardState,
    private readonly outbox: Outbox,
  ) {
    this.state = hardState;
    this.durableTerm = hardState.term;
    this.durableVote = hardState.vote;
  }

  get term(): Term {
    return this.state.term;
  }

  get vote(): ReplicaId | undefined {
    return this.state.vote;
  }

  get tainted(): boolean {
    return this.state.tainted;
  }

  /** Whether the term and the vote of this moment survive a crash. */
  get durable(): boolean {
    return this.durableTerm === this.state.term && this.durableVote === this.state.vote;
  }

  enterTerm(term: Term, vote: ReplicaId | undefined): void {
    assert(term > this.state.term, `term would go from ${this.state.term} to ${term}`);
    this.save({ ...this.state, term, vote });
  }

  voteFor(candidate: ReplicaId): void {
    const { vote } = this.state;
    assert(vote === undefined || vote === candidate, `second vote in term ${this.state.term}`);
    if (vote === undefined) this.save({ ...this.state, vote: candidate });
  }

  liftTaint(): void {
    this.save({ ...this.state, tainted: false });
  }

  synced(term: Term, vote: ReplicaId | undefined): void {
    if (term < this.durableTerm) return;
    this.durableTerm = term;
    this.durableVote = vote;
  }

  private save(state: HardState): void {
    this.state = state;
    this.outbox.add({ kind: 'saveHardState', hardState: state });
  }
}
