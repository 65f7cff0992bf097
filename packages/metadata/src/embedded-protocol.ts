// What travels between EmbeddedStoreServer and RemoteEmbeddedStore: JSON, one request and one reply per call. Everything
// that arrives is untrusted: sizes are bounded before parsing, every field is checked, unknown fields are dropped.
import { zhumqError } from '@zhumq/model';
import type { StoreOperation } from './metadata-store.js';
import type { WatchKind } from './session-link.js';

/** A multi of the greatest size, in base64, with room. */
const REQUEST_CHARS_LIMIT = 1024 * 1024;
const TIMEOUT_LEAST_MS = 300;
const TIMEOUT_MOST_MS = 60_000;

/** `turn` counts the requests of a session; a `sync` makes the server refuse writes of earlier turns that are still to come. */
export type StoreRequest =
  | { readonly op: 'open'; readonly timeoutMs: number }
  | { readonly op: 'beat' | 'end'; readonly session: string }
  | { readonly op: 'poll'; readonly session: string; readonly acknowledged: number }
  | {
      readonly op: 'node' | 'stat' | 'children';
      readonly session: string;
      readonly path: string;
      readonly watched: boolean;
    }
  | { readonly op: 'sync'; readonly session: string; readonly turn: number }
  | {
      readonly op: 'write';
      readonly session: string;
      readonly turn: number;
      readonly operations: readonly StoreOperation[];
    };

/** `over`: the session does not exist any more. */
export type StoreReply =
  | { readonly done: unknown }
  | { readonly over: true }
  | { readonly error: { readonly code: string; readonly message: string } };

/** A watch that fired; numbered in the session, kept until acknowledged. */
export interface StoreEvent {
  readonly number: number;
  readonly kind: WatchKind;
  readonly path: string;
}

type Fields = Readonly<Record<string, unknown>>;

export function encodeRequest(request: StoreRequest): string {
  if (request.op !== 'write') return JSON.stringify(request);
  const operations = request.operations.map((operation) =>
    'data' in operation
      ? { ...operation, data: Buffer.from(operation.data).toString('base64') }
      : operation,
  );
  return JSON.stringify({ ...request, operations });
}

/** Throws INVALID_REQUEST, FRAME_TOO_LARGE or UNSUPPORTED. */
export function decodeRequest(text: string): StoreRequest {
  if (text.length > REQUEST_CHARS_LIMIT) {
    const message = `A request of ${text.length} characters is over the limit of ${REQUEST_CHARS_LIMIT}`;
    throw zhumqError('FRAME_TOO_LARGE', message, { limit: REQUEST_CHARS_LIMIT });
  }
  const fields = parseObject(text);
  const op = stringOf(fields, 'op');
  switch (op) {
    case 'open':
      return { op, timeoutMs: integerOf(fields, 'timeoutMs', TIMEOUT_LEAST_MS, TIMEOUT_MOST_MS) };
    case 'beat':
    case 'end':
      return { op, session: stringOf(fields, 'session') };
    case 'poll': {
      const acknowledged = integerOf(fields, 'acknowledged');
      return { op, session: stringOf(fields, 'session'), acknowledged };
    }
    case 'node':
    case 'stat':
    case 'children': {
      const path = stringOf(fields, 'path');
      return { op, session: stringOf(fields, 'session'), path, watched: fields.watched === true };
    }
    case 'sync':
      return { op, session: stringOf(fields, 'session'), turn: integerOf(fields, 'turn') };
    case 'write': {
      const turn = integerOf(fields, 'turn');
      return { op, session: stringOf(fields, 'session'), turn, operations: operationsOf(fields) };
    }
    default:
      throw zhumqError('UNSUPPORTED', `The embedded store has no operation "${op}"`, { op });
  }
}

/** Throws when the text is no reply; a server of another kind answers there. */
export function decodeReply(text: string): StoreReply {
  const fields = parseObject(text);
  if ('done' in fields) return { done: fields.done };
  if (fields.over === true) return { over: true };
  const error = objectOf(fields.error, 'error');
  return { error: { code: stringOf(error, 'code'), message: stringOf(error, 'message') } };
}

export function eventsOf(value: unknown): StoreEvent[] {
  if (!Array.isArray(value)) throw invalid('events');
  return value.map((item) => {
    const fields = objectOf(item, 'event');
    const kind = fields.kind === 'children' ? 'children' : 'node';
    return { number: integerOf(fields, 'number'), kind, path: stringOf(fields, 'path') };
  });
}

export function objectOf(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(name);
  return value as Fields;
}

export function stringOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw invalid(name);
  return value;
}

export function integerOf(fields: Fields, name: string, least = 0, most = 2 ** 53 - 1): number {
  const value = fields[name];
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    throw invalid(name);
  }
  return value as number;
}

function operationsOf(fields: Fields): StoreOperation[] {
  if (!Array.isArray(fields.operations)) throw invalid('operations');
  return fields.operations.map((item) => operationOf(objectOf(item, 'operation')));
}

function operationOf(fields: Fields): StoreOperation {
  const kind = stringOf(fields, 'kind');
  const path = stringOf(fields, 'path');
  switch (kind) {
    case 'create': {
      const ephemeral = fields.ephemeral === true;
      const sequential = fields.sequential === true;
      return { kind, path, data: bytesOf(fields), ephemeral, sequential };
    }
    case 'set':
      return { kind, path, data: bytesOf(fields), version: integerOf(fields, 'version') };
    case 'check':
    case 'delete':
      return { kind, path, version: integerOf(fields, 'version') };
    default:
      throw invalid('kind');
  }
}

function bytesOf(fields: Fields): Buffer {
  return Buffer.from(stringOf(fields, 'data'), 'base64');
}

function parseObject(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw zhumqError('INVALID_REQUEST', 'What came is no JSON', {}, error);
  }
  return objectOf(value, 'message');
}

function invalid(name: string): Error {
  return zhumqError('INVALID_REQUEST', `The field "${name}" is missing or not allowed`, { name });
}
