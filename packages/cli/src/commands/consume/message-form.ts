// A message as it is printed. The JSON is what docs/cli.md promises.
import type { Message } from '@zhumq/client';
import { jsonBytes } from '../../json-bytes.js';
import type { JsonBytes } from '../../json-bytes.js';
import { isJson } from '../../output.js';
import type { OutputFormat } from '../../output.js';

export interface JsonMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: JsonBytes;
  readonly value: JsonBytes;
  /** All values of each name, in the order of sending. */
  readonly headers: Readonly<Record<string, readonly JsonBytes[]>>;
}

export function messageJson(message: Message): JsonMessage {
  const { topic, partition, offset, timestamp, key, value, headers } = message;
  return {
    ...{ topic, partition, offset, timestamp },
    key: jsonBytes(key),
    value: jsonBytes(value),
    headers: Object.fromEntries(
      [...headers].map(([name, values]) => [name, values.map(jsonBytes)] as const),
    ),
  };
}

/** What a message is in a row of that format. */
export function messageRow(message: Message, format: OutputFormat): string | Buffer {
  if (isJson(format)) return JSON.stringify(messageJson(message));
  const { partition, offset, timestamp, key, value } = message;
  // Byte for byte what `zhumq produce` read; a tombstone is an empty line.
  if (format === 'table') return value ?? Buffer.alloc(0);
  const where = `${partition}\t${offset}\t${new Date(timestamp).toISOString()}\t`;
  return Buffer.concat([Buffer.from(where), key ?? NOTHING, Buffer.from('\t'), value ?? NOTHING]);
}

const NOTHING = Buffer.from('-');
