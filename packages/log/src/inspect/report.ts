// What an inspection of a partition's folder says.
import type { Epoch, Offset } from '../types.js';

/** Something that is not as it must be, with the exact place. */
export interface Problem {
  readonly file: string;
  /** Byte in that file. */
  readonly position: number;
  /** First offset concerned. */
  readonly offset: Offset;
  readonly reason: string;
}

export interface PartitionReport {
  readonly segments: number;
  readonly batches: number;
  readonly records: number;
  /** Of the first segment; 0 when there is none. */
  readonly firstOffset: Offset;
  /** Offset after the last batch that verified. */
  readonly endOffset: Offset;
  readonly lastEpoch: Epoch;
  /** Bytes at the end of the last segment that are no whole batch: written just now, or held by the write-ahead log only. */
  readonly tailBytes: number;
  /** Damage of segments first, in order of offsets; then that of files that can be made again from them. */
  readonly problems: readonly Problem[];
}
