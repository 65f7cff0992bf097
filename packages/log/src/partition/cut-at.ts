// Where a segment is to end so that the log ends at an offset: at the begin of a batch, or at the segment's own end.
import { assert } from '@zhumq/base';
import type { Offset } from '../types.js';
import { locate } from './locate.js';
import type { LogState } from './log-state.js';
import type { Segment, SegmentCut } from './segment.js';

/** Throws DATA_CORRUPT, and takes the replica out of service, where a header on the way has rotted. */
export function cutAt(state: LogState, segment: Segment, offset: Offset): SegmentCut {
  const { resources, tail, writer } = state;
  const writtenBytes = writer.writtenBytes(segment);
  const cut = locate({ resources, tail, writtenBytes }, segment, state.indexesOf(segment), offset);
  if (cut.endOffset === offset) return cut;
  assert(!cut.isInBatch, `${offset} is inside the batch at ${cut.endOffset}`);
  const reason = `no batch at offset ${cut.endOffset}, where one was written`;
  const { path: file } = segment;
  throw state.foundDamage({ file, position: cut.position, offset: cut.endOffset, reason });
}
