// A promise with an end.
import type { Clock } from '@zhumq/base';

/** Rejects with `late()` at `untilMs` (monotonic); the work itself goes on, unobserved. */
export function withinTime<T>(
  clock: Clock,
  untilMs: number,
  work: Promise<T>,
  late: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const waitMs = Math.max(0, untilMs - clock.monotonicMs());
    const timer = clock.after(waitMs, () => reject(late()));
    void work.then(resolve, reject).finally(() => timer.cancel());
  });
}
