// A token bucket: how much may be sent to followers that are not in sync, so that their catching up leaves room for others.
import type { Clock } from '@zhumq/base';

export class Throttle {
  /** Bytes that may be sent now; below zero after a batch that was larger than what was left. */
  private tokens: number;
  private filledMs: number;

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

  /** What is not used within a second is gone. */
  private fill(): void {
    const nowMs = this.clock.monotonicMs();
    const gained = ((nowMs - this.filledMs) * this.bytesPerSecond) / 1000;
    this.tokens = Math.min(this.tokens + gained, this.bytesPerSecond);
    this.filledMs = nowMs;
  }
}
