// For tests: one partition's log in memory that does what a real one does for clients: checks batches, knows producers by
// their sequence numbers, gives whole batches.
import {
  checkProducedBatch,
  decodeRecords,
  controlBatch,
  LEADER_CHANGE,
  readBatchHeader,
  stampBatch,
  zhumqError,
} from '@zhumq/model';
import type { DecodedRecord } from '@zhumq/model';
import { sequenceAfter } from '../producer/pending-batch.js';

const WINDOW = 5;

interface Known {
  epoch: number;
  batches: { first: number; last: number; baseOffset: number }[];
}

export class MemoryLog {
  batches: Buffer[] = [];
  logStart = 0;
  end = 0;
  private producers = new Map<number, Known>();
  private waiters: (() => void)[] = [];

  append(
    given: Buffer,
    epoch: number,
    maxBytes: number,
  ): { baseOffset: number; duplicate: boolean } {
    const header = checkProducedBatch(given, { maxBatchBytes: maxBytes });
    const original = this.checkProducer(header);
    if (original !== undefined) return { baseOffset: original, duplicate: true };
    return { baseOffset: this.store(given, epoch), duplicate: false };
  }

  /** A control batch, as leaders write them. */
  appendControl(epoch: number): void {
    this.store(controlBatch(LEADER_CHANGE, Buffer.from([epoch]), 1), epoch);
  }

  store(given: Buffer, epoch: number): number {
    const batch = Buffer.from(given);
    const baseOffset = this.end;
    stampBatch(batch, 0, baseOffset, epoch);
    this.batches.push(batch);
    this.end = readBatchHeader(batch).lastOffset + 1;
    const { waiters } = this;
    this.waiters = [];
    for (const wake of waiters) wake();
    return baseOffset;
  }

  /** Forgets producers, as expiry does. */
  forgetProducers(): void {
    this.producers.clear();
  }

  truncate(from: number): void {
    this.batches = this.batches.filter((batch) => readBatchHeader(batch).baseOffset < from);
    this.end = from;
  }

  read(offset: number, maxBytes: number): Buffer {
    const found = this.batches.filter((batch) => readBatchHeader(batch).lastOffset >= offset);
    const taken: Buffer[] = [];
    let bytes = 0;
    for (const batch of found) {
      if (taken.length > 0 && bytes + batch.length > maxBytes) break;
      taken.push(batch);
      bytes += batch.length;
    }
    return Buffer.concat(taken);
  }

  /** Where whole batches end. */
  endOf(batches: Buffer): { offset: number; epoch: number } {
    let end = { offset: -1, epoch: -1 };
    for (let at = 0; at < batches.length;) {
      const { lastOffset, epoch, sizeBytes } = readBatchHeader(batches, at);
      end = { offset: lastOffset + 1, epoch };
      at += sizeBytes;
    }
    return end;
  }

  epochAt(offset: number): number | undefined {
    const batch = this.batches.find((one) => {
      const { baseOffset, lastOffset } = readBatchHeader(one);
      return baseOffset <= offset && offset <= lastOffset;
    });
    return batch && readBatchHeader(batch).epoch;
  }

  /** Resolves at the next append. */
  grown(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  records(): DecodedRecord[] {
    return this.batches
      .filter((batch) => (readBatchHeader(batch).attributes & 0x20) === 0)
      .flatMap((batch) => decodeRecords(batch, { maxDecompressedBytes: 1 << 26 }));
  }

  values(): string[] {
    return this.records().map(({ value }) => String(value));
  }

  private checkProducer(header: ReturnType<typeof readBatchHeader>): number | undefined {
    const { producerId, producerEpoch: epoch, baseSequence: first, recordsCount } = header;
    if (producerId < 0) return undefined;
    const entry = { first, last: sequenceAfter(first, recordsCount - 1), baseOffset: this.end };
    const known = this.producers.get(producerId);
    if (known === undefined || epoch > known.epoch) {
      if (first !== 0) {
        const code = known === undefined ? 'UNKNOWN_PRODUCER' : 'OUT_OF_ORDER_SEQUENCE';
        throw zhumqError(code, `begins at ${first}`);
      }
      this.producers.set(producerId, { epoch, batches: [entry] });
      return undefined;
    }
    if (epoch < known.epoch) throw zhumqError('PRODUCER_FENCED', `epoch ${epoch}`);
    const original = known.batches.find((one) => one.first === first && one.last === entry.last);
    if (original !== undefined) return original.baseOffset;
    const last = known.batches[known.batches.length - 1].last;
    if (first !== sequenceAfter(last, 1)) {
      throw zhumqError('OUT_OF_ORDER_SEQUENCE', `${first} after ${last}`);
    }
    known.batches.push(entry);
    if (known.batches.length > WINDOW) known.batches.shift();
    return undefined;
  }
}

export function checkRead(log: MemoryLog, offset: number, lastEpoch: number): void {
  const context = { offset, logStart: log.logStart, highWatermark: log.end };
  if (offset < log.logStart || offset > log.end) {
    throw zhumqError('OFFSET_OUT_OF_RANGE', `offset ${offset} is out of range`, context);
  }
  const here = offset > log.logStart ? log.epochAt(offset - 1) : undefined;
  if (lastEpoch < 0 || here === undefined || here === lastEpoch) return;
  let agreed = offset;
  while (agreed > 0 && (log.epochAt(agreed - 1) ?? 0) > lastEpoch) agreed--;
  throw zhumqError('TRUNCATED', `epoch ${here} at ${offset - 1}`, { ...context, agreed });
}
