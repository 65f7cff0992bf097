// A moment by which something must be done. It is passed down a chain of calls, where a timeout would start anew.
import type { Clock } from './clock.js';

export class Deadline {
  private constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    /** In monotonic time, which no change of the wall clock moves. */
    private readonly atMs: number,
  ) {}

  static after(clock: Pick<Clock, 'monotonicMs'>, delayMs: number): Deadline {
    return new Deadline(clock, clock.monotonicMs() + delayMs);
  }

  /** Never below zero. */
  remainingMs(): number {
    return Math.max(0, this.atMs - this.clock.monotonicMs());
  }

  get expired(): boolean {
    return this.remainingMs() === 0;
  }

  /** The nearer of this one and `delayMs` from now: the share of one step. */
  within(delayMs: number): Deadline {
    const atMs = Math.min(this.atMs, this.clock.monotonicMs() + delayMs);
    return new Deadline(this.clock, atMs);
  }
}
