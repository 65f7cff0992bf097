// Removing the end of a log, or all of it. In memory at once and in this order: durable end, producers, epochs (rule 15);
// the files follow when the frame is on disk (segment-writer.ts).
import { assert } from '@zhumq/base';
import type { Epoch, Offset } from '../types.js';
import { cutAt } from './cut-at.js';
import { encodeProducers } from './derived-files.js';
import { EpochList } from './epoch-list.js';
import { listOffsets, segmentFile } from './file-names.js';
import type { LogState } from './log-state.js';
import { ProducerState } from './producer-state.js';
import type { ProducerTable } from './producer-state.js';
import { SegmentList } from './segment-list.js';

/** Everything from `from` on, which is the first offset of a batch or the log end. */
export function truncateLog(state: LogState, from: Offset): void {
  assert(
    from >= state.logStart && from <= state.logEnd,
    `truncation at ${from} of [${state.logStart}, ${state.logEnd})`,
  );
  if (from === state.logEnd) return;
  // The one that takes appends from now on. One that ends here was sealed: its indexes are taken up again, too.
  const kept = state.segments.holding(from - 1);
  // Before anything changes, and before a number is spent on the frame: these read the segment and the folder, and may fail.
  const cut = kept && cutAt(state, kept, from);
  const indexes = kept && state.indexesOf(kept);
  const files = snapshotsBeyond(state, from);

  state.durability.cut(from);
  state.reportedEnd = Math.min(state.reportedEnd, from);
  state.producers.cut(from);
  state.epochs.cut(from);
  state.tail.cut(from);
  const removed = state.segments.removeFrom(from);
  if (cut !== undefined && indexes !== undefined) kept?.cut(cut, indexes);
  state.logEnd = from;
  state.highWatermark = Math.min(state.highWatermark, from);
  const sequence = state.nextSequence();
  state.writer.cut({
    sequence,
    from,
    segment: kept,
    bytes: cut?.position ?? 0,
    removed,
    files,
  });
  state.seat.wal.write({ kind: 'truncate', sequence, from, epochBefore: state.lastEpoch });
}

/**
 * Throws everything away; the log begins and ends at `logStart`, behind a record of that epoch. `producers`: what the
 * batches below told of theirs. It goes into the frame, because no batch will ever tell it again (rules 15, 26).
 */
export function resetLog(
  state: LogState,
  logStart: Offset,
  epochBeforeStart: Epoch,
  producers?: ProducerTable,
): void {
  const files = [...snapshotsBeyond(state, -1)];
  state.durability.reset(logStart);
  state.reportedEnd = logStart;
  state.producers = new ProducerState(producers);
  // Until the next sync only the frame has them.
  state.bytesSinceDerived = Infinity;
  state.epochs = EpochList.before(logStart, epochBeforeStart);
  state.epochs.changes++;
  state.tail.reset(logStart);
  const removed = state.segments.all;
  state.segments = new SegmentList();
  state.logStart = logStart;
  state.logEnd = logStart;
  state.highWatermark = logStart;
  const sequence = state.nextSequence();
  state.writer.cut({ sequence, from: logStart, segment: undefined, bytes: 0, removed, files });
  state.seat.wal.write({
    ...{ kind: 'logStart', sequence, logStart, epochBeforeStart, reset: true },
    ...(producers !== undefined && { producers: encodeProducers(producers) }),
  });
}

function snapshotsBeyond(state: LogState, offset: Offset): readonly string[] {
  const { directory } = state.seat;
  return listOffsets(state.resources.fileSystem, directory, '.producers')
    .filter((covered) => covered > offset)
    .map((covered) => segmentFile(directory, covered, '.producers'));
}
