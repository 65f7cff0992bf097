// What a replica is in every role: its identity, ballot, log, commit offset and the effects it owes its driver.
import { assert } from '@zhumq/base';
import { Ballot } from './ballot.js';
import { ElectionTimer } from './election-timer.js';
import { LogView } from './log-view.js';
import { Outbox } from './outbox.js';
import type { LogReader, Message, Offset, RaftConfig, Random, ReplicaId, Term } from './types.js';

/** A snapshot that the driver is copying; until it answers, the log belongs to the copy. */
export interface Installation {
  readonly from: ReplicaId;
  readonly term: Term;
  /** Offset just before the leader's log start when it offered the copy. */
  readonly prevOffset: Offset;
}

export class Replica {
  readonly outbox = new Outbox();
  readonly ballot: Ballot;
  readonly log: LogView;
  readonly timer: ElectionTimer;
  /** Leader of the present term, once heard of. */
  leader: ReplicaId | undefined = undefined;
  installation: Installation | undefined = undefined;
  rejectedMessages = 0;
  /** Nothing goes in or out any more: a fatal state or a failed disk. */
  halted = false;
  private committed: Offset;
  /** By the leader of that term. */
  private confirmed: { readonly term: Term; readonly offset: Offset } = { term: -1, offset: -1 };

  constructor(
    readonly config: RaftConfig,
    log: LogReader,
    random: Random,
  ) {
    checkConfig(config);
    this.ballot = new Ballot(config.hardState, this.outbox);
    this.log = new LogView(log);
    this.timer = new ElectionTimer(config.electionTicks, random);
    // What retention cut was committed, unless the start itself is in doubt. Of the rest a tainted replica believes nothing: its disk may have lost a cut, and
    // hold other records where it once knew of a commit.
    const known = config.hardState.tainted ? -1 : Math.min(config.commit, log.lastOffset);
    this.committed = config.doubtsStart ? known : Math.max(known, log.startOffset - 1);
  }

  get self(): ReplicaId {
    return this.config.self;
  }

  get term(): Term {
    return this.ballot.term;
  }

  /** Invariant: never falls, and at most the last offset of the log. */
  get commit(): Offset {
    return this.committed;
  }

  /**
   * Last offset known to be as in the log of this term's leader: what is committed, then whatever an append confirmed.
   * A tail from an older term lies beyond it and is neither acknowledged nor committed. A term has one leader, so a
   * replica that stood for the next term in vain, and changed nothing, still knows it.
   * Invariant: commit <= validated <= last offset, and it never falls within a term.
   */
  get validated(): Offset {
    const { term, offset } = this.confirmed;
    return term === this.term ? Math.max(this.committed, offset) : this.committed;
  }

  /** The leader of this term has the same through `offset`. */
  validate(offset: Offset): void {
    if (offset > this.validated) this.confirmed = { term: this.term, offset };
  }

  isVoter(id: ReplicaId): boolean {
    return this.config.voters.includes(id);
  }

  /** Whether this replica may give or ask for votes: a tainted one, a learner and one in mid-copy may not. */
  get mayVote(): boolean {
    return this.isVoter(this.self) && !this.ballot.tainted && this.installation === undefined;
  }

  advanceCommit(to: Offset): void {
    if (to <= this.committed) return;
    this.committed = to;
    this.outbox.add({ kind: 'commit', commit: to });
  }

  /** Answers a peer; what the answer rests on, term and vote, is on disk before it leaves [Raft §5.1]. */
  reply(message: Message): void {
    if (this.ballot.durable) this.outbox.send(message);
    else this.outbox.sendAfterSync(message);
  }
}

function checkConfig(config: RaftConfig): void {
  const { self, voters, learners, electionTicks, heartbeatTicks } = config;
  assert(new Set([...voters, ...learners]).size === voters.length + learners.length, 'named twice');
  assert(heartbeatTicks >= 1, `heartbeatTicks is ${heartbeatTicks}, must be at least 1`);
  assert(
    electionTicks > heartbeatTicks,
    `electionTicks (${electionTicks}) must be more than heartbeatTicks (${heartbeatTicks})`,
  );
  assert(config.maxInflightMessages >= 1, 'maxInflightMessages must be at least 1');
  assert(self.length > 0, 'self is empty');
}
