// Our own end of a session. The servers drop its ephemeral nodes one session timeout after they last heard of us; while
// we are cut off nobody tells us. So we call it lost after 2/3 of that time, counted from the sending (not the answer)
// of the last request that was answered: always the earlier of the two clocks.
import type { Clock, Timer } from '@zhumq/base';

const OWN_SHARE = 2 / 3;

export class SessionDeadline {
  private timer: Timer | undefined;
  private dueMs = Infinity;
  private shareMs = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly onPassed: () => void,
  ) {}

  /** A session begins, established by a request sent at `sentAtMs`. A timeout of Infinity never passes. */
  begin(timeoutMs: number, sentAtMs: number): void {
    this.stop();
    this.shareMs = timeoutMs * OWN_SHARE;
    this.dueMs = sentAtMs + this.shareMs;
    this.arm();
  }

  /** A request sent at `sentAtMs` was answered. An answer that comes after the deadline does not revive the session. */
  answered(sentAtMs: number): void {
    if (this.passed() || this.dueMs === Infinity) return;
    this.dueMs = Math.max(this.dueMs, sentAtMs + this.shareMs);
  }

  /**
   * Whether it is over, by the clock and not by the timer: after a pause of the whole process (SIGSTOP, swapping) the
   * first code to run may be a write, before any timer.
   */
  passed(): boolean {
    if (this.dueMs === Infinity || this.clock.monotonicMs() < this.dueMs) return false;
    this.stop();
    this.onPassed();
    return true;
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.dueMs = Infinity;
  }

  private arm(): void {
    if (this.dueMs === Infinity) return;
    const waitMs = Math.max(1, Math.ceil(this.dueMs - this.clock.monotonicMs()));
    this.timer = this.clock.after(waitMs, () => {
      if (!this.passed()) this.arm();
    });
  }
}
