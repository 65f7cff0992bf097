// The state of one partition of a consumer: what was pulled and not handed out yet, and three positions that must not be
// taken for each other: where to pull next, what to hand out next, and where the program may go on (run: the first
// message that is not handled).
import type { Random, ZhumqError } from '@zhumq/base';
import { checkStoredBatch, decodeRecordsElsewhere, isControlBatch, zhumqError } from '@zhumq/model';
import type { BatchHeader, DecodedRecord } from '@zhumq/model';
import type { Position } from '../api/consumer.js';
import { asZhumqError } from '../errors.js';
import { RetrySchedule } from '../retry-schedule.js';
import { sharedController } from '../shared-signal.js';

/** A batch may unpack to so much. */
const MAX_UNPACKED_BYTES = 128 * 1024 * 1024;
const RETRY = { minMs: 20, maxMs: 1000 };

/** Where to begin, before the leader was asked what offset that is. */
export type Start = 'earliest' | 'latest' | Date;

interface Chunk {
  readonly header: BatchHeader;
  readonly bytes: Buffer;
}

export class PartitionReader {
  /** Pulled next from here. */
  fetchOffset = -1;
  fetchEpoch = -1;
  bufferedBytes = 0;
  paused = false;
  /** Seeks and the like so far: an answer that was asked for before the last one is dropped. */
  seeks = 0;
  /** What reading ends with when the buffer is empty. */
  failure: ZhumqError | undefined;
  notBeforeMs = -Infinity;
  failedBroker = -1;
  failingSinceMs: number | undefined;
  stalled = false;
  /** Handlers at work. */
  handling = 0;
  /** A handler failed: what it was given is not handled. */
  unfinished = false;
  /** The group wants it back: nothing more is pulled or given; what the program has of it may be finished. */
  leaving = false;
  readonly schedule: RetrySchedule;
  private busySince = -1;
  private startAt: Start | undefined;
  private whenStarted: ((offset: number) => void)[] = [];
  private chunks: Chunk[] = [];
  private records: readonly DecodedRecord[] | undefined;
  private index = 0;
  private unpacking: Promise<void> | undefined;
  /** Handed out next. */
  private nextOffset = -1;
  private nextEpoch = -1;
  /** Handed out to handlers that have not ended, in order. */
  private unhandled: Position[] = [];
  private readonly goneController = sharedController();

  constructor(
    readonly topic: string,
    readonly partition: number,
    /** Of the topic that the positions belong to. */
    readonly topicId: string | undefined,
    random: Random,
  ) {
    this.schedule = new RetrySchedule(RETRY, random);
  }

  // ---- end --------------------------------------------------------------------------------------------------------

  /** Aborted when the partition is not this consumer's any more: handlers that still run may be doing it twice. */
  get gone(): AbortSignal {
    return this.goneController.signal;
  }

  /** The partition is given up: what was pulled and what comes later is dropped. The position stays as it is. */
  retire(reason: ZhumqError): void {
    this.dropBuffer();
    this.goneController.abort(reason);
  }

  /** From here on it is only finished. */
  leave(): void {
    this.leaving = true;
    if (this.started) this.refetch();
  }

  // ---- requests ---------------------------------------------------------------------------------------------------

  /** A pull, or the look-up of the start, is under way whose answer still counts. */
  get busy(): boolean {
    return this.busySince === this.seeks;
  }

  /** A request begins; gives what ends it. */
  begin(): number {
    this.busySince = this.seeks;
    return this.seeks;
  }

  /** False when a seek made the answer worthless. */
  end(begun: number): boolean {
    if (begun !== this.seeks) return false;
    this.busySince = -1;
    return true;
  }

  // ---- positions --------------------------------------------------------------------------------------------------

  /** Where to begin while that is not known as an offset. */
  get start(): Start | undefined {
    return this.startAt;
  }

  get started(): boolean {
    return this.startAt === undefined && this.nextOffset >= 0;
  }

  /** Whether anything was pulled that was not handed out. */
  get ahead(): boolean {
    return this.fetchOffset !== this.nextOffset;
  }

  position(): Position {
    const { partition, nextOffset: offset, nextEpoch: lastEpoch } = this;
    return this.unhandled.at(0) ?? { partition, offset, lastEpoch };
  }

  /** Goes on at an offset; drops what was pulled. */
  seek(offset: number, lastEpoch: number): void {
    this.reset();
    this.startAt = undefined;
    this.nextOffset = this.fetchOffset = offset;
    this.nextEpoch = this.fetchEpoch = lastEpoch;
    const { whenStarted } = this;
    this.whenStarted = [];
    for (const tell of whenStarted) tell(offset);
  }

  /** Goes on at a place that the leader must be asked for; `then` is told the offset. */
  seekStart(start: Start, then?: (offset: number) => void): void {
    this.reset();
    this.startAt = start;
    if (then !== undefined) this.whenStarted.push(then);
  }

  /** Back to the first message that is not handled, or not handed out. */
  rewind(): void {
    if (!this.started) return;
    const { offset, lastEpoch } = this.position();
    this.seek(offset, lastEpoch);
  }

  /** Pulls again what was not handed out yet. */
  refetch(): void {
    this.dropBuffer();
    this.fetchOffset = this.nextOffset;
    this.fetchEpoch = this.nextEpoch;
  }

  private reset(): void {
    this.dropBuffer();
    this.unhandled = [];
    this.unfinished = false;
    this.failure = undefined;
    this.notBeforeMs = -Infinity;
  }

  private dropBuffer(): void {
    this.seeks++;
    this.chunks = [];
    this.bufferedBytes = 0;
    this.records = undefined;
    this.unpacking = undefined;
  }

  // ---- in ---------------------------------------------------------------------------------------------------------

  /** Takes what was pulled; true when it brought anything new. Throws CORRUPT_BATCH; batches before it were taken. */
  accept(batches: Buffer): boolean {
    const before = this.fetchOffset;
    for (let at = 0; at < batches.length;) {
      const found = checkStoredBatch(batches, at, {});
      if (found.kind !== 'batch') throw this.corrupt(found);
      const { header } = found;
      if (header.lastOffset >= this.fetchOffset) {
        this.chunks.push({ header, bytes: batches.subarray(at, at + header.sizeBytes) });
        this.bufferedBytes += header.sizeBytes;
        this.fetchOffset = header.lastOffset + 1;
        this.fetchEpoch = header.epoch;
      }
      at += header.sizeBytes;
    }
    this.passControl();
    return this.fetchOffset > before;
  }

  private corrupt(found: { readonly kind: string; readonly reason?: string }): ZhumqError {
    const { topic, partition, fetchOffset: offset } = this;
    return zhumqError(
      'CORRUPT_BATCH',
      `what came from partition ${topic}-${partition} for offset ${offset} is no whole batch (${found.reason ?? found.kind}); it is asked for again`,
      { topic, partition, offset },
    );
  }

  /** Control batches say nothing to programs; the position goes over them. */
  private passControl(): void {
    while (this.records === undefined && this.chunks.length > 0) {
      const { header } = this.chunks[0];
      if (!isControlBatch(header)) return;
      this.dropChunk();
    }
  }

  private dropChunk(): void {
    const chunk = this.chunks.shift();
    if (chunk === undefined) return;
    this.records = undefined;
    this.bufferedBytes -= chunk.header.sizeBytes;
    this.nextOffset = chunk.header.lastOffset + 1;
    this.nextEpoch = chunk.header.epoch;
  }

  // ---- out --------------------------------------------------------------------------------------------------------

  /**
   * The next record, left where it is; undefined when there is none at present. `later` is called when a batch that is
   * being unpacked is there. Throws the failure that reading ends with.
   */
  peek(later: () => void): DecodedRecord | undefined {
    while (this.records !== undefined || this.chunks.length > 0) {
      if (this.records === undefined && !this.unpack(later)) return undefined;
      const record = this.records?.[this.index];
      if (record !== undefined) return record;
      this.dropChunk();
      this.passControl();
    }
    if (this.failure !== undefined) throw this.failure;
    return undefined;
  }

  /** Takes the record that was peeked. */
  advance(record: DecodedRecord): void {
    this.index++;
    this.nextOffset = record.offset + 1;
    this.nextEpoch = this.chunks[0].header.epoch;
    if (this.index === this.records?.length) {
      this.dropChunk();
      this.passControl();
    }
  }

  /** As advance(), but the position stays before the record until the function returned says that it is handled. */
  handOut(record: DecodedRecord): (handled: boolean) => void {
    const { partition, nextEpoch: lastEpoch } = this;
    const place: Position = { partition, offset: record.offset, lastEpoch };
    this.unhandled.push(place);
    this.handling++;
    this.advance(record);
    return (handled) => {
      this.handling--;
      const index = this.unhandled.indexOf(place);
      // A seek, or the loss of the partition, made it worthless.
      if (index < 0 || this.gone.aborted) return;
      if (handled) this.unhandled.splice(index, 1);
      else this.unfinished = true;
    };
  }

  /** False while the batch is unpacked elsewhere. */
  private unpack(later: () => void): boolean {
    if (this.unpacking !== undefined) return false;
    const { seeks } = this;
    const limits = { maxDecompressedBytes: MAX_UNPACKED_BYTES, checkCrc: false };
    const unpacked = decodeRecordsElsewhere(this.chunks[0].bytes, limits);
    if (!(unpacked instanceof Promise)) {
      this.open(unpacked);
      return true;
    }
    this.unpacking = unpacked.then(
      (records) => {
        if (seeks !== this.seeks) return;
        this.unpacking = undefined;
        this.open(records);
        later();
      },
      (error: unknown) => {
        if (seeks !== this.seeks) return;
        this.unpacking = undefined;
        this.chunks = [];
        this.bufferedBytes = 0;
        this.failure = asZhumqError(error);
        later();
      },
    );
    return false;
  }

  /** Records before the position (a start inside a batch) are passed over. */
  private open(records: readonly DecodedRecord[]): void {
    this.records = records;
    this.index = 0;
    while (this.index < records.length && records[this.index].offset < this.nextOffset) {
      this.index++;
    }
  }
}
