// Tells that the other side of a connection is gone although the kernel has not noticed: packets are dropped somewhere,
// so that neither an answer nor a reset comes, and only minutes later an error.
//
// Counted in checks, not in time: what a process that stood still has not read yet must not look like silence.
import type { Clock, Timer } from '@zhumq/base';

/** Checks in a row at which something was owed and nothing had come. */
const CHECKS = 4;

export class SilenceWatch {
  private readonly timer: Timer;
  private silentChecks = 0;

  constructor(
    clock: Clock,
    timeoutMs: number,
    /** Whether calls wait for answers, or bytes for the kernel. */
    private readonly isOwed: () => boolean,
    private readonly onSilent: () => void,
  ) {
    this.timer = clock.every(Math.ceil(timeoutMs / CHECKS), () => this.check());
  }

  /** Bytes came, or all that waited went. */
  heard(): void {
    this.silentChecks = 0;
  }

  stop(): void {
    this.timer.cancel();
  }

  private check(): void {
    if (!this.isOwed()) this.silentChecks = 0;
    else if (++this.silentChecks > CHECKS) this.onSilent();
  }
}
