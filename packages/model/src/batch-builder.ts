// A batch while records are added to it: each record is encoded once, straight to its place behind the header, so the
// size before compression is always exactly known and nothing is copied on the way (unless the buffer must grow).
// One checksum, at the end.
import { assert } from '@zhumq/base';
import {
  BATCH_CRC_START,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  BATCH_PREFIX_BYTES,
  writeI64,
} from './batch-header.js';
import { codecNumber } from './codecs.js';
import { compress, compressSync } from './compression.js';
import type { UsableCodec } from './compression.js';
import { crc32c } from './crc32c.js';
import { zhumqError } from './error-table.js';
import { encodeRecord, recordBodyBytes } from './record-encoder.js';
import { MAX_TIMESTAMP_MS } from './records.js';
import type { RecordInput } from './records.js';
import { varintBytes } from './varint.js';

/** Who produced a batch, for idempotence. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Sequence number of the batch's first record. */
  readonly baseSequence: number;
}

export const NO_PRODUCER: ProducerIdentity = Object.freeze({
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
});

export interface BatchBuilderOptions {
  readonly codec?: UsableCodec;
  /** Room to begin with, header included; grows by doubling. */
  readonly initialBytes?: number;
  /** Attribute bits besides the codec, for control batches. */
  readonly attributes?: number;
}

const DEFAULT_INITIAL_BYTES = 1024;

export class BatchBuilder {
  private readonly codec: UsableCodec;
  private readonly attributes: number;
  private buffer: Buffer;
  private end = BATCH_HEADER_BYTES;
  private count = 0;
  private baseTimestamp = 0;
  private maxTimestamp = 0;
  private finished = false;

  constructor(options: BatchBuilderOptions = {}) {
    this.codec = options.codec ?? 'none';
    this.attributes = options.attributes ?? 0;
    this.buffer = Buffer.allocUnsafe(
      Math.max(BATCH_HEADER_BYTES, options.initialBytes ?? DEFAULT_INITIAL_BYTES),
    );
  }

  /** Bytes of the batch as it stands, before compression. */
  get sizeBytes(): number {
    return this.end;
  }

  get recordsCount(): number {
    return this.count;
  }

  /**
   * Adds a record; false, and nothing changed, when the batch would then have more than `maxBytes` (before
   * compression). Throws INVALID_REQUEST for a timestamp that no record can hold.
   */
  append(record: RecordInput, maxBytes = Infinity): boolean {
    assert(!this.finished, 'a finished batch takes no more records');
    const { timestamp } = record;
    checkTimestamp(timestamp);
    const delta = this.count === 0 ? 0 : timestamp - this.baseTimestamp;
    const body = recordBodyBytes(record, delta, this.count);
    const end = this.end + varintBytes(body) + body;
    if (end > maxBytes) return false;
    if (end > this.buffer.length) this.grow(end);
    const written = encodeRecord(this.buffer, this.end, record, body, delta, this.count);
    assert(written === end, 'a record took other bytes than counted');
    if (this.count === 0) this.baseTimestamp = timestamp;
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp;
    this.end = end;
    this.count++;
    return true;
  }

  /** The batch; the builder is used up. A promise only where compression leaves the event loop. */
  finish(producer: ProducerIdentity = NO_PRODUCER): Buffer | Promise<Buffer> {
    const content = this.takeContent();
    if (this.codec === 'none') return this.seal(content, content, producer);
    const packed = compress(this.codec, content);
    return Buffer.isBuffer(packed)
      ? this.seal(content, packed, producer)
      : packed.then((bytes) => this.seal(content, bytes, producer));
  }

  /** As `finish`, always at once. */
  finishSync(producer: ProducerIdentity = NO_PRODUCER): Buffer {
    const content = this.takeContent();
    return this.seal(content, compressSync(this.codec, content), producer);
  }

  private takeContent(): Buffer {
    assert(!this.finished, 'a batch is finished once');
    assert(this.count > 0, 'a batch has at least one record');
    this.finished = true;
    return this.buffer.subarray(BATCH_HEADER_BYTES, this.end);
  }

  /** Writes the header; content that did not shrink stays as it was. */
  private seal(content: Buffer, packed: Buffer, producer: ProducerIdentity): Buffer {
    let batch = this.buffer.subarray(0, this.end);
    let attributes = this.attributes;
    if (packed.length < content.length) {
      attributes |= codecNumber(this.codec);
      batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + packed.length);
      packed.copy(batch, BATCH_HEADER_BYTES);
    }
    writeI64(batch, 0, 0);
    batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, 8);
    batch.writeInt32BE(-1, 12);
    batch.writeInt8(BATCH_MAGIC, 16);
    batch.writeInt16BE(attributes, 21);
    batch.writeInt32BE(this.count - 1, 23);
    writeI64(batch, 27, this.baseTimestamp);
    writeI64(batch, 35, this.maxTimestamp);
    batch.writeInt32BE(this.count, 57);
    stampProducer(batch, producer);
    return batch;
  }

  private grow(atLeast: number): void {
    const larger = Buffer.allocUnsafe(Math.max(atLeast, this.buffer.length * 2));
    this.buffer.copy(larger, 0, 0, this.end);
    this.buffer = larger;
  }
}

/** Writes the producer fields of a finished batch, and its checksum anew: for a producer that got a new epoch. */
export function stampProducer(batch: Buffer, producer: ProducerIdentity): void {
  writeI64(batch, 43, producer.producerId);
  batch.writeInt16BE(producer.producerEpoch, 51);
  batch.writeInt32BE(producer.baseSequence, 53);
  batch.writeUInt32BE(crc32c(batch, 0, BATCH_CRC_START), 17);
}

/** Bytes of a batch that holds this record alone, before compression: what `max.message.bytes` is compared with. */
export function singleBatchBytes(record: RecordInput): number {
  const body = recordBodyBytes(record, 0, 0);
  return BATCH_HEADER_BYTES + varintBytes(body) + body;
}

function checkTimestamp(timestamp: number): void {
  if (Number.isInteger(timestamp) && timestamp >= 0 && timestamp <= MAX_TIMESTAMP_MS) return;
  throw zhumqError(
    'INVALID_REQUEST',
    `a record's timestamp is whole milliseconds from 0 to ${MAX_TIMESTAMP_MS}, not ${timestamp}`,
    { timestamp },
  );
}
