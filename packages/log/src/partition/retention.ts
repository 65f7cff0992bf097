// Which segments age, size or their owner's word allow to delete: a pure choice. Whole segments from the oldest on, only what is committed,
// never the active one, so that offsets and file names are never used again.
import type { Offset } from '../types.js';

export interface RetentionFacts {
  /** In order; the last one is active. */
  readonly segments: readonly {
    readonly base: Offset;
    readonly endOffset: Offset;
    readonly bytes: number;
    /** Largest timestamp; undefined when unknown, which keeps the segment. */
    readonly maxTimestamp: number | undefined;
  }[];
  readonly highWatermark: Offset;
  readonly nowMs: number;
  /** -1: no limit. */
  readonly retentionMs: number;
  /** -1: no limit. */
  readonly retentionBytes: number;
}

/** How many segments from the front are to be deleted. */
export function expiredSegments(facts: RetentionFacts): number {
  const { segments, highWatermark, nowMs, retentionMs, retentionBytes } = facts;
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  let count = 0;
  for (const segment of segments.slice(0, -1)) {
    if (segment.endOffset > highWatermark) break;
    const tooOld =
      retentionMs >= 0 &&
      segment.maxTimestamp !== undefined &&
      segment.maxTimestamp < nowMs - retentionMs;
    const tooMuch = retentionBytes >= 0 && bytes - segment.bytes >= retentionBytes;
    if (!tooOld && !tooMuch) break;
    bytes -= segment.bytes;
    count++;
  }
  return count;
}

/** How many segments from the front hold nothing but offsets below `end`; the active one is none of them. */
export function segmentsBelow(segments: RetentionFacts['segments'], end: Offset): number {
  let count = 0;
  while (count < segments.length - 1 && segments[count].endOffset <= end) count++;
  return count;
}
