// A replica that takes its log from a leader [Raft §5.3]. What it acknowledges is both the leader's and on disk.
import { findHint } from './conflict.js';
import type { Replica } from './replica.js';
import type { RoleState, Transitions } from './role.js';
import type {
  AppendRequest,
  BatchSpan,
  Heartbeat,
  Message,
  Offset,
  ReplicaId,
  SnapshotOffer,
} from './types.js';

export class Follower implements RoleState {
  readonly role = 'follower';
  /** An append waits for its answer until it is on disk. */
  private replyOwed = false;
  private acknowledged: Offset = -1;
  private sleeping = false;

  constructor(
    private readonly replica: Replica,
    private readonly transitions: Transitions,
  ) {}

  get asleep(): boolean {
    return this.sleeping;
  }

  /** The leader is told, so that it wakes too and sends heartbeats again. */
  wake(leaderLost: boolean): void {
    if (!this.sleeping) return;
    this.sleeping = false;
    const { timer, leader } = this.replica;
    if (leaderLost) timer.expireSoon();
    else timer.reset();
    if (leader !== undefined) this.replyHeartbeat(leader, 0);
  }

  tick(): void {
    if (this.sleeping) return;
    const { replica, transitions } = this;
    if (!replica.timer.tick()) return;
    if (replica.mayVote) {
      transitions.becomePreCandidate();
    } else {
      replica.timer.reset();
      transitions.becomeFollower(replica.term, undefined);
    }
  }

  step(message: Message): void {
    switch (message.type) {
      case 'append':
        this.heard();
        this.maybeLiftTaint(message.untaint);
        this.handleAppend(message);
        break;
      case 'heartbeat':
        this.heard();
        this.maybeLiftTaint(message.untaint);
        this.handleHeartbeat(message);
        break;
      case 'snapshot':
        this.heard();
        this.handleSnapshot(message);
        break;
      case 'timeoutNow':
        this.sleeping = false;
        if (this.replica.mayVote) this.transitions.becomeCandidate(true);
        break;
      default:
        break;
    }
  }

  /** At most one answer however many appends the sync covered. */
  logSynced(): void {
    if (!this.replyOwed || this.matched <= this.acknowledged) return;
    this.acceptAppend();
  }

  ballotSynced(): void {
    // Replies that waited for the ballot were handed out as sendAfterSync.
  }

  leave(): void {
    // What is owed to a leader is of this term only; the next leader probes again.
  }

  /**
   * The driver's copy took the place of the log. In the leader's own term all of it is the leader's; otherwise what the
   * copy began with is, being committed.
   */
  logReplaced(validated: Offset, answer: boolean): void {
    this.replica.validate(validated);
    if (answer) this.replySnapshot(false);
  }

  snapshotFailed(): void {
    this.replySnapshot(true);
  }

  private heard(): void {
    this.sleeping = false;
    this.replica.timer.reset();
  }

  private get matched(): Offset {
    return Math.min(this.replica.validated, this.replica.log.durable);
  }

  /** Nothing of this leader's log was found here yet, and what is below the start may be another's (`doubtsStart`). */
  private get startIsInDoubt(): boolean {
    return this.replica.validated < this.replica.log.startOffset - 1;
  }

  private handleAppend(request: AppendRequest): void {
    const { replica } = this;
    if (replica.installation !== undefined) return;
    const { log, commit } = replica;
    const { batches, prevOffset, prevEpoch } = request;
    if (this.startIsInDoubt && prevOffset < log.startOffset - 1) {
      // This leader's log has nothing in common with this one at its start or above.
      this.transitions.startOver();
      return;
    }
    // Everything through the commit offset agrees by definition and is not compared: below it the log may be gone or
    // compacted away (rule 19).
    if (prevOffset > commit && log.epochAt(prevOffset) !== prevEpoch) {
      this.refuseAppend(request);
      return;
    }
    const last = batches.at(-1)?.lastOffset ?? prevOffset;
    const skip = this.countHeld(batches);
    const missing = batches[skip];
    if (missing !== undefined && !this.appendFrom(request, missing, skip)) return;
    replica.validate(last);
    replica.advanceCommit(Math.min(request.commit, replica.validated));
    if (replica.log.durable >= last) this.acceptAppend();
    else this.replyOwed = true;
  }

  /** How many of the batches are here already. The same epoch at the same offset is the same batch [Raft §5.3]. */
  private countHeld(batches: readonly BatchSpan[]): number {
    const { log, commit } = this.replica;
    const held = batches.findIndex(
      ({ lastOffset, epoch }) => lastOffset > commit && log.epochAt(lastOffset) !== epoch,
    );
    return held === -1 ? batches.length : held;
  }

  /** Cuts what conflicts with the first missing batch, if anything does, and writes from there on. */
  private appendFrom(request: AppendRequest, missing: BatchSpan, skip: number): boolean {
    const { replica, transitions } = this;
    const from = missing.baseOffset;
    if (from <= replica.log.lastOffset) {
      // Invariant: never cut at or below the commit offset, nor what this very leader confirmed.
      if (from <= replica.validated) {
        transitions.halt(
          `leader ${request.from} of term ${request.term} would cut offset ${from}, but ${replica.validated} is settled ` +
            `(commit ${replica.commit})`,
        );
        return false;
      }
      replica.outbox.add({ kind: 'truncate', from });
      replica.log.truncated(from);
    }
    const batches = skip === 0 ? request.batches : request.batches.slice(skip);
    replica.outbox.add({ kind: 'append', batches, payload: request.payload, skip });
    return true;
  }

  private handleHeartbeat(heartbeat: Heartbeat): void {
    const { replica } = this;
    replica.advanceCommit(Math.min(heartbeat.commit, replica.validated));
    this.sleeping = heartbeat.sleep === true && this.hasEverything(heartbeat.commit);
    this.replyHeartbeat(heartbeat.from, heartbeat.readContext);
  }

  /** On disk here, committed, and nothing else stands here: what a leader that lets the group sleep says of itself. */
  private hasEverything(commit: Offset): boolean {
    const { log, ballot, installation } = this.replica;
    const settled = !ballot.tainted && ballot.durable && installation === undefined;
    return settled && commit === log.lastOffset && this.matched === commit;
  }

  private replyHeartbeat(to: ReplicaId, readContext: number): void {
    const { replica, matched } = this;
    const { self: from, term, config } = replica;
    const { tainted } = replica.ballot;
    const { incarnation } = config;
    const reply = { type: 'heartbeatReply', from, to, term, readContext, matched } as const;
    const message = { ...reply, tainted, incarnation };
    replica.reply(this.sleeping ? { ...message, asleep: true } : message);
  }

  private handleSnapshot(offer: SnapshotOffer): void {
    const { replica } = this;
    if (replica.installation !== undefined) return;
    const { from, term, prevOffset, prevEpoch } = offer;
    const held = prevOffset <= replica.commit || replica.log.epochAt(prevOffset) === prevEpoch;
    if (held) {
      // An old offer, or one that another leader's appends have overtaken: the log joins up already.
      replica.validate(Math.min(prevOffset, replica.log.lastOffset));
      this.replySnapshot(false);
      return;
    }
    if (this.startIsInDoubt) {
      // Not by a mere copy: what is thrown away may have been acknowledged, and a crash may leave half of the copy.
      this.transitions.startOver();
      return;
    }
    replica.installation = { from, term, prevOffset };
    replica.outbox.add({ kind: 'installSnapshot', from, term });
  }

  private maybeLiftTaint(incarnation: number | undefined): void {
    const { ballot, config } = this.replica;
    // Lifted for one life of the broker: after another crash the log may lack something again (rule 16).
    if (ballot.tainted && incarnation === config.incarnation) ballot.liftTaint();
  }

  private acceptAppend(): void {
    this.acknowledged = this.matched;
    this.replyOwed = this.matched < this.replica.validated;
    this.replyAppend(false, this.matched, 0, -1);
  }

  private refuseAppend({ prevOffset, prevEpoch }: AppendRequest): void {
    const { log, commit } = this.replica;
    const hint = findHint(log, commit, prevOffset, prevEpoch);
    this.replyAppend(true, hint.offset, hint.epoch, prevOffset);
  }

  private replyAppend(
    rejected: boolean,
    matched: Offset,
    matchedEpoch: number,
    probe: Offset,
  ): void {
    const { replica } = this;
    if (replica.leader === undefined) return;
    replica.reply({
      type: 'appendReply',
      from: replica.self,
      to: replica.leader,
      term: replica.term,
      rejected,
      matched,
      matchedEpoch,
      probe,
      tainted: replica.ballot.tainted,
      incarnation: replica.config.incarnation,
    });
  }

  private replySnapshot(rejected: boolean): void {
    const { replica } = this;
    if (replica.leader === undefined) return;
    replica.reply({
      type: 'snapshotReply',
      from: replica.self,
      to: replica.leader,
      term: replica.term,
      rejected,
      matched: this.matched,
      incarnation: replica.config.incarnation,
    });
  }
}
