// Errors on their way over the wire: a ZhumqError becomes a Failure and, at the other end, a ZhumqError of the same kind.
// What Thrift itself has to say (TApplicationException) is written and read here too.
import { ZhumqError } from '@zhumq/base';
import { errorKindOf, zhumqError } from '@zhumq/model';
import type { Failure } from '../generated/common_types.js';
import { TYPE } from './wire/message-reader.js';
import type { MessageReader } from './wire/message-reader.js';
import type { MessageWriter } from './wire/message-writer.js';

const UNKNOWN_METHOD = 1;
const PROTOCOL_ERROR = 7;

/** What the other side is told of an error. Of one that is no ZhumqError it learns nothing but that it happened. */
export function failureOf(error: unknown): Failure {
  if (!ZhumqError.is(error)) {
    const message = 'the server met an unforeseen error; its log has the details';
    return failureOf(zhumqError('INTERNAL', message));
  }
  const context: Record<string, string> = {};
  for (const [name, value] of Object.entries(error.context)) context[name] = String(value);
  const { kind, message } = error;
  const { code, name, retriable } = kind;
  return { code, message, context, name, retriable, maybeDone: error.outcome === 'unknown' };
}

/** The error that the other side met; all values of its context are strings. */
export function errorOf(failure: Failure): ZhumqError {
  return new ZhumqError(errorKindOf(failure.code), failure.message, failure.context);
}

/** Writes the struct of the message that says that a server does not have a method. */
export function writeUnknownMethod(output: MessageWriter, method: string): void {
  output.writeFieldBegin('message', TYPE.STRING, 1);
  output.writeString(`this server has no method ${method}`);
  output.writeFieldBegin('type', TYPE.I32, 2);
  output.writeI32(UNKNOWN_METHOD);
  output.writeFieldStop();
}

/** Reads such a struct, from servers of any make. */
export function readException(input: MessageReader, method: string): ZhumqError {
  let message = '';
  let type = 0;
  for (let field = input.readFieldBegin(); field.ftype !== TYPE.STOP;) {
    if (field.fid === 1 && field.ftype === TYPE.STRING) message = input.readString();
    else if (field.fid === 2 && field.ftype === TYPE.I32) type = input.readI32();
    else input.skip(field.ftype);
    field = input.readFieldBegin();
  }
  const name =
    type === UNKNOWN_METHOD
      ? 'UNKNOWN_METHOD'
      : type === PROTOCOL_ERROR
        ? 'INVALID_REQUEST'
        : 'INTERNAL';
  return zhumqError(name, message === '' ? `${method} failed at the server` : message, { method });
}
