// What checkpoint row and frames say a log consists of, before its files are looked at (rule 9): the log ends where this
// account ends, whatever else lies in the files. Pure.
import type {
  CheckpointRow,
  Epoch,
  GenerationRecord,
  HardState,
  Offset,
  WalRecord,
} from '../types.js';
import { batchesWithin } from './batch-run.js';

type AppendRecord = Extract<WalRecord, { kind: 'append' }>;

/** Bytes that a frame accounts for. */
export interface Extent {
  readonly segmentBase: Offset;
  readonly position: number;
  readonly firstOffset: Offset;
  /** A truncation may have lowered it; then `epoch` and `crc` say nothing any more. */
  readonly endOffset: Offset;
  readonly isCut: boolean;
  readonly epoch: Epoch;
  /** Over the headers of the batches; undefined where the frame had the bytes themselves. */
  readonly headersCrc: number | undefined;
  /** Written to the segment and not synced: if they do not verify, the log ends there. */
  readonly mayBeTorn: boolean;
  /** Of its frame. */
  readonly bytes: number;
  /** A cut came before it, and the file may still hold what that was to remove. */
  readonly isBehindCut: boolean;
  /** Bytes of the frame that the segment's file does not have, a cut taken into account. */
  missing: readonly Buffer[] | undefined;
}

export class RecoveryAccount {
  logStart: Offset = 0;
  epochBeforeStart: Epoch = 0;
  end: Offset = 0;
  lastEpoch: Epoch = 0;
  sequence = 0;
  highWatermark: Offset = 0;
  hardState: HardState | undefined;
  generation: GenerationRecord | undefined;
  /** Below, the log is as the checkpoint's sync left it. */
  untouchedEnd: Offset = 0;
  /** Below, no frame after the checkpoint has cut: a snapshot of producers up to here is one of this log. */
  uncutEnd: Offset = Infinity;
  /** What the last reset knew of producers below its start: a ProducerSnapshot. */
  producers: Buffer | undefined;
  /** Segments from this base on were sealed after the checkpoint: their index files may be older than they are, or torn. */
  indexedBelow: Offset = 0;
  /** Base offsets of the segments. */
  bases: Offset[] = [];
  extents: Extent[] = [];
  /** Why the account itself makes no sense; the rest of the frames was not taken in. */
  fault: { readonly offset: Offset; readonly reason: string } | undefined;

  private hasCut = false;
  /** The active segment of the row; undefined when the log was empty. */
  private lastOfRow: Offset | undefined;

  constructor(row: CheckpointRow | undefined, filesOnDisk: readonly Offset[]) {
    if (row === undefined) return;
    this.logStart = row.logStart;
    this.epochBeforeStart = row.epochBeforeStart;
    this.end = row.logEnd;
    this.lastEpoch = row.lastEpoch;
    this.sequence = row.sequence;
    this.highWatermark = row.highWatermark;
    this.hardState = row.hardState;
    this.generation = row.generation;
    this.untouchedEnd = row.logEnd;
    this.indexedBelow = row.activeSegment;
    this.bases = filesOnDisk.filter((base) => base <= row.activeSegment && base < row.logEnd);
    this.dropBelowStart();
    this.lastOfRow = row.logEnd > row.logStart ? row.activeSegment : undefined;
  }

  /** After all frames: whether the segments are there that must be. Those that a later frame removed need not be. */
  checkSegments(): void {
    const { bases, logStart, end, lastOfRow } = this;
    if (this.fault !== undefined || end <= logStart) return;
    if (bases.length === 0 || bases[0] > logStart) {
      this.fault = { offset: logStart, reason: `no segment holds the log start ${logStart}` };
    } else if (
      lastOfRow !== undefined &&
      lastOfRow < this.untouchedEnd &&
      !bases.includes(lastOfRow)
    ) {
      this.fault = { offset: lastOfRow, reason: `segment ${lastOfRow} is missing` };
    }
  }

  /** Takes in a frame; returns the extent of an append. */
  add(record: WalRecord): Extent | undefined {
    if (record.sequence <= this.sequence) return undefined;
    this.sequence = record.sequence;
    switch (record.kind) {
      case 'append':
        return this.fault === undefined ? this.append(record) : undefined;
      case 'truncate':
        if (this.fault === undefined) this.truncate(record.from, record.epochBefore);
        return undefined;
      case 'logStart':
        this.startAt(record.logStart, record.epochBeforeStart, record.reset);
        if (record.reset) this.producers = record.producers;
        return undefined;
      case 'hardState':
        this.hardState = record.hardState;
        return undefined;
      case 'generation':
        this.generation = record.generation;
        return undefined;
    }
  }

  extentHolding(offset: Offset): Extent | undefined {
    return this.extents.find((extent) => extent.firstOffset <= offset && offset < extent.endOffset);
  }

  private append(record: AppendRecord): Extent | undefined {
    const { segmentBase, position, firstOffset, endOffset, epoch } = record;
    if (firstOffset !== this.end) {
      const reason = `write ${record.sequence} begins at offset ${firstOffset}, the log ends at ${this.end}`;
      this.fault = { offset: this.end, reason };
      return undefined;
    }
    const extent: Extent = {
      segmentBase,
      position,
      firstOffset,
      endOffset,
      isCut: false,
      epoch,
      headersCrc: record.payload === undefined ? record.crc : undefined,
      mayBeTorn: record.payload === undefined && record.synced !== true,
      bytes: record.bytes,
      isBehindCut: this.hasCut,
      missing: undefined,
    };
    this.extents.push(extent);
    if (this.bases.at(-1) !== segmentBase) this.bases.push(segmentBase);
    this.end = endOffset;
    this.lastEpoch = epoch;
    return extent;
  }

  private truncate(from: Offset, epochBefore: Epoch): void {
    this.hasCut = true;
    this.end = from;
    this.lastEpoch = epochBefore;
    this.untouchedEnd = Math.min(this.untouchedEnd, from);
    this.uncutEnd = Math.min(this.uncutEnd, from);
    this.highWatermark = Math.min(this.highWatermark, from);
    this.bases = this.bases.filter((base) => base < from);
    this.extents = this.extents
      .filter((extent) => extent.firstOffset < from)
      .map((extent) => (extent.endOffset > from ? cutExtent(extent, from) : extent));
  }

  private startAt(logStart: Offset, epochBeforeStart: Epoch, reset: boolean): void {
    this.logStart = logStart;
    this.epochBeforeStart = epochBeforeStart;
    if (!reset) {
      this.dropBelowStart();
      return;
    }
    this.hasCut = true;
    this.fault = undefined;
    this.bases = [];
    this.extents = [];
    this.end = logStart;
    this.lastEpoch = epochBeforeStart;
    this.untouchedEnd = logStart;
    this.uncutEnd = logStart;
    this.lastOfRow = undefined;
    this.highWatermark = logStart;
  }

  /** Files below the log start may be there still: their frame was durable, their removal was not (rule 25). */
  private dropBelowStart(): void {
    const { bases, lastOfRow, logStart } = this;
    // A log start is the first offset of a segment: the one before it went with all it held.
    if (lastOfRow !== undefined && lastOfRow < logStart) this.lastOfRow = undefined;
    this.bases = bases.filter((_, at) => at + 1 === bases.length || bases[at + 1] > logStart);
    if (this.end <= logStart) this.bases = this.bases.filter((base) => base >= logStart);
    this.extents = this.extents.filter((extent) => extent.endOffset > logStart);
  }
}

function cutExtent(extent: Extent, from: Offset): Extent {
  const { missing, firstOffset } = extent;
  const kept =
    missing &&
    batchesWithin(Buffer.concat(missing), firstOffset, { end: from, maxBytes: Infinity });
  return {
    ...extent,
    endOffset: from,
    isCut: true,
    isBehindCut: true,
    missing: kept && [kept.buffer],
  };
}
