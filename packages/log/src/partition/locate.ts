// Where in a segment's file the batch that holds an offset begins: index, then a walk over the headers behind the entry,
// in the file and, for bytes that are not written yet, in the tail.
import { forEachBatch } from '@zhumq/model';
import type { BatchHeader } from '@zhumq/model';
import type { Offset } from '../types.js';
import { scanBatches } from './batch-scan.js';
import type { PartitionResources } from './partition-resources.js';
import type { Segment, SegmentCut, SegmentIndexes } from './segment.js';
import type { Tail } from './tail.js';

export interface LocateContext {
  readonly resources: PartitionResources;
  readonly tail: Tail;
  /** Bytes of the segment that are in its file. */
  readonly writtenBytes: number;
}

export interface Located extends SegmentCut {
  /** The offset lies within the batch that begins there. */
  readonly isInBatch: boolean;
}

/** `endOffset` is the base offset of the batch found; that of the segment's end when no batch holds `offset`. */
export function locate(
  context: LocateContext,
  segment: Segment,
  indexes: SegmentIndexes,
  offset: Offset,
): Located {
  // From an entry below: one of the batch found goes with the cut, and with it the times of the batches before it.
  const found = { position: indexes.offsets.floor(offset - 1), endOffset: segment.base };
  const time = { maxTimestamp: -1, maxTimestampOffset: -1 };
  let done = false;
  let isFirst = true;
  let isInBatch = false;
  const step = (header: BatchHeader): void => {
    if (done) return;
    const { baseOffset } = header;
    const follows = isFirst
      ? baseOffset >= segment.base && baseOffset <= offset
      : baseOffset === found.endOffset;
    isFirst = false;
    // What does not follow has rotted: nothing behind it is found.
    if (!follows) {
      done = true;
      return;
    }
    if (header.lastOffset >= offset) {
      isInBatch = baseOffset < offset;
      found.endOffset = baseOffset;
      done = true;
      return;
    }
    found.position += header.sizeBytes;
    found.endOffset = header.lastOffset + 1;
    if (header.maxTimestamp > time.maxTimestamp) {
      time.maxTimestamp = header.maxTimestamp;
      time.maxTimestampOffset = header.lastOffset;
    }
  };
  if (found.position < context.writtenBytes) {
    context.resources.files.use(segment.path, 'read', (file) => {
      const scan = { position: found.position, end: context.writtenBytes, verify: false };
      for (const { header } of scanBatches(file, scan)) {
        step(header);
        if (done) break;
      }
    });
  }
  let entry = done ? undefined : context.tail.findAt(segment.base, found.position);
  while (entry !== undefined && !done) {
    const { buffer, position } = entry;
    const skip = found.position - position;
    forEachBatch(buffer.subarray(skip), step);
    entry = context.tail.findAt(segment.base, found.position);
  }
  return { ...found, ...time, isInBatch };
}
