// A message as its sender gave it, to a record: keys, values and headers as bytes.
import { zhumqError } from '@zhumq/model';
import type { RecordInput } from '@zhumq/model';
import { ZhumqError } from '@zhumq/base';
import type { HeaderValue, OutgoingHeaders, OutgoingMessage } from '../api/message.js';
import type { Topic } from '../api/topic.js';

/** What a record costs in memory besides its own bytes, roughly: its promise and places in arrays. */
const OVERHEAD_BYTES = 100;

export interface OutgoingRecord extends RecordInput {
  readonly partition: number | undefined;
  /** What it counts against maxBuffered. */
  readonly costBytes: number;
}

type AnyTopic = Topic<unknown, unknown, unknown, unknown>;
type HeaderPair = readonly [name: string, value: Uint8Array | null];

/** Throws VALIDATION_FAILED for what is no message or what the topic's codecs refuse. */
export function outgoingRecord(
  topic: string | AnyTopic,
  message: OutgoingMessage<unknown, unknown>,
  nowMs: number,
): OutgoingRecord {
  if (typeof message !== 'object' || message === null) {
    throw refused(topic, 'message', 'it is no object with a value');
  }
  const { timestamp } = message;
  const key = bytesOf(topic, 'key', message.key ?? null);
  // A forgotten value would be a tombstone.
  if (message.value === undefined)
    throw refused(topic, 'value', 'it is undefined; null is a tombstone');
  const value = bytesOf(topic, 'value', message.value);
  const headers = message.headers === undefined ? undefined : headerPairs(topic, message.headers);
  let costBytes = OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
  if (headers !== undefined) {
    for (const [name, content] of headers) costBytes += name.length + (content?.length ?? 0);
  }
  return {
    timestamp: timestamp === undefined ? nowMs : Number(timestamp),
    key,
    value,
    headers,
    partition: message.partition,
    costBytes,
  };
}

function bytesOf(
  topic: string | AnyTopic,
  part: 'key' | 'value',
  given: unknown,
): Uint8Array | null {
  if (given === null) return null;
  if (typeof topic === 'string') return plainBytes(topic, part, given);
  try {
    return topic[part].encode(given);
  } catch (error) {
    const cause = error as Error;
    throw refused(topic, part, cause.message, error);
  }
}

function plainBytes(topic: string | AnyTopic, part: string, given: unknown): Uint8Array {
  if (typeof given === 'string') return Buffer.from(given, 'utf8');
  if (given instanceof Uint8Array) return given;
  throw refused(
    topic,
    part,
    `it is of type ${typeof given}; bytes or text are taken, or a typed topic`,
  );
}

function headerPairs(topic: string | AnyTopic, headers: OutgoingHeaders): readonly HeaderPair[] {
  const pairs: HeaderPair[] = [];
  const add = (name: string, value: HeaderValue): void => {
    pairs.push([name, value === null ? null : plainBytes(topic, `header ${name}`, value)]);
  };
  if (Array.isArray(headers)) {
    for (const [name, value] of headers as readonly (readonly [string, HeaderValue])[])
      add(name, value);
    return pairs;
  }
  const entries = headers instanceof Map ? headers.entries() : Object.entries(headers);
  for (const [name, values] of entries as Iterable<
    [string, HeaderValue | readonly HeaderValue[]]
  >) {
    if (Array.isArray(values)) for (const value of values as HeaderValue[]) add(name, value);
    else add(name, values as HeaderValue);
  }
  return pairs;
}

function refused(topic: string | AnyTopic, part: string, why: string, cause?: unknown): Error {
  const name = typeof topic === 'string' ? topic : topic.name;
  if (ZhumqError.is(cause) && cause.code !== 'VALIDATION_FAILED') return cause;
  return zhumqError(
    'VALIDATION_FAILED',
    `the ${part} of a message for topic ${name} was refused: ${why}`,
    { topic: name, part },
    cause,
  );
}
