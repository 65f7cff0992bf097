// Where a model run is recorded: several processes, whose completions may be recorded later than they happened, each
// process in its own order. An exact run records everything as it happens.
import type { Random } from '@zhumq/base';
import type { HistoryEvent, Unstamped } from '../../history/events.js';
import { stamp } from '../../history/history.js';

export class Stage {
  readonly events: HistoryEvent[] = [];
  now = 0;
  private readonly late = new Map<string, Unstamped[]>();

  constructor(
    readonly random: Random,
    readonly isExact: boolean,
  ) {}

  chance(probability: number): boolean {
    return this.random.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.random.below(items.length)];
  }

  /** From `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.random.below(most - least + 1);
  }

  /** What a process learns; perhaps recorded later. */
  tell(process: string, event: Unstamped): void {
    const late = this.late.get(process);
    if (late !== undefined) late.push(event);
    else if (this.isExact || this.chance(0.6)) this.write(event);
    else this.late.set(process, [event]);
  }

  /** What a process does: recorded before it has any effect. */
  tellAtOnce(process: string, event: Unstamped): void {
    this.flush(process);
    this.write(event);
  }

  step(): void {
    this.now += 1;
    for (const process of [...this.late.keys()]) if (this.chance(0.3)) this.flush(process);
  }

  flushAll(): void {
    for (const process of [...this.late.keys()]) this.flush(process);
  }

  private flush(process: string): void {
    for (const event of this.late.get(process) ?? []) this.write(event);
    this.late.delete(process);
  }

  private write(event: Unstamped): void {
    this.now += 1;
    this.events.push(stamp(event, this.now));
  }
}
