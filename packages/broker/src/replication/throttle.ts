// A token bucket: how much may be sent to followers that are not in sync, so that their catching up leaves room for others.
import { delay, SerialExecutor } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';

export class Throttle {
  /** Bytes that may be sent now; below zero after a batch that was larger than what was left. */
  private tokens: number;
  private filledMs: number;
  private readonly line = new SerialExecutor(MAX_WAITING);

  /** 0: no limit. */
  constructor(
    private readonly bytesPerSecond: number,
    private readonly clock: Clock,
  ) {
    this.tokens = bytesPerSecond;
    this.filledMs = clock.monotonicMs();
  }

  /** Milliseconds until something may be sent; 0: now. */
  get waitMs(): number {
    if (this.bytesPerSecond === 0) return 0;
    this.fill();
    return this.tokens > 0 ? 0 : Math.ceil(((1 - this.tokens) * 1000) / this.bytesPerSecond);
  }

  /** Bytes that may be sent now, of which one batch may be larger. */
  get available(): number {
    if (this.bytesPerSecond === 0) return Infinity;
    this.fill();
    return Math.max(Math.floor(this.tokens), 1);
  }

  take(bytes: number): void {
    if (this.bytesPerSecond > 0) this.tokens -= bytes;
  }

  /**
   * For a piece of so many bytes that is asked for in a call: resolves when some of it may be sent, with how much. First
   * come, first served, in pieces small enough that nobody's call times out. Throws OVERLOADED.
   */
  claim(bytes: number): Promise<number> {
    if (this.bytesPerSecond === 0) return Promise.resolve(bytes);
    const claimed = this.line.run(async () => {
      for (let waitMs = this.waitMs; waitMs > 0; waitMs = this.waitMs)
        await delay(this.clock, waitMs);
      const share = Math.max(Math.floor(this.bytesPerSecond / PIECES_PER_SECOND), 1);
      const granted = Math.min(bytes, share);
      this.take(granted);
      return granted;
    });
    if (claimed === undefined)
      throw zhumqError(
        'OVERLOADED',
        `${MAX_WAITING} pieces of segments wait for their share of replication.throttle.bytes.per.second`,
      );
    return claimed;
  }

  /** What is not used within a second is gone. */
  private fill(): void {
    const nowMs = this.clock.monotonicMs();
    const gained = ((nowMs - this.filledMs) * this.bytesPerSecond) / 1000;
    this.tokens = Math.min(this.tokens + gained, this.bytesPerSecond);
    this.filledMs = nowMs;
  }
}

/** Pieces of segments that may wait: a follower asks for one at a time. */
const MAX_WAITING = 64;
const PIECES_PER_SECOND = 8;
