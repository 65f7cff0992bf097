// Messages of the client library as records on the wire.
import type { Message } from '@zhumq/client';
import type { Header, ReceivedRecord } from '@zhumq/rpc';

/** What a header costs besides its name and value, roughly. */
const HEADER_BYTES = 16;

export function recordOf(message: Message): ReceivedRecord {
  const { topic, partition, offset, timestamp, key, value } = message;
  const headers: Header[] = [];
  for (const [name, values] of message.headers) {
    for (const content of values) headers.push({ name, value: content });
  }
  return {
    ...{ topic, partition, offset, timestamp, headers },
    key: key ?? undefined,
    value: value ?? undefined,
  };
}

/** What counts against limits in bytes. */
export function sizeOf({ key, value, headers }: Message): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, values] of headers) {
    for (const content of values) bytes += HEADER_BYTES + name.length + content.length;
  }
  return bytes;
}
