// The records of a batch. Brokers pass them on unread (rule 14), so whoever opens a batch trusts nothing in it: every
// length and count is held against the bytes that are there before anything is allocated or read.
import {
  ATTRIBUTE_CODEC_MASK,
  BATCH_CRC_START,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  readBatchHeader,
} from './batch-header.js';
import type { BatchHeader } from './batch-header.js';
import { codecOf } from './codecs.js';
import type { Codec } from './codecs.js';
import { decompress, decompressSync } from './compression.js';
import { crc32c } from './crc32c.js';
import { zhumqError } from './error-table.js';
import { MAX_TIMESTAMP_MS, MIN_RECORD_BYTES } from './records.js';
import type { DecodedRecord, RecordHeader } from './records.js';
import { VarintReader } from './varint.js';

export interface DecodeLimits {
  /** Most bytes of records that a batch may unpack to. */
  readonly maxDecompressedBytes: number;
  /** False where the checksum was just verified. */
  readonly checkCrc?: boolean;
}

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);

/**
 * The records of the one batch that `batch` is, in order of offset. Keys and values share memory with `batch` where it is
 * not compressed. Throws INVALID_BATCH, CORRUPT_BATCH (checksum) and COMPRESSION_UNAVAILABLE.
 */
export function decodeRecords(batch: Buffer, limits: DecodeLimits): DecodedRecord[] {
  const header = openBatch(batch, limits);
  const packed = batch.subarray(BATCH_HEADER_BYTES);
  return parseRecords(
    header,
    decompressSync(usedCodec(header), packed, limits.maxDecompressedBytes),
  );
}

/** As `decodeRecords`; a promise only where unpacking leaves the event loop. May throw, or reject. */
export function decodeRecordsElsewhere(
  batch: Buffer,
  limits: DecodeLimits,
): DecodedRecord[] | Promise<DecodedRecord[]> {
  const header = openBatch(batch, limits);
  const packed = batch.subarray(BATCH_HEADER_BYTES);
  const content = decompress(usedCodec(header), packed, limits.maxDecompressedBytes);
  return Buffer.isBuffer(content)
    ? parseRecords(header, content)
    : content.then((bytes) => parseRecords(header, bytes));
}

function openBatch(batch: Buffer, limits: DecodeLimits): BatchHeader {
  if (batch.length < BATCH_HEADER_BYTES) {
    throw invalid(`has ${batch.length} bytes, fewer than a header`);
  }
  const header = readBatchHeader(batch);
  if (header.magic !== BATCH_MAGIC) throw invalid(`has magic ${header.magic}, not ${BATCH_MAGIC}`);
  if (header.sizeBytes !== batch.length) {
    throw invalid(`states ${header.sizeBytes} bytes but has ${batch.length}`);
  }
  if (limits.checkCrc !== false && crc32c(batch, 0, BATCH_CRC_START) !== header.crc) {
    throw zhumqError(
      'CORRUPT_BATCH',
      `the batch at offset ${header.baseOffset} fails its checksum`,
    );
  }
  const { baseTimestamp } = header;
  if (!Number.isSafeInteger(header.lastOffset)) throw invalid('has a base offset out of range');
  if (!(Math.abs(baseTimestamp) <= MAX_TIMESTAMP_MS)) throw invalid('has a timestamp out of range');
  return header;
}

function usedCodec(header: BatchHeader): Codec {
  const codec = codecOf(header.attributes);
  if (codec !== undefined) return codec;
  throw invalid(`names codec ${header.attributes & ATTRIBUTE_CODEC_MASK}, which is unknown`);
}

function parseRecords(header: BatchHeader, content: Buffer): DecodedRecord[] {
  const { recordsCount, lastOffsetDelta } = header;
  if (recordsCount < 0 || recordsCount * MIN_RECORD_BYTES > content.length) {
    throw invalid(`states ${recordsCount} records in ${content.length} bytes`);
  }
  const reader = new VarintReader(content, 0, content.length);
  const records: DecodedRecord[] = [];
  let previousDelta = -1;
  for (let index = 0; index < recordsCount; index++) {
    reader.end = content.length;
    const length = reader.length();
    reader.end = reader.position + length;
    reader.byte();
    const timestamp = header.baseTimestamp + reader.varint();
    const offsetDelta = reader.varint();
    if (offsetDelta <= previousDelta || offsetDelta > lastOffsetDelta) {
      throw reader.invalid(`has offset delta ${offsetDelta} after ${previousDelta}`);
    }
    previousDelta = offsetDelta;
    const key = reader.nullableBytes();
    const value = reader.nullableBytes();
    const headers = readHeaders(reader);
    if (reader.position !== reader.end) throw reader.invalid('is longer than its fields');
    records.push({ offset: header.baseOffset + offsetDelta, timestamp, key, value, headers });
  }
  if (reader.position !== content.length) throw invalid('has bytes behind its last record');
  return records;
}

function readHeaders(reader: VarintReader): readonly RecordHeader[] {
  const count = reader.varint();
  if (count === 0) return NO_HEADERS;
  // A header has two bytes at least.
  if (count < 0 || count * 2 > reader.end - reader.position) {
    throw reader.invalid(
      `states ${count} headers where ${reader.end - reader.position} bytes are left`,
    );
  }
  const headers: RecordHeader[] = [];
  for (let index = 0; index < count; index++) {
    headers.push([reader.text(), reader.nullableBytes()]);
  }
  return headers;
}

function invalid(what: string): Error {
  return zhumqError('INVALID_BATCH', `the batch ${what}`);
}
