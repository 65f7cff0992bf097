// A clock that stands still until it is told to move: for tests and for the simulator.
import { assert } from './assert.js';
import type { Clock, Timer } from './clock.js';

interface Pending {
  dueMs: number;
  readonly order: number;
  readonly periodMs: number | undefined;
  readonly callback: () => void;
  cancelled: boolean;
}

export class ManualClock implements Clock {
  private nowMs = 0;
  private created = 0;
  /** Sorted by due time, then by creation; the last one is the next to fire. Cancelled ones leave when they are met. */
  private readonly queue: Pending[] = [];

  /** `wallStartMs` is the wall time at monotonic zero. */
  constructor(private wallStartMs = Date.UTC(2026, 0, 1)) {}

  wallMs(): number {
    return this.wallStartMs + this.nowMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.schedule(delayMs, undefined, callback);
  }

  every(periodMs: number, callback: () => void): Timer {
    assert(periodMs > 0, `a period must be positive, not ${periodMs} ms`);
    return this.schedule(periodMs, periodMs, callback);
  }

  /** Moves time forward and calls what falls due, in order, each at its own moment; also what those calls schedule. */
  advance(ms: number): void {
    assert(ms >= 0, `time does not go back by ${-ms} ms`);
    const target = this.nowMs + ms;
    for (let due = this.nextDueMs(); due !== undefined && due <= target; due = this.nextDueMs()) {
      this.nowMs = Math.max(this.nowMs, due);
      this.fire(this.queue.pop() as Pending);
    }
    this.nowMs = target;
  }

  /** Sets the wall clock forward or back, as an operator or NTP does; monotonic time does not notice. */
  jumpWall(ms: number): void {
    this.wallStartMs += ms;
  }

  /** When the next timer falls due, in monotonic time; undefined when none waits. */
  nextDueMs(): number | undefined {
    while (this.queue.at(-1)?.cancelled === true) this.queue.pop();
    return this.queue.at(-1)?.dueMs;
  }

  private schedule(delayMs: number, periodMs: number | undefined, callback: () => void): Timer {
    assert(!Number.isNaN(delayMs), 'a delay must be a number');
    const dueMs = this.nowMs + Math.max(0, delayMs);
    const pending = { dueMs, order: this.created++, periodMs, callback, cancelled: false };
    this.insert(pending);
    return { cancel: () => void (pending.cancelled = true) };
  }

  private fire(pending: Pending): void {
    if (pending.periodMs !== undefined) {
      pending.dueMs += pending.periodMs;
      this.insert(pending);
    }
    pending.callback();
  }

  private insert(pending: Pending): void {
    let low = 0;
    let high = this.queue.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isLater(this.queue[middle], pending)) low = middle + 1;
      else high = middle;
    }
    this.queue.splice(low, 0, pending);
  }
}

function isLater(one: Pending, other: Pending): boolean {
  return one.dueMs === other.dueMs ? one.order > other.order : one.dueMs > other.dueMs;
}
