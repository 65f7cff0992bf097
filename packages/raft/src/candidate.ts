// A replica that asks for votes: first whether it would win (pre-vote, the term untouched), then in earnest
// [Raft §5.2, §9.6].
import { Tally } from './quorum.js';
import type { Replica } from './replica.js';
import type { RoleState, Transitions } from './role.js';
import type { Message, ReplicaId } from './types.js';

export class Candidate implements RoleState {
  readonly role: 'preCandidate' | 'candidate';
  readonly asleep = false;
  private readonly tally: Tally;

  /** With `pre` it stands for the next term; otherwise for the present one, which it has entered with its own vote. */
  constructor(
    private readonly replica: Replica,
    private readonly transitions: Transitions,
    private readonly pre: boolean,
    private readonly transfer: boolean,
  ) {
    this.role = pre ? 'preCandidate' : 'candidate';
    this.tally = new Tally(replica.config.voters);
  }

  start(): void {
    const { replica, pre, transfer } = this;
    const { lastOffset, lastEpoch } = replica.log;
    for (const to of replica.config.voters) {
      if (to === replica.self) continue;
      const type = pre ? 'preVote' : 'vote';
      const term = pre ? replica.term + 1 : replica.term;
      const request = {
        type,
        from: replica.self,
        to,
        term,
        lastOffset,
        lastEpoch,
        transfer,
      } as const;
      // A vote request leaves when the own vote is on disk: after a crash in between, this replica could vote for
      // another in the same term. A pre-vote promises nothing.
      if (pre) replica.outbox.send(request);
      else replica.outbox.sendAfterSync(request);
    }
    if (pre) this.count(replica.self, true);
  }

  tick(): void {
    if (this.replica.timer.tick()) this.transitions.becomePreCandidate();
  }

  step(message: Message): void {
    const { replica, pre } = this;
    if (message.type !== (pre ? 'preVoteReply' : 'voteReply')) return;
    if (pre && message.granted && message.term !== replica.term + 1) return;
    this.count(message.from, message.granted);
  }

  logSynced(): void {
    // A candidate acknowledges nothing.
  }

  /** The own vote counts once it cannot be forgotten, and nobody wins without it: a leader's term is on its disk. */
  ballotSynced(): void {
    if (!this.pre && this.replica.ballot.durable) this.count(this.replica.self, true);
  }

  wake(): void {
    // It never sleeps.
  }

  leave(): void {
    // Votes that still arrive are recognised by their term and by the role.
  }

  private count(voter: ReplicaId, granted: boolean): void {
    const result = this.tally.record(voter, granted);
    if (result === 'lost') this.transitions.becomeFollower(this.replica.term, undefined);
    if (result !== 'won') return;
    if (this.pre) this.transitions.becomeCandidate(false);
    else if (this.replica.ballot.durable) this.transitions.becomeLeader();
  }
}
