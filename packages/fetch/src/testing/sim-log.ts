// A log in memory, and the disk below it: a write-ahead log of which a power loss keeps a prefix.
import { assert } from '@zhumq/base';
import type { BatchSpan, Epoch, LogReader, Offset } from '../types.js';

/** A batch with its identity, so that tests can tell the same batch from another at the same place. */
export interface SimBatch extends BatchSpan {
  readonly id: number;
  /** Identity of the batch before it when it was first written. */
  readonly previousId: number;
  readonly content: 'records' | 'leaderChange' | 'seal';
}

export class SimLog implements LogReader {
  private start = { offset: 0, epochBefore: 0, idBefore: 0 };
  private batches: SimBatch[] = [];

  get logStart(): Offset {
    return this.start.offset;
  }

  get logEnd(): Offset {
    const last = this.batches.at(-1);
    return last === undefined ? this.start.offset : last.lastOffset + 1;
  }

  get lastEpoch(): Epoch {
    return this.batches.at(-1)?.epoch ?? this.start.epochBefore;
  }

  get lastId(): number {
    return this.batches.at(-1)?.id ?? this.start.idBefore;
  }

  get idBeforeStart(): number {
    return this.start.idBefore;
  }

  /** Where the seal ends after which only first batches of epochs follow (rule 17). */
  get seal(): Offset | undefined {
    const last = this.batches.findLast(({ content }) => content !== 'leaderChange');
    return last?.content === 'seal' ? last.lastOffset + 1 : undefined;
  }

  get all(): readonly SimBatch[] {
    return this.batches;
  }

  epochAt(offset: Offset): Epoch | undefined {
    if (offset === this.start.offset - 1) return this.start.epochBefore;
    return this.batchAt(offset)?.epoch;
  }

  endOfEpoch(epoch: Epoch): { epoch: Epoch; endOffset: Offset } | undefined {
    const last = this.batches.findLast((batch) => batch.epoch <= epoch);
    if (last !== undefined) return { epoch: last.epoch, endOffset: last.lastOffset + 1 };
    const { offset, epochBefore } = this.start;
    if (offset === 0 || epochBefore > epoch) return undefined;
    return { epoch: epochBefore, endOffset: offset };
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

  /** Identity of the batch that ends at `end`; undefined: none does, or it is gone. */
  idBefore(end: Offset): number | undefined {
    const batch = this.batchAt(end - 1);
    return batch?.lastOffset === end - 1 ? batch.id : undefined;
  }

  /** The last end of a batch at or before `offset`. */
  boundaryBefore(offset: Offset): Offset {
    return this.batchAt(offset)?.baseOffset ?? Math.min(offset, this.logEnd);
  }

  append(batches: readonly SimBatch[]): void {
    for (const batch of batches) {
      assert(batch.baseOffset === this.logEnd, 'log: a gap');
      assert(batch.epoch >= this.lastEpoch, 'log: an epoch falls');
      assert(batch.previousId === this.lastId, 'log matching: a batch on another prefix');
      this.batches.push(batch);
    }
  }

  truncate(from: Offset): void {
    assert(from < this.logEnd, 'log: nothing to cut');
    const keep = this.batches.findIndex((batch) => batch.lastOffset >= from);
    assert(this.batches[keep]?.baseOffset === from, 'log: a cut inside a batch');
    this.batches.length = keep;
  }

  /** Retention: drops whole batches before `offset`. */
  dropBefore(offset: Offset): void {
    const keep = this.batches.findIndex((batch) => batch.lastOffset >= offset);
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

  become(other: SimLog): void {
    this.start = other.start;
    this.batches = [...other.batches];
  }

  copy(): SimLog {
    const copy = new SimLog();
    copy.become(this);
    return copy;
  }
}

type DiskWrite =
  | { readonly kind: 'append'; readonly batches: readonly SimBatch[] }
  | { readonly kind: 'truncate'; readonly from: Offset }
  | { readonly kind: 'dropBefore'; readonly offset: Offset }
  | { readonly kind: 'highWatermark'; readonly highWatermark: Offset };

/** What survives a power loss: everything synced, and of what was not a prefix that chance decides. */
export class SimDisk {
  log = new SimLog();
  highWatermark: Offset = 0;
  tainted = false;
  private unsynced: DiskWrite[] = [];
  private position = 0;

  get written(): number {
    return this.position + this.unsynced.length;
  }

  get synced(): number {
    return this.position;
  }

  /** Through here the disk holds what the log holds, whatever becomes of the unsynced writes. */
  get certainEnd(): Offset {
    let end = this.log.logEnd;
    for (const write of this.unsynced)
      if (write.kind === 'truncate') end = Math.min(end, write.from);
    return end;
  }

  write(write: DiskWrite): void {
    this.unsynced.push(write);
  }

  syncThrough(position: number): void {
    const count = Math.max(0, position - this.position);
    for (const write of this.unsynced.splice(0, count)) this.apply(write);
    this.position += count;
  }

  losePower(kept: number): void {
    for (const write of this.unsynced.slice(0, kept)) this.apply(write);
    this.position = this.written;
    this.unsynced = [];
  }

  replace(log: SimLog): void {
    this.syncThrough(this.written);
    this.log = log.copy();
  }

  private apply(write: DiskWrite): void {
    switch (write.kind) {
      case 'append':
        this.log.append(write.batches);
        break;
      case 'truncate':
        this.log.truncate(write.from);
        this.highWatermark = Math.min(this.highWatermark, write.from);
        break;
      case 'dropBefore':
        this.log.dropBefore(write.offset);
        break;
      case 'highWatermark':
        this.highWatermark = Math.max(this.highWatermark, write.highWatermark);
        break;
    }
  }
}
