// A log in memory with offsets as indexes, and the disk below it: a write-ahead log of which a crash keeps a prefix.
import { assert } from '@zhumq/base';
import type { BatchSpan, HardState, LogReader, Offset, Term } from '../types.js';

/** A batch with its identity, so that tests can tell the same batch from another at the same place. */
export interface SimBatch extends BatchSpan {
  readonly id: number;
  /** Identity of the batch before it when it was first written. */
  readonly previousId: number;
}

/** What of a log retention has cut away. */
export interface LogStart {
  readonly offset: Offset;
  /** Epoch and identity of the batch before the start. */
  readonly epochBefore: Term;
  readonly idBefore: number;
}

export const emptyStart: LogStart = { offset: 0, epochBefore: 0, idBefore: 0 };

export class SimLog implements LogReader {
  constructor(
    public start: LogStart = emptyStart,
    public batches: SimBatch[] = [],
  ) {}

  get startOffset(): Offset {
    return this.start.offset;
  }

  get lastOffset(): Offset {
    return this.batches.at(-1)?.lastOffset ?? this.start.offset - 1;
  }

  get lastEpoch(): Term {
    return this.batches.at(-1)?.epoch ?? this.start.epochBefore;
  }

  get lastId(): number {
    return this.batches.at(-1)?.id ?? this.start.idBefore;
  }

  epochAt(offset: Offset): Term | undefined {
    if (offset === this.start.offset - 1) return this.start.epochBefore;
    return this.batchAt(offset)?.epoch;
  }

  endOfEpoch(epoch: Term): { epoch: Term; lastOffset: Offset } | undefined {
    const last = this.batches.findLast((batch) => batch.epoch <= epoch);
    return last && { epoch: last.epoch, lastOffset: last.lastOffset };
  }

  batchAt(offset: Offset): SimBatch | undefined {
    let low = 0;
    let high = this.batches.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const batch = this.batches[middle];
      if (batch === undefined || batch.baseOffset > offset) high = middle - 1;
      else if (batch.lastOffset < offset) low = middle + 1;
      else return batch;
    }
    return undefined;
  }

  append(batches: readonly SimBatch[]): void {
    for (const batch of batches) {
      assert(batch.baseOffset === this.lastOffset + 1, 'log: a gap');
      assert(batch.epoch >= this.lastEpoch, 'log: an epoch falls');
      assert(batch.previousId === this.lastId, 'log matching: a batch on another prefix');
      this.batches.push(batch);
    }
  }

  truncate(from: Offset): void {
    assert(from <= this.lastOffset, 'log: nothing to cut');
    const keep = this.batches.findIndex((batch) => batch.lastOffset >= from);
    assert(this.batches[keep]?.baseOffset === from, 'log: a cut inside a batch');
    this.batches.length = keep;
  }

  /** Retention: drops whole batches through `offset`. */
  dropThrough(offset: Offset): void {
    const keep = this.batches.findIndex((batch) => batch.lastOffset > offset);
    const dropped = this.batches.slice(0, keep === -1 ? this.batches.length : keep);
    const last = dropped.at(-1);
    if (last === undefined) return;
    this.start = { offset: last.lastOffset + 1, epochBefore: last.epoch, idBefore: last.id };
    this.batches = this.batches.slice(dropped.length);
  }

  /** Batches from `from`, at most `maxBytes` or one. */
  read(from: Offset, maxBytes: number): SimBatch[] {
    const read: SimBatch[] = [];
    let bytes = 0;
    for (const batch of this.batches) {
      if (batch.baseOffset < from) continue;
      bytes += batch.bytes;
      if (read.length > 0 && bytes > maxBytes) break;
      read.push(batch);
    }
    return read;
  }

  copy(): SimLog {
    return new SimLog(this.start, [...this.batches]);
  }
}

export type DiskWrite =
  | { readonly kind: 'hardState'; readonly hardState: HardState }
  | { readonly kind: 'append'; readonly batches: readonly SimBatch[] }
  | { readonly kind: 'truncate'; readonly from: Offset }
  | { readonly kind: 'dropThrough'; readonly offset: Offset }
  | { readonly kind: 'replace'; readonly log: SimLog };

/** What survives a crash: everything synced, and of what was not a prefix that chance decides. */
export class SimDisk {
  log = new SimLog();
  private readonly unsynced: DiskWrite[] = [];
  private position = 0;

  constructor(public hardState: HardState) {}

  get written(): number {
    return this.position + this.unsynced.length;
  }

  get synced(): number {
    return this.position;
  }

  write(write: DiskWrite): void {
    this.unsynced.push(write);
  }

  syncThrough(position: number): void {
    const count = Math.max(0, position - this.position);
    for (const write of this.unsynced.splice(0, count)) this.apply(write);
    this.position += count;
  }

  /** Loses all unsynced writes but the first `kept`. */
  crash(kept: number): void {
    for (const write of this.unsynced.slice(0, kept)) this.apply(write);
    this.position = this.written;
    this.unsynced.length = 0;
  }

  private apply(write: DiskWrite): void {
    switch (write.kind) {
      case 'hardState':
        this.hardState = write.hardState;
        break;
      case 'append':
        this.log.append(write.batches);
        break;
      case 'truncate':
        this.log.truncate(write.from);
        break;
      case 'dropThrough':
        this.log.dropThrough(write.offset);
        break;
      case 'replace':
        this.log = write.log.copy();
        break;
    }
  }
}
