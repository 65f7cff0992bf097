// A batch of the producer, from its first record until its messages are settled: the bytes, who waits for them, and what
// is known of earlier attempts to store it.
import type { ZhumqError } from '@zhumq/base';
import { BATCH_HEADER_BYTES, BatchBuilder, decodeRecords, stampProducer } from '@zhumq/model';
import type { ProducerIdentity, RecordInput, ReplicationMode, UsableCodec } from '@zhumq/model';
import type { PendingSend } from './pending-send.js';

/** For splitting: what was packed here is unpacked again, whatever its size. */
const UNPACK_LIMITS = { maxDecompressedBytes: 0x7fffffff, checkCrc: false } as const;

export class PendingBatch {
  /** Place among the batches of the partition; the parts of a split batch share its span. */
  order = 0;
  span = 1;
  attempts = 0;
  /** An attempt ended without an answer, or with one that leaves it open. */
  maybeStored = false;
  /** Its messages were settled; a request with it may still be under way. */
  settled = false;
  producer: ProducerIdentity | undefined;
  lastError: ZhumqError | undefined;
  /** Compression under way. */
  packing: Promise<void> | undefined;
  /** Compression failed. */
  broken: Error | undefined;
  costBytes = 0;
  private readonly sends: PendingSend[] = [];
  private readonly slots: number[] = [];
  private readonly timestamps: number[] = [];
  private bytes: Buffer | undefined;
  private builder: BatchBuilder | undefined;
  private waiters: (() => void)[] | undefined;

  constructor(
    readonly topic: string,
    readonly partition: number,
    private readonly codec: UsableCodec,
    readonly createdAtMs: number,
    readonly deadlineMs: number,
  ) {}

  get recordsCount(): number {
    return this.sends.length;
  }

  get sizeBytes(): number {
    return this.bytes?.length ?? this.builder?.sizeBytes ?? BATCH_HEADER_BYTES;
  }

  /** Whether bytes can be had at once. */
  get packed(): boolean {
    return this.packing === undefined;
  }

  /** False when the record would make the batch larger than `maxBytes`. */
  append(
    record: RecordInput,
    costBytes: number,
    send: PendingSend,
    slot: number,
    maxBytes: number,
    initialBytes: number,
  ): boolean {
    this.builder ??= new BatchBuilder({ codec: this.codec, initialBytes });
    if (!this.builder.append(record, maxBytes)) return false;
    this.sends.push(send);
    this.slots.push(slot);
    this.timestamps.push(record.timestamp);
    this.costBytes += costBytes;
    return true;
  }

  /** No more records: compression, if any, begins. */
  seal(): void {
    if (this.codec === 'none' || this.builder === undefined) return;
    const finished = this.builder.finish();
    this.builder = undefined;
    if (Buffer.isBuffer(finished)) this.bytes = finished;
    else {
      this.packing = finished
        .then((bytes) => (this.bytes = bytes))
        .catch((error: unknown) => (this.broken = error as Error))
        .then(() => (this.packing = undefined));
    }
  }

  /** The bytes with the producer's fields in them. Bytes that were sent before are never changed, only copied. */
  stamped(producer: ProducerIdentity): Buffer {
    if (this.builder !== undefined) {
      this.bytes = this.builder.finishSync(producer);
      this.builder = undefined;
    } else if (this.bytes !== undefined && this.producer !== producer) {
      if (this.attempts > 0) this.bytes = Buffer.from(this.bytes);
      stampProducer(this.bytes, producer);
    }
    this.producer = producer;
    return this.bytes as Buffer;
  }

  succeed(baseOffset: number, duplicate: boolean, mode: ReplicationMode): void {
    if (this.settled) return;
    const { topic, partition } = this;
    this.settled = true;
    for (let index = 0; index < this.sends.length; index++) {
      const offset = baseOffset < 0 ? -1 : baseOffset + index;
      const timestamp = this.timestamps[index];
      this.sends[index].succeed(this.slots[index], {
        topic,
        partition,
        offset,
        timestamp,
        duplicate,
        mode,
      });
    }
    this.afterSettled();
  }

  fail(error: ZhumqError): void {
    if (this.settled) return;
    this.settled = true;
    for (let index = 0; index < this.sends.length; index++) {
      this.sends[index].fail(this.slots[index], error);
    }
    this.afterSettled();
  }

  whenSettled(): Promise<void> {
    if (this.settled) return Promise.resolve();
    return new Promise((resolve) => (this.waiters ??= []).push(resolve));
  }

  /** Two batches with the same records, and the same sequence numbers where it had some. */
  split(): [PendingBatch, PendingBatch] {
    const bytes = this.bytes as Buffer;
    const records = decodeRecords(bytes, UNPACK_LIMITS);
    const half = Math.ceil(records.length / 2);
    const { producer } = this;
    const sequences = producer === undefined ? -1 : producer.baseSequence;
    const first = this.part(records.slice(0, half), 0, sequences);
    const second = this.part(records.slice(half), half, sequences);
    const { waiters } = this;
    if (waiters !== undefined) {
      void Promise.all([first.whenSettled(), second.whenSettled()]).then(() => {
        for (const tell of waiters) tell();
      });
    }
    return [first, second];
  }

  private part(records: readonly RecordInput[], from: number, baseSequence: number): PendingBatch {
    const part = new PendingBatch(
      this.topic,
      this.partition,
      this.codec,
      this.createdAtMs,
      this.deadlineMs,
    );
    const share = this.costBytes / this.recordsCount;
    records.forEach((record, index) => {
      const cost =
        index === 0 && from === 0
          ? this.costBytes - Math.floor(share) * (this.recordsCount - 1)
          : Math.floor(share);
      part.append(
        record,
        cost,
        this.sends[from + index],
        this.slots[from + index],
        Infinity,
        this.sizeBytes,
      );
    });
    part.span = this.span / 2;
    part.order = from === 0 ? this.order : this.order + part.span;
    part.lastError = this.lastError;
    if (this.producer !== undefined && baseSequence >= 0) {
      const finished = (part.builder as BatchBuilder).finishSync();
      part.builder = undefined;
      part.bytes = finished;
      part.stamped({ ...this.producer, baseSequence: sequenceAfter(baseSequence, from) });
    } else part.seal();
    return part;
  }

  private afterSettled(): void {
    for (const tell of this.waiters ?? []) tell();
    this.waiters = undefined;
  }
}

/** Sequence numbers go from 0 to 2^31 - 1, and on from 0. */
export function sequenceAfter(sequence: number, records: number): number {
  return (sequence + records) % 0x8000_0000;
}
