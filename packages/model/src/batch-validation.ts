// Which batches are taken. Three callers, three degrees of trust: a produce request (rule 14: everything in the header is
// checked, records stay opaque), bytes found in a log or sent by a leader (structure and checksum), and a run of batches
// that was already checked (only their bounds).
import {
  ATTRIBUTE_CODEC_MASK,
  ATTRIBUTE_CONTROL,
  ATTRIBUTE_TIMESTAMP_TYPE,
  ATTRIBUTE_TRANSACTIONAL,
  BATCH_CRC_START,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  batchSizeAt,
  readBatchHeader,
} from './batch-header.js';
import type { BatchHeader } from './batch-header.js';
import { CODEC_COUNT } from './codecs.js';
import { crc32c } from './crc32c.js';
import { zhumqError } from './error-table.js';
import type { ErrorCode } from './error-table.js';
import { MAX_TIMESTAMP_MS, MIN_RECORD_BYTES } from './records.js';

const KNOWN_ATTRIBUTES =
  ATTRIBUTE_CODEC_MASK | ATTRIBUTE_TIMESTAMP_TYPE | ATTRIBUTE_TRANSACTIONAL | ATTRIBUTE_CONTROL;

export interface ProduceLimits {
  /** Bytes of a whole batch, compressed as it comes: `max.message.bytes` of the topic. */
  readonly maxBatchBytes: number;
}

/**
 * The header of the one batch that `buffer` is (rule 14). Throws INVALID_BATCH, UNSUPPORTED, MESSAGE_TOO_LARGE or
 * CORRUPT_BATCH; base offset and epoch are the leader's to stamp and are not looked at.
 */
export function checkProducedBatch(buffer: Buffer, limits: ProduceLimits): BatchHeader {
  if (buffer.length > limits.maxBatchBytes) {
    throw zhumqError(
      'MESSAGE_TOO_LARGE',
      `the batch has ${buffer.length} bytes; max.message.bytes of the topic is ${limits.maxBatchBytes}`,
      { bytes: buffer.length, limit: limits.maxBatchBytes },
    );
  }
  if (buffer.length < BATCH_HEADER_BYTES) {
    throw refusal('INVALID_BATCH', `has ${buffer.length} bytes, fewer than a header`);
  }
  const header = readBatchHeader(buffer);
  const fault = faultOfProduced(header, buffer.length);
  if (fault !== undefined) throw refusal(fault[0], fault[1]);
  const crc = crc32c(buffer, 0, BATCH_CRC_START);
  if (crc !== header.crc) {
    throw refusal('CORRUPT_BATCH', `has checksum ${hex(crc)} but states ${hex(header.crc)}`);
  }
  return header;
}

function faultOfProduced(
  header: BatchHeader,
  bytes: number,
): readonly [ErrorCode, string] | undefined {
  const { attributes } = header;
  if (header.magic !== BATCH_MAGIC) {
    return ['UNSUPPORTED', `has magic ${header.magic}; only ${BATCH_MAGIC} is taken`];
  }
  if (header.sizeBytes !== bytes) {
    return ['INVALID_BATCH', `states ${header.sizeBytes} bytes but ${bytes} came`];
  }
  if (attributes !== 0) {
    if ((attributes & ATTRIBUTE_CONTROL) !== 0) {
      return ['INVALID_BATCH', 'is a control batch, which producers can not send'];
    }
    if ((attributes & ATTRIBUTE_TRANSACTIONAL) !== 0) {
      return ['UNSUPPORTED', 'is transactional; there are no transactions yet'];
    }
    if ((attributes & ATTRIBUTE_TIMESTAMP_TYPE) !== 0) {
      return ['UNSUPPORTED', 'asks for log-append time; records keep their create time'];
    }
    if ((attributes & ATTRIBUTE_CODEC_MASK) >= CODEC_COUNT) {
      return ['UNSUPPORTED', `names codec ${attributes & ATTRIBUTE_CODEC_MASK}, which is unknown`];
    }
    if ((attributes & ~KNOWN_ATTRIBUTES) !== 0) {
      return ['INVALID_BATCH', `sets reserved attribute bits (${attributes})`];
    }
  }
  return faultOfCounts(header, bytes);
}

function faultOfCounts(
  header: BatchHeader,
  bytes: number,
): readonly [ErrorCode, string] | undefined {
  const { recordsCount: count, baseTimestamp, maxTimestamp } = header;
  if (count < 1) return ['INVALID_BATCH', `has a records count of ${count}`];
  if (header.lastOffsetDelta !== count - 1) {
    return [
      'INVALID_BATCH',
      `has ${count} records but its last offset delta is ${header.lastOffsetDelta}`,
    ];
  }
  if (
    (header.attributes & ATTRIBUTE_CODEC_MASK) === 0 &&
    count * MIN_RECORD_BYTES > bytes - BATCH_HEADER_BYTES
  ) {
    return ['INVALID_BATCH', `can not hold ${count} records in ${bytes} bytes`];
  }
  // Written so that NaN (no safe integer) fails.
  if (!(baseTimestamp >= 0 && maxTimestamp >= baseTimestamp && maxTimestamp <= MAX_TIMESTAMP_MS)) {
    return ['INVALID_BATCH', 'has timestamps out of range, or its largest before its first'];
  }
  const { producerId, producerEpoch, baseSequence } = header;
  const idempotent = producerId >= 0 && producerEpoch >= 0 && baseSequence >= 0;
  const plain = producerId === -1 && producerEpoch === -1 && baseSequence === -1;
  if (!idempotent && !plain) {
    return [
      'INVALID_BATCH',
      `has producer id ${producerId}, epoch ${producerEpoch}, sequence ${baseSequence}: all three or -1 for all`,
    ];
  }
  return undefined;
}

/** What a scan of a log, or a follower, expects of the next batch. */
export interface ExpectedBatch {
  readonly nextOffset?: number;
  readonly minEpoch?: number;
  readonly maxEpoch?: number;
  /** A larger length field is taken for damage instead of a reason to read on. */
  readonly maxBytes?: number;
}

/** `incomplete`: the bytes end before the batch does; `bytes` is how many it needs in all, as far as known. */
export type StoredBatch =
  | { readonly kind: 'batch'; readonly header: BatchHeader }
  | { readonly kind: 'incomplete'; readonly bytes: number }
  | { readonly kind: 'invalid'; readonly reason: string };

/** Checks the batch at `position` of bytes that a broker stored or sent: structure, checksum, and what is expected. */
export function checkStoredBatch(
  buffer: Buffer,
  position: number,
  expected: ExpectedBatch = {},
): StoredBatch {
  const present = buffer.length - position;
  if (present < BATCH_HEADER_BYTES) {
    // A length is trusted only once the whole header is there.
    return { kind: 'incomplete', bytes: BATCH_HEADER_BYTES };
  }
  const header = readBatchHeader(buffer, position);
  const fault = faultOfStored(header, expected);
  if (fault !== undefined) return { kind: 'invalid', reason: fault };
  if (header.sizeBytes > present) return { kind: 'incomplete', bytes: header.sizeBytes };
  const crc = crc32c(buffer, 0, position + BATCH_CRC_START, position + header.sizeBytes);
  return crc === header.crc
    ? { kind: 'batch', header }
    : { kind: 'invalid', reason: `checksum ${hex(crc)}, the header states ${hex(header.crc)}` };
}

function faultOfStored(header: BatchHeader, expected: ExpectedBatch): string | undefined {
  const { baseOffset, epoch, sizeBytes, lastOffsetDelta, recordsCount } = header;
  if (header.magic !== BATCH_MAGIC) return `magic ${header.magic}`;
  if (sizeBytes < BATCH_HEADER_BYTES) return `a size of ${sizeBytes} bytes`;
  if (sizeBytes > (expected.maxBytes ?? Infinity)) return `a size of ${sizeBytes} bytes`;
  if (!(baseOffset >= 0 && Number.isSafeInteger(header.lastOffset)))
    return 'a base offset out of range';
  if (expected.nextOffset !== undefined && baseOffset !== expected.nextOffset) {
    return `base offset ${baseOffset} where ${expected.nextOffset} is next`;
  }
  if (epoch < 0) return `epoch ${epoch}`;
  if (epoch < (expected.minEpoch ?? 0)) return `epoch ${epoch} after epoch ${expected.minEpoch}`;
  if (epoch > (expected.maxEpoch ?? Infinity)) return `epoch ${epoch} above ${expected.maxEpoch}`;
  // Fewer records than offsets: a compacted batch keeps its bounds.
  if (lastOffsetDelta < 0 || recordsCount < 0 || recordsCount > lastOffsetDelta + 1) {
    return `${recordsCount} records in ${lastOffsetDelta + 1} offsets`;
  }
  return undefined;
}

/**
 * Calls with the header and position of each batch. The bytes must be whole batches: a partial one at the end, or a
 * length that makes no sense, is INVALID_BATCH (thrown when it is reached). Checksums are not looked at.
 */
export function forEachBatch(
  buffer: Buffer,
  callback: (header: BatchHeader, position: number) => void,
): void {
  for (let position = 0; position < buffer.length;) {
    const size = batchSizeAt(buffer, position);
    if (size === undefined || position + size > buffer.length) {
      throw zhumqError(
        'INVALID_BATCH',
        `no whole batch at byte ${position} of ${buffer.length}: it ${size === undefined ? 'has no valid length' : `states ${size} bytes`}`,
        { position, bytes: buffer.length },
      );
    }
    callback(readBatchHeader(buffer, position), position);
    position += size;
  }
}

function refusal(code: ErrorCode, what: string): Error {
  return zhumqError(code, `the batch ${what}`);
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
