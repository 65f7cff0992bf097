// How long to wait before another try: exponential, half of it random, so that many clients do not come
// back at once.
import type { Random } from './random.js';

export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
}

export class Backoff {
  private attempts = 0;

  constructor(
    private readonly options: BackoffOptions,
    private readonly random: Random,
  ) {}

  /** Milliseconds until the next try; grows with each call until `reset`. */
  nextMs(): number {
    const ceiling = Math.min(
      this.options.maxMs,
      this.options.minMs * 2 ** Math.min(this.attempts, 30),
    );
    this.attempts++;
    return Math.ceil(ceiling / 2 + (this.random.fraction() * ceiling) / 2);
  }

  reset(): void {
    this.attempts = 0;
  }
}
