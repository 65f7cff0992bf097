// A record to the message that programs get.
import { ZhumqError } from '@zhumq/base';
import type { DecodedRecord, RecordHeader } from '@zhumq/model';
import type { Message } from '../api/message.js';
import type { Codec, Topic } from '../api/topic.js';
import { zhumqError } from '@zhumq/model';

const NO_HEADERS: ReadonlyMap<string, readonly Buffer[]> = new Map();
const NO_BYTES = Buffer.alloc(0);

/** Throws VALIDATION_FAILED where the topic's codecs refuse the bytes; the context has partition and offset. */
export function consumedMessage<K, V>(
  topic: string,
  codecs: Topic<unknown, unknown, K, V> | undefined,
  partition: number,
  record: DecodedRecord,
): Message<K, V> {
  const { offset, timestamp } = record;
  const key = codecs === undefined ? record.key : decoded('key', codecs.key, record.key);
  const value = codecs === undefined ? record.value : decoded('value', codecs.value, record.value);
  const headers = record.headers.length === 0 ? NO_HEADERS : headerMap(record.headers);
  return {
    topic,
    partition,
    offset,
    timestamp,
    key: key as K | null,
    value: value as V | null,
    headers,
  };

  function decoded(part: string, codec: Codec<unknown, unknown>, bytes: Buffer | null): unknown {
    if (bytes === null) return null;
    try {
      return codec.decode(bytes);
    } catch (error) {
      if (ZhumqError.is(error) && error.code !== 'VALIDATION_FAILED') throw error;
      throw zhumqError(
        'VALIDATION_FAILED',
        `the ${part} at ${topic}-${partition} offset ${offset} was refused: ${(error as Error).message}; seek() to the next offset to pass over it`,
        { topic, partition, offset, part },
        error,
      );
    }
  }
}

function headerMap(headers: readonly RecordHeader[]): ReadonlyMap<string, readonly Buffer[]> {
  const map = new Map<string, Buffer[]>();
  for (const [name, value] of headers) {
    const values = map.get(name);
    if (values === undefined) map.set(name, [value ?? NO_BYTES]);
    else values.push(value ?? NO_BYTES);
  }
  return map;
}
