// How long to wait before another try, by error. A partition that changes its leader, its generation or its mode is well
// again within milliseconds: there the first tries come after about 5, 10 and 20 ms, and each later wait is a quarter
// longer, so that a try comes soon after the change however long that takes. Everything else is waited out twice as
// long each time.
import { Backoff } from '@zhumq/base';
import type { BackoffOptions, Random } from '@zhumq/base';
import { isPassing } from '@zhumq/model';

const FIRST_CEILINGS_MS = [5, 10, 20];
const GROWTH = 1.25;

/** Waits that begin short and grow slowly; half of each is random, so that many clients do not come back at once. */
export class QuickBackoff {
  private attempts = 0;

  constructor(
    private readonly maxMs: number,
    private readonly random: Random,
  ) {}

  nextMs(): number {
    const last = FIRST_CEILINGS_MS.length - 1;
    const first = FIRST_CEILINGS_MS[Math.min(this.attempts, last)];
    const grown = first * GROWTH ** Math.min(Math.max(0, this.attempts - last), 100);
    const ceiling = Math.min(this.maxMs, grown);
    this.attempts++;
    return Math.ceil(ceiling / 2 + (this.random.fraction() * ceiling) / 2);
  }

  reset(): void {
    this.attempts = 0;
  }
}

export class RetrySchedule {
  private readonly quick: QuickBackoff;
  private readonly slow: Backoff;

  constructor(options: BackoffOptions, random: Random) {
    this.quick = new QuickBackoff(options.maxMs, random);
    this.slow = new Backoff(options, random);
  }

  /** Milliseconds until the next try after this error. */
  nextMs(code: string): number {
    return (isPassing(code) ? this.quick : this.slow).nextMs();
  }

  /** A try worked. */
  reset(): void {
    this.quick.reset();
    this.slow.reset();
  }
}
