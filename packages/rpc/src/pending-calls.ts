// Calls of one connection that wait for their answers: sequence ids, deadlines, aborts. Every call that is added here is
// settled exactly once, at the latest when the connection ends.
import type { Clock, Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { errorOf, readException } from './failures.js';
import type { Method } from './method.js';
import { EXCEPTION } from './wire/message-reader.js';
import type { MessageReader } from './wire/message-reader.js';

const MAX_SEQUENCE_ID = 0x7fff_ffff;
/** Deadlines are met with this tolerance, so that one timer serves many calls. */
const GRAIN_MS = 10;

export interface RpcChannelMetrics {
  /** A call was settled after `durationMs`; `errorCode` is the name of its error. */
  called?(method: string, durationMs: number, errorCode: string | undefined): void;
}

class PendingCall {
  constructor(
    readonly method: Method,
    /** Position among all calls of the connection. */
    readonly ordinal: number,
    readonly startedMs: number,
    readonly deadlineMs: number,
    readonly resolve: (value: unknown) => void,
    readonly reject: (error: Error) => void,
    readonly signal: AbortSignal | undefined,
    readonly onAbort: (() => void) | undefined,
  ) {}
}

export class PendingCalls {
  /** The number of calls ever added; compared with it, `PendingCall.ordinal` tells what had been sent. */
  added = 0;
  private readonly calls = new Map<number, PendingCall>();
  private timer: Timer | undefined;
  private timerDueMs = Infinity;

  constructor(
    private readonly clock: Clock,
    private readonly metrics: RpcChannelMetrics | undefined,
    /** The last sequence id used. */
    private sequenceId = 0,
  ) {}

  get size(): number {
    return this.calls.size;
  }

  /** A sequence id that no waiting call has: 1 to 2^31 - 1, and again from 1. */
  nextSequenceId(): number {
    do {
      this.sequenceId = this.sequenceId === MAX_SEQUENCE_ID ? 1 : this.sequenceId + 1;
    } while (this.calls.has(this.sequenceId));
    return this.sequenceId;
  }

  add(
    sequenceId: number,
    method: Method,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    resolve: (value: unknown) => void,
    reject: (error: Error) => void,
  ): void {
    const now = this.clock.monotonicMs();
    const dueMs = now + timeoutMs;
    const onAbort = signal && ((): void => this.abort(sequenceId, method));
    if (onAbort) signal.addEventListener('abort', onAbort, { once: true });
    const call = new PendingCall(
      method,
      ++this.added,
      now,
      dueMs,
      resolve,
      reject,
      signal,
      onAbort,
    );
    this.calls.set(sequenceId, call);
    if (dueMs < this.timerDueMs) this.arm(dueMs, now);
  }

  /** Settles the call that a message answers; false when none waits for it any more. Throws what the reader throws. */
  settle(reader: MessageReader): boolean {
    const call = this.calls.get(reader.sequenceId);
    if (call === undefined) return false;
    const { method } = call;
    if (reader.kind === EXCEPTION) {
      this.fail(reader.sequenceId, call, readException(reader, method.name));
      reader.end();
      return true;
    }
    const answer = method.emptyResult();
    try {
      answer.read(reader);
      reader.end();
    } catch (error) {
      const text = `the answer to ${method.name} can not be read: ${(error as Error).message}`;
      this.fail(
        reader.sequenceId,
        call,
        zhumqError('INTERNAL', text, { method: method.name }, error),
      );
      throw error;
    }
    if (answer.failed !== undefined) {
      this.fail(reader.sequenceId, call, errorOf(answer.failed.failure));
    } else if (method.answers && answer.success === undefined) {
      const text = `the server answered ${method.name} with nothing`;
      this.fail(reader.sequenceId, call, zhumqError('INTERNAL', text, { method: method.name }));
    } else {
      this.forget(reader.sequenceId, call, undefined);
      call.resolve(answer.success);
    }
    return true;
  }

  /** Ends all calls; `errorFor` is told whether the request may have reached the other side. */
  failAll(sent: number, errorFor: (method: string, maySent: boolean) => Error): void {
    for (const [sequenceId, call] of this.calls) {
      this.fail(sequenceId, call, errorFor(call.method.name, call.ordinal <= sent));
    }
    this.timer?.cancel();
    this.timer = undefined;
    this.timerDueMs = Infinity;
  }

  private abort(sequenceId: number, method: Method): void {
    const call = this.calls.get(sequenceId);
    if (call === undefined) return;
    const text = `${method.name} was aborted by its caller; it may have been done`;
    const reason: unknown = call.signal?.reason;
    this.fail(sequenceId, call, zhumqError('ABORTED', text, { method: method.name }, reason));
  }

  private fail(sequenceId: number, call: PendingCall, error: Error): void {
    this.forget(sequenceId, call, 'code' in error ? String(error.code) : error.name);
    call.reject(error);
  }

  private forget(sequenceId: number, call: PendingCall, errorCode: string | undefined): void {
    this.calls.delete(sequenceId);
    if (call.onAbort) call.signal?.removeEventListener('abort', call.onAbort);
    if (this.metrics?.called !== undefined) {
      const durationMs = this.clock.monotonicMs() - call.startedMs;
      this.metrics.called(call.method.name, durationMs, errorCode);
    }
  }

  private arm(dueMs: number, now: number): void {
    this.timer?.cancel();
    this.timerDueMs = dueMs;
    this.timer = this.clock.after(Math.max(dueMs - now, GRAIN_MS), () => this.expire());
  }

  private expire(): void {
    const now = this.clock.monotonicMs();
    let nextDueMs = Infinity;
    this.timer = undefined;
    this.timerDueMs = Infinity;
    for (const [sequenceId, call] of this.calls) {
      if (call.deadlineMs > now) {
        nextDueMs = Math.min(nextDueMs, call.deadlineMs);
        continue;
      }
      const timeoutMs = Math.round(call.deadlineMs - call.startedMs);
      const { name } = call.method;
      const text = `${name} got no answer within ${timeoutMs} ms; it may have been done`;
      this.fail(sequenceId, call, zhumqError('TIMEOUT', text, { method: name, timeoutMs }));
    }
    if (nextDueMs < this.timerDueMs) this.arm(nextDueMs, now);
  }
}
