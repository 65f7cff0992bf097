// Errors that the client makes itself. The table knows the usual outcome of each; the client often knows more: what was
// never sent had no effect.
import { ZhumqError } from '@zhumq/base';
import type { ErrorContext } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { ErrorCode } from '@zhumq/model';

/** An error of the table of which it is certain whether what it speaks of had an effect. */
export function errorWithOutcome(
  outcome: 'rejected' | 'unknown',
  code: ErrorCode,
  message: string,
  context?: ErrorContext,
  cause?: unknown,
): ZhumqError {
  const { kind } = zhumqError(code, message);
  return new ZhumqError({ ...kind, outcome }, message, context, cause);
}

/** The same error, of which it is known better what became of the request. */
export function withOutcome(error: ZhumqError, outcome: 'rejected' | 'unknown'): ZhumqError {
  if (error.outcome === outcome) return error;
  return new ZhumqError({ ...error.kind, outcome }, error.message, error.context, error);
}

/** The same error for one who asked who must know: asking again does not help. */
export function forGood(error: ZhumqError): ZhumqError {
  return new ZhumqError({ ...error.kind, retriable: false }, error.message, error.context, error);
}

/** The caller's signal was aborted before anything was sent. */
export function abortedError(what: string, signal: AbortSignal): ZhumqError {
  return errorWithOutcome('rejected', 'ABORTED', `${what} was aborted`, {}, signal.reason);
}

export function closedError(what: string): ZhumqError {
  return zhumqError('CLOSED', `the ${what} was closed`);
}

/** What came from somewhere, as an error that programs can read. */
export function asZhumqError(error: unknown): ZhumqError {
  if (ZhumqError.is(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return zhumqError('INTERNAL', message, {}, error);
}
