// From a time to an offset: the first segment with a record that is not older, its time index, then its batches.
import { isControlBatch, readBatchHeader } from '@zhumq/model';
import type { Epoch, Offset } from '../types.js';
import type { LogReader } from './log-reader.js';
import type { LogState } from './log-state.js';

export interface TimedOffset {
  readonly offset: Offset;
  readonly timestamp: number;
  readonly epoch: Epoch;
}

/**
 * First batch below `end` whose largest timestamp is not below `timestampMs`. Control batches are no records: they bear the
 * time at which a leader wrote them, which says nothing where the records beside them bear times of their own.
 */
export async function findOffsetForTime(
  state: LogState,
  reader: LogReader,
  timestampMs: number,
  end: Offset,
): Promise<TimedOffset | undefined> {
  // A cut or a retention during the walk changes the list; the walk goes by offsets.
  let from = state.logStart;
  while (from < end) {
    const segment = state.segments.holding(from);
    if (segment === undefined) return undefined;
    const { times } = state.indexesOf(segment);
    const newest = segment.maxTimestamp ?? times.last()?.timestamp ?? Infinity;
    if (newest >= timestampMs) {
      const start = Math.max(times.floor(timestampMs), from);
      const found = await findInSegment(
        state,
        reader,
        timestampMs,
        start,
        Math.min(end, segment.endOffset),
      );
      if (found !== undefined) return found;
    }
    if (segment.endOffset <= from) return undefined;
    from = segment.endOffset;
  }
  return undefined;
}

async function findInSegment(
  state: LogState,
  reader: LogReader,
  timestampMs: number,
  start: Offset,
  end: Offset,
): Promise<TimedOffset | undefined> {
  for (let from = start; from < end;) {
    const run = state.tail.find(from) ?? (await reader.blockHolding(from));
    if (run === undefined) return undefined;
    for (let position = 0; position < run.buffer.length;) {
      const header = readBatchHeader(run.buffer, position);
      if (header.lastOffset >= end) return undefined;
      const isLate = header.maxTimestamp >= timestampMs && !isControlBatch(header);
      if (header.lastOffset >= from && isLate) {
        return { offset: header.baseOffset, timestamp: header.maxTimestamp, epoch: header.epoch };
      }
      position += header.sizeBytes;
    }
    from = run.endOffset;
  }
  return undefined;
}
