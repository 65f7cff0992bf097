// What a leader knows of one follower in its epoch. Ends belong to one life of the follower's broker: what another, former
// life had on disk counts no more (rules 10, 11).
import type { Offset, Position } from './types.js';

export class Progress {
  /** -1: not heard of in this epoch. */
  incarnation = -1;
  tainted = false;
  /** Ends of what is certainly as in the leader's log; -1: nothing is known. */
  logEnd: Offset = -1;
  private durable: Offset = -1;
  private synced: Offset = -1;
  /** The leader's log end at some tick; whoever reaches it was caught up at that tick. */
  private goal: { readonly end: Offset; readonly tick: number } | undefined = undefined;

  /** @param caughtUpTick last tick at which the follower had all that the leader had. */
  constructor(private caughtUpTick: number) {}

  /** False for a message of a former life: it is to be ignored. */
  heard(incarnation: number, tainted: boolean): boolean {
    if (incarnation < this.incarnation) return false;
    if (incarnation > this.incarnation) {
      this.incarnation = incarnation;
      this.tainted = tainted;
      this.logEnd = this.durable = this.synced = -1;
      this.goal = undefined;
    } else if (!tainted) {
      // Within a life a taint only goes; a position that was sent before it went may still be under way.
      this.tainted = false;
    }
    return true;
  }

  /** The logs agree before the position. They go on agreeing in this epoch, so ends only grow. */
  agreed(position: Position, leaderEnd: Offset, tick: number): void {
    const { offset, durableEnd, syncedEnd } = position;
    this.logEnd = Math.max(this.logEnd, offset);
    this.durable = Math.max(this.durable, Math.min(durableEnd, offset));
    this.synced = Math.max(this.synced, Math.min(syncedEnd, offset));
    this.noteCaughtUp(offset, leaderEnd, tick);
  }

  /** What counts for the high watermark; a tainted replica's word does not (rule 11). */
  get durableEnd(): Offset {
    return this.tainted ? -1 : this.durable;
  }

  /** What counts for a seal. */
  get syncedEnd(): Offset {
    return this.tainted ? -1 : this.synced;
  }

  /** What its own taint is judged by (rule 16). */
  get taintedSyncedEnd(): Offset {
    return this.synced;
  }

  ticksSinceCaughtUp(tick: number): number {
    return tick - this.caughtUpTick;
  }

  /**
   * Kafka's rule, made independent of how often is reported: the goal stays until it is reached. A goal set anew by every
   * message would run away from a follower that reports more often than it fetches.
   */
  private noteCaughtUp(offset: Offset, leaderEnd: Offset, tick: number): void {
    if (offset >= leaderEnd) this.caughtUpTick = tick;
    else if (this.goal !== undefined && offset >= this.goal.end) {
      this.caughtUpTick = Math.max(this.caughtUpTick, this.goal.tick);
    } else if (this.goal !== undefined) return;
    this.goal = { end: leaderEnd, tick };
  }
}
