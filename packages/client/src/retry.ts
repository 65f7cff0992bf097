// The one retry loop for calls that are not batches: as long as the error may pass and the deadline has not.
// Producers retry batches by their own order (producer/partition-queue.ts); both ask the error table.
import { delay } from '@zhumq/base';
import type { BackoffOptions, Clock, Deadline, Random, Timer, ZhumqError } from '@zhumq/base';
import type { CallOptions } from './api/client.js';
import { durationOption } from './option-values.js';
import { abortedError, asZhumqError, errorWithOutcome } from './errors.js';
import { RetrySchedule } from './retry-schedule.js';
import { sharedSignal } from './shared-signal.js';

export interface RetryLimits {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadline: Deadline;
  readonly signal?: AbortSignal;
  /** For the error at the end: "topic orders could not be created". */
  readonly failing: string;
  readonly backoff?: BackoffOptions;
  /** Told of each failure that is not the last. */
  readonly onFailure?: (error: ZhumqError) => void;
}

const BACKOFF: BackoffOptions = { minMs: 50, maxMs: 1000 };

/** Rejects with the first error that is not retriable, with TIMEOUT at the deadline, with ABORTED. */
export async function retrying<T>(
  attempt: (earlierMayHaveWorked: boolean) => Promise<T>,
  limits: RetryLimits,
): Promise<T> {
  const { clock, deadline, signal } = limits;
  if (signal !== undefined) sharedSignal(signal);
  const schedule = new RetrySchedule(limits.backoff ?? BACKOFF, limits.random);
  let inDoubt = false;
  for (;;) {
    if (signal?.aborted) throw abortedError('the call', signal);
    try {
      return await attempt(inDoubt);
    } catch (caught) {
      const error = asZhumqError(caught);
      if (signal?.aborted) throw error;
      if (!error.retriable) throw error;
      inDoubt ||= error.outcome === 'unknown';
      const waitMs = schedule.nextMs(error.code);
      if (deadline.remainingMs() <= waitMs) {
        throw errorWithOutcome(
          inDoubt ? 'unknown' : 'rejected',
          'TIMEOUT',
          `${limits.failing} in time; the last failure was: ${error.message}`,
          { lastError: error.code },
          error,
        );
      }
      limits.onFailure?.(error);
      await delay(clock, waitMs, signal).catch(() => undefined);
    }
  }
}

/** As the work ends, or ABORTED as soon as the caller's signal says so; the work itself goes on unseen. */
export function withinSignal<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(abortedError('the call', signal));
    if (signal.aborted) abort();
    sharedSignal(signal).addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** As the work ends, or TIMEOUT or ABORTED by the options of a call; the work itself goes on unseen. */
export async function settleWithin<T>(
  work: Promise<T>,
  clock: Clock,
  { timeout, signal }: CallOptions,
  what: string,
): Promise<T> {
  if (timeout === undefined) return withinSignal(work, signal);
  const timeoutMs = durationOption('timeout', timeout, 0);
  let timer: Timer | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const text = `${what} did not end within ${timeoutMs} ms`;
    timer = clock.after(timeoutMs, () => reject(errorWithOutcome('unknown', 'TIMEOUT', text)));
  });
  try {
    return await withinSignal(Promise.race([work, late]), signal);
  } finally {
    timer?.cancel();
  }
}
