// The codecs that come with the client.
import type { Codec, StandardSchemaIssue, StandardSchemaV1 } from './api/topic.js';
import { zhumqError } from '@zhumq/model';

const STRING: Codec<string> = Object.freeze({
  name: 'string',
  encode: (value: string) => Buffer.from(value, 'utf8'),
  decode: (bytes: Buffer) => bytes.toString('utf8'),
});

const BYTES: Codec<Uint8Array, Buffer> = Object.freeze({
  name: 'bytes',
  encode: (value: Uint8Array) => value,
  decode: (bytes: Buffer) => bytes,
});

/** UTF-8 text. */
export function string(): Codec<string> {
  return STRING;
}

/** Bytes as they are. */
export function bytes(): Codec<Uint8Array, Buffer> {
  return BYTES;
}

/**
 * JSON. With a schema (zod, valibot, arktype …, synchronous), values are checked before they are sent, and checked and
 * transformed when they are read. Errors are VALIDATION_FAILED.
 */
export function json<T = unknown>(): Codec<T>;
export function json<Input, Output>(schema: StandardSchemaV1<Input, Output>): Codec<Input, Output>;
export function json(schema?: StandardSchemaV1): Codec<unknown> {
  return {
    name: 'json',
    encode(value) {
      if (schema !== undefined) validated(schema, value);
      const text = JSON.stringify(value) as string | undefined;
      if (text === undefined) {
        throw zhumqError('VALIDATION_FAILED', `${typeof value} can not be written as JSON`);
      }
      return Buffer.from(text, 'utf8');
    },
    decode(encoded) {
      const value: unknown = JSON.parse(encoded.toString('utf8'));
      return schema === undefined ? value : validated(schema, value);
    },
  };
}

function validated(schema: StandardSchemaV1, value: unknown): unknown {
  const result = schema['~standard'].validate(value);
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw zhumqError(
      'VALIDATION_FAILED',
      `the schema of ${schema['~standard'].vendor} is asynchronous; a codec needs one that answers at once`,
    );
  }
  if (result.issues === undefined) return result.value;
  throw zhumqError('VALIDATION_FAILED', result.issues.map(described).join('; '));
}

function described({ message, path }: StandardSchemaIssue): string {
  if (path === undefined || path.length === 0) return message;
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part));
  return `${keys.join('.')}: ${message}`;
}
