// One life of a process, from its start to its end. Whatever it began ends with it.
import type { ScheduledEvent } from './scheduler.js';

export class Life {
  alive = true;
  paused = false;
  /** Told once, when the life ends; in the order in which they were added. */
  readonly onEnd: (() => void)[] = [];
  private held: ScheduledEvent[] = [];

  constructor(
    readonly name: string,
    /** Unique in a run. */
    readonly number: number,
  ) {}

  end(): void {
    if (!this.alive) return;
    this.alive = false;
    this.held = [];
    for (const tell of this.onEnd.splice(0)) tell();
  }

  /** Keeps an event that is due while the process stands still. */
  hold(event: ScheduledEvent): void {
    this.held.push(event);
  }

  takeHeld(): ScheduledEvent[] {
    const { held } = this;
    this.held = [];
    return held;
  }
}
