// One call of send(): settled once, when the last of its messages is, or when its caller does not want to wait longer.
import type { Clock, Timer } from '@zhumq/base';
import { ZhumqError } from '@zhumq/base';
import type { Receipt } from '../api/message.js';
import { errorWithOutcome } from '../errors.js';
import { sharedSignal } from '../shared-signal.js';

export type SendOutcome = Receipt | ZhumqError;

const outcomesOf = new WeakMap<ZhumqError, readonly SendOutcome[]>();

/** What became of each message of a send() of many that was rejected with this error. */
export function sendOutcomes(error: unknown): readonly SendOutcome[] | undefined {
  return ZhumqError.is(error) ? outcomesOf.get(error) : undefined;
}

export class PendingSend {
  settled = false;
  /** No message of it can have left yet. */
  enqueued = false;
  private open: number;
  private readonly outcomes: SendOutcome[] | undefined;
  private stopWatching: (() => void) | undefined;

  constructor(
    private readonly resolve: (receipts: Receipt | Receipt[]) => void,
    private readonly reject: (error: ZhumqError) => void,
    /** Messages of an array; undefined for a single message. */
    count: number | undefined,
  ) {
    this.open = count ?? 1;
    this.outcomes = count === undefined ? undefined : new Array<SendOutcome>(count);
  }

  succeed(slot: number, receipt: Receipt): void {
    if (this.outcomes === undefined) return this.settle(() => this.resolve(receipt));
    this.outcomes[slot] = receipt;
    this.maybeSettle(this.outcomes);
  }

  fail(slot: number, error: ZhumqError): void {
    if (this.outcomes === undefined) return this.settle(() => this.reject(error));
    this.outcomes[slot] = error;
    this.maybeSettle(this.outcomes);
  }

  /** Ends the waiting at a signal or after a time. */
  watch(clock: Clock, timeoutMs: number | undefined, signal: AbortSignal | undefined): void {
    const abort = (): void => this.abandon('ABORTED', 'was aborted', signal?.reason);
    if (signal?.aborted) return abort();
    const timer: Timer | undefined =
      timeoutMs === undefined
        ? undefined
        : clock.after(timeoutMs, () =>
            this.abandon('TIMEOUT', `was not done within ${timeoutMs} ms`, undefined),
          );
    if (signal !== undefined) sharedSignal(signal).addEventListener('abort', abort, { once: true });
    this.stopWatching = () => {
      timer?.cancel();
      signal?.removeEventListener('abort', abort);
    };
  }

  private abandon(code: 'ABORTED' | 'TIMEOUT', what: string, cause: unknown): void {
    const outcome = this.enqueued ? 'unknown' : 'rejected';
    const also = this.enqueued ? '; its messages may be stored all the same' : '';
    const error = errorWithOutcome(outcome, code, `send() ${what}${also}`, {}, cause);
    this.settle(() => this.reject(error));
  }

  private maybeSettle(outcomes: SendOutcome[]): void {
    if (--this.open > 0) return;
    const first = outcomes.find((outcome) => ZhumqError.is(outcome)) as ZhumqError | undefined;
    if (first === undefined) return this.settle(() => this.resolve(outcomes as Receipt[]));
    // Errors are shared by all messages of a batch: this call gets one of its own.
    const error = new ZhumqError(first.kind, first.message, first.context, first);
    outcomesOf.set(error, outcomes);
    this.settle(() => this.reject(error));
  }

  private settle(tell: () => void): void {
    if (this.settled) return;
    this.settled = true;
    this.stopWatching?.();
    tell();
  }
}
