// The time of a log: the largest timestamp of its records. A pure function of the records before an offset, so that all
// replicas expire producers alike (rule 26); a truncation takes it back.
import type { Offset } from '../types.js';

interface Step {
  readonly lastOffset: Offset;
  readonly timestamp: number;
}

export class LogTime {
  /** Rising in both columns. Those that a truncation may come back to are kept. */
  private steps: Step[];

  constructor(timestamp = -1) {
    this.steps = timestamp < 0 ? [] : [{ lastOffset: -1, timestamp }];
  }

  /** -1: no record yet. */
  get now(): number {
    return this.steps.length === 0 ? -1 : this.steps[this.steps.length - 1].timestamp;
  }

  /** Nothing below `stableEnd` is ever truncated. */
  add(lastOffset: Offset, timestamp: number, stableEnd: Offset): void {
    if (timestamp <= this.now) return;
    this.steps.push({ lastOffset, timestamp });
    if (this.steps.length > 1 && this.steps[1].lastOffset < stableEnd) this.forgetBelow(stableEnd);
  }

  asOf(offset: Offset): number {
    let timestamp = -1;
    for (const step of this.steps) {
      if (step.lastOffset >= offset) break;
      timestamp = step.timestamp;
    }
    return timestamp;
  }

  cut(from: Offset): void {
    while (this.steps.length > 0 && this.steps[this.steps.length - 1].lastOffset >= from) {
      this.steps.pop();
    }
  }

  private forgetBelow(stableEnd: Offset): void {
    let first = 0;
    while (first + 1 < this.steps.length && this.steps[first + 1].lastOffset < stableEnd) first++;
    this.steps = this.steps.slice(first);
  }
}
