// What a leader knows of one peer, and how fast it may send to it.
//
//            refusal, lost connection              follower behind the log start
//   replicate ----------------------> probe ------------------------------------> snapshot
//             <----------------------       <------------------------------------
//                 next place found             copy refused; copied: to replicate
//
// probe      one append at a time, to find where the logs agree
// replicate  pipelined up to the window, `next` running ahead of `matched`
// snapshot   nothing is sent until the follower tells of its copy
import { SpanQueue } from './span-queue.js';
import type { AppendPlan, Offset, PeerStatus, RaftConfig, ReplicaId } from './types.js';

/**
 * How a leader lifts the taint of a peer (rule 16): a read round that began after the taint was reported proves that
 * `commit` was no deposed leader's; a peer that has everything through it on disk lacks nothing that it acknowledged.
 */
interface TaintLift {
  readonly round: number;
  readonly commit: Offset;
  readonly confirmed: boolean;
}

export class Progress {
  state: PeerStatus['state'] = 'probe';
  /** Last offset that the peer has on disk and that agrees with this log. Invariant: matched < next. */
  matched: Offset = -1;
  /** First offset of the next append. */
  next: Offset;
  /** probe: an append is out and unanswered; the next heartbeat reply allows another. */
  paused = false;
  /** replicate: an append is due even if it is empty, to find out whether one was lost. */
  probeOwed = false;
  /** snapshot: the offset that the copy must reach. */
  snapshotOffset: Offset = -1;
  /** Heard from since the last quorum check. */
  active = false;
  /** As `active`, of the time before the last quorum check. */
  wasActive = false;
  /** It has said so, and nothing else since. */
  asleep = false;
  tainted = false;
  taintLift: TaintLift | undefined = undefined;
  incarnation: number | undefined = undefined;
  /** Newest read round that the peer confirmed. */
  readRound = 0;
  /** A `replicate` effect is out and `nextAppend` has not said "nothing" since. */
  marked = false;
  /** The driver is reading for this plan. */
  plan: AppendPlan | undefined = undefined;
  readonly inflight = new SpanQueue();
  private planStale = false;

  constructor(
    readonly replica: ReplicaId,
    next: Offset,
    private readonly config: RaftConfig,
  ) {
    this.next = next;
  }

  becomeProbe(next: Offset, paused: boolean): void {
    this.enter('probe');
    this.next = Math.max(next, this.matched + 1);
    this.paused = paused;
  }

  becomeReplicate(): void {
    this.enter('replicate');
    this.next = this.matched + 1;
  }

  becomeSnapshot(offset: Offset): void {
    this.enter('snapshot');
    this.snapshotOffset = offset;
  }

  /**
   * The peer answered from this life of its broker. What another, former life had on disk counts no more (rule 16);
   * where it ended is still the best guess of where the logs agree.
   */
  heardFrom(incarnation: number, tainted: boolean): void {
    const restarted = this.incarnation !== undefined && this.incarnation !== incarnation;
    this.incarnation = incarnation;
    this.tainted = tainted;
    if (!restarted) return;
    const next = this.matched < 0 ? this.next : this.matched + 1;
    this.matched = -1;
    this.taintLift = undefined;
    this.becomeProbe(next, false);
  }

  /**
   * Within one life a taint goes when it is lifted, and comes when the peer had to throw its log away. A late reply may
   * say that it is still there: the next one takes it back.
   */
  says(tainted: boolean): void {
    if (tainted && !this.tainted) this.taintLift = undefined;
    this.tainted = tainted;
  }

  /** Incarnation to be told that its taint is gone; undefined when there is nothing to tell. */
  get untaint(): number | undefined {
    const { tainted, taintLift, matched, incarnation } = this;
    if (!tainted || taintLift === undefined) return undefined;
    return taintLift.confirmed && matched >= taintLift.commit ? incarnation : undefined;
  }

  /** Whether an append may leave now, given the end of the log. */
  maySend(lastOffset: Offset): boolean {
    if (this.plan !== undefined) return false;
    if (this.state === 'probe') return !this.paused;
    if (this.state === 'snapshot') return false;
    return this.probeOwed || (this.next <= lastOffset && !this.windowFull);
  }

  planned(plan: AppendPlan): void {
    this.plan = plan;
    this.planStale = false;
  }

  /** The driver is done with its plan; false when the peer was reset meanwhile. */
  planDone(): boolean {
    this.plan = undefined;
    return !this.planStale;
  }

  sent(lastOffset: Offset, bytes: number): void {
    this.probeOwed = false;
    if (this.state === 'probe') this.paused = true;
    if (this.state !== 'replicate' || lastOffset < this.next) return;
    this.inflight.add(lastOffset, bytes);
    this.next = lastOffset + 1;
  }

  acknowledged(matched: Offset): void {
    if (matched > this.matched) {
      this.matched = matched;
      this.next = Math.max(this.next, matched + 1);
      this.inflight.releaseThrough(matched);
    }
    const agreed = this.state === 'probe' && this.matched >= this.next - 1;
    const copied = this.state === 'snapshot' && this.matched >= this.snapshotOffset;
    if (agreed || copied) this.becomeReplicate();
  }

  /** The peer answered a heartbeat: what it has not confirmed by now may be lost. */
  heartbeatAnswered(): void {
    this.paused = false;
    if (this.state !== 'replicate' || this.matched >= this.next - 1) return;
    if (this.windowFull) this.inflight.releaseFirst();
    this.probeOwed = true;
  }

  /** Answers, and lacks nothing of a log that ends there. */
  hasEverything(lastOffset: Offset): boolean {
    const heard = this.active || this.wasActive;
    const level = this.state === 'replicate' && this.matched === lastOffset;
    return heard && level && !this.tainted && this.plan === undefined && this.inflight.count === 0;
  }

  status(): PeerStatus {
    const { replica, state, matched, next, tainted, active, inflight } = this;
    const { count: inflightMessages, bytes: inflightBytes } = inflight;
    return { replica, state, matched, next, inflightMessages, inflightBytes, tainted, active };
  }

  get windowFull(): boolean {
    const { maxInflightMessages, maxInflightBytes } = this.config;
    return this.inflight.count >= maxInflightMessages || this.inflight.bytes >= maxInflightBytes;
  }

  private enter(state: PeerStatus['state']): void {
    this.state = state;
    this.paused = false;
    this.probeOwed = false;
    this.inflight.clear();
    this.planStale = true;
  }
}
