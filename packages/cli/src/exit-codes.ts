// What the exit code of every verb means, and what a person reads when one fails.
import { ConfigFileInvalid, OptionsInvalid, ZhumqError } from '@zhumq/base';
import { adviceFor } from './advice.js';

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  partial: 3,
  notFound: 4,
  auth: 5,
  timeout: 6,
  interrupted: 130,
} as const;

/** A command was called in a way that it can not work; the message says how to call it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A signal ended the command before it was done. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

export function exitCodeOf(error: unknown): number {
  if (
    error instanceof UsageError ||
    error instanceof OptionsInvalid ||
    error instanceof ConfigFileInvalid
  )
    return EXIT.usage;
  if (error instanceof Interrupted) return EXIT.interrupted;
  if (!ZhumqError.is(error)) return EXIT.failed;
  switch (error.code) {
    case 'UNKNOWN_TOPIC':
    case 'UNKNOWN_PARTITION':
    case 'UNKNOWN_GROUP':
    case 'NOT_FOUND':
      return EXIT.notFound;
    case 'TIMEOUT':
    case 'CONNECTION_LOST':
    case 'CONNECTION_REFUSED':
    case 'LEADER_NOT_AVAILABLE':
      return EXIT.timeout;
    case 'INVALID_OPTION':
    case 'INVALID_TOPIC':
      return EXIT.usage;
    default:
      return EXIT.failed;
  }
}

/** What a person reads: what happened, and what to do. Never a stack, unless ZHUMQ_DEBUG is set. */
export function explain(error: unknown): string {
  if (process.env.ZHUMQ_DEBUG && error instanceof Error) return error.stack ?? error.message;
  if (ZhumqError.is(error)) {
    const advice = adviceFor(error);
    const what = `${error.message} [${error.code}, see ${error.helpUrl}]`;
    return advice === undefined ? what : `${what}\n${advice}`;
  }
  return error instanceof Error ? error.message : String(error);
}
