// The clocks of one machine: a monotonic one that runs a little fast or slow, and a wall clock that jumps. Timers end
// with the process that set them.
import type { Clock, Timer } from '@zhumq/base';
import { WALL_START_MS } from './ambient.js';
import type { Life } from './life.js';
import type { ScheduledEvent, Scheduler } from './scheduler.js';

/** Of a machine; stays over restarts of its processes. */
export interface ClockError {
  /** How fast its clock runs: 1 is right. */
  readonly rate: number;
  /** How far its wall clock is off at present; jumps. */
  wallOffsetMs: number;
}

export class NodeClock implements Clock {
  constructor(
    private readonly scheduler: Scheduler,
    private readonly life: Life,
    private readonly error: ClockError,
  ) {}

  wallMs(): number {
    return Math.floor(WALL_START_MS + this.monotonicMs() + this.error.wallOffsetMs);
  }

  monotonicMs(): number {
    return this.scheduler.nowMs * this.error.rate;
  }

  after(delayMs: number, callback: () => void): Timer {
    const event = this.schedule(delayMs, callback);
    return { cancel: () => void (event.run = undefined) };
  }

  every(periodMs: number, callback: () => void): Timer {
    const again = (): void => {
      event = this.schedule(periodMs, again);
      callback();
    };
    let event = this.schedule(periodMs, again);
    return { cancel: () => void (event.run = undefined) };
  }

  private schedule(delayMs: number, callback: () => void): ScheduledEvent {
    // For ever is longer than any run; no need to keep it.
    const finite = Number.isFinite(delayMs) ? delayMs : Number.MAX_SAFE_INTEGER;
    return this.scheduler.after(finite / this.error.rate, this.life, callback);
  }
}
