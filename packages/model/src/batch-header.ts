// The 61 bytes before the records of a batch: Kafka's message format v2 ("record batch, magic 2"), a public format.
// Brokers read and stamp these fields and nothing behind them; records.ts has the rest. All numbers are big-endian.
//
//   0 baseOffset            i64   the leader stamps it
//   8 batchLength           i32   bytes after this field
//  12 partitionLeaderEpoch  i32   the leader stamps it
//  16 magic                 i8    2
//  17 crc                   u32   CRC-32C of everything from 21 on, so that the stamps do not break it
//  21 attributes            i16   codec (bits 0-2), timestamp type (3), transactional (4), control (5)
//  23 lastOffsetDelta       i32
//  27 baseTimestamp         i64   milliseconds since 1970
//  35 maxTimestamp          i64
//  43 producerId            i64   -1 where not idempotent
//  51 producerEpoch         i16   -1 where not idempotent
//  53 baseSequence          i32   -1 where not idempotent
//  57 recordsCount          i32
//  61 records

/** Bytes before the first record. */
export const BATCH_HEADER_BYTES = 61;
/** Bytes before what batchLength counts. */
export const BATCH_PREFIX_BYTES = 12;
/** Where the bytes that the CRC covers begin. */
export const BATCH_CRC_START = 21;
export const BATCH_MAGIC = 2;
/** Largest epoch that a batch can hold. */
export const MAX_EPOCH = 0x7fffffff;

export const ATTRIBUTE_CODEC_MASK = 0x07;
export const ATTRIBUTE_TIMESTAMP_TYPE = 0x08;
export const ATTRIBUTE_TRANSACTIONAL = 0x10;
export const ATTRIBUTE_CONTROL = 0x20;

/** A batch's header as plain values. */
export interface BatchHeader {
  readonly baseOffset: number;
  /** Offset of its last record: the batch's Raft index. */
  readonly lastOffset: number;
  /** Bytes of the whole batch. */
  readonly sizeBytes: number;
  readonly epoch: number;
  readonly magic: number;
  readonly crc: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordsCount: number;
}

/** Reads an i64 that must be a safe integer; NaN when it is not (no caller may take it for a number in range). */
export function readSafeI64(buffer: Buffer, position: number): number {
  const value = buffer.readInt32BE(position) * 0x1_0000_0000 + buffer.readUInt32BE(position + 4);
  return Number.isSafeInteger(value) ? value : NaN;
}

export function writeI64(buffer: Buffer, position: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  buffer.writeInt32BE(high, position);
  buffer.writeUInt32BE(value - high * 0x1_0000_0000, position + 4);
}

/** Bytes of the batch that begins at `position`; undefined when fewer than 12 bytes are there or the length is absurd. */
export function batchSizeAt(buffer: Buffer, position: number): number | undefined {
  if (position + BATCH_PREFIX_BYTES > buffer.length) return undefined;
  const length = buffer.readInt32BE(position + 8);
  return length < BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES ? undefined : length + BATCH_PREFIX_BYTES;
}

/** Reads a header; the caller has checked that 61 bytes are there. Nothing is validated: see batch-validation.ts. */
export function readBatchHeader(buffer: Buffer, position = 0): BatchHeader {
  const baseOffset = readSafeI64(buffer, position);
  const lastOffsetDelta = buffer.readInt32BE(position + 23);
  return {
    baseOffset,
    lastOffset: baseOffset + lastOffsetDelta,
    sizeBytes: buffer.readInt32BE(position + 8) + BATCH_PREFIX_BYTES,
    epoch: buffer.readInt32BE(position + 12),
    magic: buffer.readInt8(position + 16),
    crc: buffer.readUInt32BE(position + 17),
    attributes: buffer.readInt16BE(position + 21),
    lastOffsetDelta,
    baseTimestamp: readSafeI64(buffer, position + 27),
    maxTimestamp: readSafeI64(buffer, position + 35),
    producerId: readSafeI64(buffer, position + 43),
    producerEpoch: buffer.readInt16BE(position + 51),
    baseSequence: buffer.readInt32BE(position + 53),
    recordsCount: buffer.readInt32BE(position + 57),
  };
}

/** The leader's two stamps; they lie outside the CRC. */
export function stampBatch(
  buffer: Buffer,
  position: number,
  baseOffset: number,
  epoch: number,
): void {
  writeI64(buffer, position, baseOffset);
  buffer.writeInt32BE(epoch, position + 12);
}

export function isControlBatch(header: BatchHeader): boolean {
  return (header.attributes & ATTRIBUTE_CONTROL) !== 0;
}
