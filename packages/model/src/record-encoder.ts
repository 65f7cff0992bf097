// One record to bytes: its size first (exactly), then the bytes. Only batch-builder.ts calls this.
import { varintBytes, writeVarint } from './varint.js';
import type { RecordInput } from './records.js';

const NULL_LENGTH = -1;
/** Below this a loop copies faster than a call. */
const CALL_FROM_BYTES = 24;

/** Bytes of a record behind its length field. */
export function recordBodyBytes(
  record: RecordInput,
  timestampDelta: number,
  offsetDelta: number,
): number {
  const { headers } = record;
  let bytes =
    1 +
    varintBytes(timestampDelta) +
    varintBytes(offsetDelta) +
    nullableBytes(record.key) +
    nullableBytes(record.value) +
    varintBytes(headers === undefined ? 0 : headers.length);
  if (headers !== undefined) {
    for (const [key, value] of headers) {
      const keyBytes = Buffer.byteLength(key);
      bytes += varintBytes(keyBytes) + keyBytes + nullableBytes(value);
    }
  }
  return bytes;
}

/** Writes a record of `bodyBytes` at `position` and returns the position behind it. */
export function encodeRecord(
  buffer: Buffer,
  position: number,
  record: RecordInput,
  bodyBytes: number,
  timestampDelta: number,
  offsetDelta: number,
): number {
  const { headers } = record;
  let at = writeVarint(buffer, position, bodyBytes);
  buffer[at++] = 0;
  at = writeVarint(buffer, at, timestampDelta);
  at = writeVarint(buffer, at, offsetDelta);
  at = writeNullable(buffer, at, record.key);
  at = writeNullable(buffer, at, record.value);
  at = writeVarint(buffer, at, headers === undefined ? 0 : headers.length);
  if (headers !== undefined) {
    for (const [key, value] of headers) {
      at = writeVarint(buffer, at, Buffer.byteLength(key));
      at += buffer.write(key, at);
      at = writeNullable(buffer, at, value);
    }
  }
  return at;
}

function nullableBytes(bytes: Uint8Array | null): number {
  return bytes === null ? 1 : varintBytes(bytes.length) + bytes.length;
}

function writeNullable(buffer: Buffer, position: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(buffer, position, NULL_LENGTH);
  const at = writeVarint(buffer, position, bytes.length);
  if (bytes.length >= CALL_FROM_BYTES) buffer.set(bytes, at);
  else for (let k = 0; k < bytes.length; k++) buffer[at + k] = bytes[k];
  return at + bytes.length;
}
