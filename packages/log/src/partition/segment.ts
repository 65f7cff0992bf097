// A piece of the log in a file of its own, named by its first offset: batches in the wire's format v2, one after the
// other, nothing else, so that the file ends with its last batch. What the log knows of it in memory; the bytes are
// written by segment-writer.ts and read by log-reader.ts.
import type { BatchHeader } from '@zhumq/model';
import type { Offset } from '../types.js';
import { segmentFile } from './file-names.js';
import { OffsetIndex } from './offset-index.js';
import { TimeIndex } from './time-index.js';

/** Index columns are signed 32-bit numbers. */
export const MAX_SEGMENT_BYTES = 0x7fffffff;
const MAX_RELATIVE_OFFSET = 0x7fffffff;

export interface SegmentIndexes {
  readonly offsets: OffsetIndex;
  readonly times: TimeIndex;
}

let contents = 0;

export class Segment {
  readonly path: string;
  /** Bytes of all batches, those gathered and not written yet included. */
  bytes = 0;
  endOffset: Offset;
  /** Names what the file holds in caches; another one after bytes were cut, so that old blocks are never found again. */
  contentId = ++contents;
  /** In memory while batches are appended; undefined for a sealed segment, whose indexes are read when needed. */
  indexes: SegmentIndexes | undefined;
  /** Largest timestamp; undefined until it is known (sealed segments of an earlier run). */
  maxTimestamp: number | undefined;
  /** Last offset of the batch with the largest timestamp. */
  private maxTimestampOffset: Offset = -1;
  isSealed = false;
  private firstTimestamp: number | undefined;
  private bytesSinceEntry = 0;

  constructor(
    readonly directory: string,
    readonly base: Offset,
  ) {
    this.path = segmentFile(directory, base, '.log');
    this.endOffset = base;
  }

  /** A segment that takes appends. */
  static fresh(directory: string, base: Offset): Segment {
    const segment = new Segment(directory, base);
    segment.indexes = { offsets: OffsetIndex.empty(base), times: TimeIndex.empty(base) };
    return segment;
  }

  /** Counts a batch at the end of the segment and indexes it. */
  add(header: BatchHeader, lastOffset: Offset, indexIntervalBytes: number): void {
    const { maxTimestamp, sizeBytes } = header;
    this.firstTimestamp ??= maxTimestamp;
    if (this.maxTimestamp === undefined || maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = maxTimestamp;
      this.maxTimestampOffset = lastOffset;
    }
    if (this.bytesSinceEntry > indexIntervalBytes && this.indexes !== undefined) {
      this.indexes.offsets.append(lastOffset, this.bytes);
      this.indexes.times.maybeAppend(this.maxTimestamp, this.maxTimestampOffset);
      this.bytesSinceEntry = 0;
    }
    this.bytesSinceEntry += sizeBytes;
    this.bytes += sizeBytes;
    this.endOffset = lastOffset + 1;
  }

  /** Whether appending `bytes` more asks for a new segment: by size, by age in log time, or because indexes would overflow. */
  isFullFor(
    bytes: number,
    endOffset: Offset,
    timestamp: number,
    limits: { readonly segmentBytes: number; readonly segmentMs: number },
  ): boolean {
    if (this.bytes === 0) return false;
    const limit = Math.min(limits.segmentBytes, MAX_SEGMENT_BYTES);
    if (this.bytes + bytes > limit || endOffset - this.base > MAX_RELATIVE_OFFSET) return true;
    return this.firstTimestamp !== undefined && timestamp - this.firstTimestamp > limits.segmentMs;
  }

  /**
   * The indexes as they are written when nothing more is appended: the last time entry has the largest timestamp. They
   * stay in memory until they are in their files.
   */
  seal(): SegmentIndexes | undefined {
    if (this.indexes !== undefined && this.maxTimestamp !== undefined) {
      this.indexes.times.maybeAppend(this.maxTimestamp, this.maxTimestampOffset);
    }
    this.isSealed = true;
    return this.indexes;
  }

  /** Batches from the cut on are removed; appends go on from there. */
  cut(to: SegmentCut, indexes: SegmentIndexes): void {
    indexes.offsets.cut(to.position);
    indexes.times.cut(to.endOffset);
    this.indexes = indexes;
    this.bytes = to.position;
    this.endOffset = to.endOffset;
    this.contentId = ++contents;
    this.isSealed = false;
    const last = indexes.times.last();
    this.maxTimestamp = last?.timestamp;
    this.maxTimestampOffset = last?.offset ?? -1;
    // Batches behind the last entry that is left.
    if (to.maxTimestamp > (this.maxTimestamp ?? -Infinity)) {
      this.maxTimestamp = to.maxTimestamp;
      this.maxTimestampOffset = to.maxTimestampOffset;
    }
    this.bytesSinceEntry = 0;
  }
}

/** Where a segment is cut, and the largest timestamp among the batches between the index entry before and the cut. */
export interface SegmentCut {
  readonly endOffset: Offset;
  readonly position: number;
  readonly maxTimestamp: number;
  readonly maxTimestampOffset: Offset;
}
