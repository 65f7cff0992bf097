// How long it has been quiet, in ticks, against a randomised limit [Raft §5.2].
import type { Random } from './types.js';

export class ElectionTimer {
  private elapsed = 0;
  private limit: number;

  constructor(
    private readonly electionTicks: number,
    private readonly random: Random,
  ) {
    this.limit = this.draw();
  }

  /** Counts one tick; true when the limit is reached. */
  tick(): boolean {
    this.elapsed += 1;
    return this.elapsed >= this.limit;
  }

  reset(): void {
    this.elapsed = 0;
    this.limit = this.draw();
  }

  /** As if the shortest election timeout had passed: what is left of the limit is random, as ever. */
  expireSoon(): void {
    this.reset();
    this.elapsed = this.electionTicks;
  }

  /** Less than the shortest election timeout has passed since the last reset. */
  get recent(): boolean {
    return this.elapsed < this.electionTicks;
  }

  private draw(): number {
    return this.electionTicks + this.random.below(this.electionTicks);
  }
}
