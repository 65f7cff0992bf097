// Where a segment is to end so that the log ends at an offset: at the begin of a batch, or at the segment's own end.
import { assert } from '@zhumq/base';
import type { Offset } from '../types.js';
import { scanBatches } from './batch-scan.js';
import { locate } from './locate.js';
import type { LogState } from './log-state.js';
import type { Segment, SegmentCut } from './segment.js';

/** Throws DATA_CORRUPT, and takes the replica out of service, where a header on the way has rotted. */
export function cutAt(state: LogState, segment: Segment, offset: Offset): SegmentCut {
  const { resources, tail, writer } = state;
  const writtenBytes = writer.writtenBytes(segment);
  const cut = locate({ resources, tail, writtenBytes }, segment, state.indexesOf(segment), offset);
  if (cut.endOffset === offset) return cut;
  const { path: file } = segment;
  const { position, endOffset } = cut;
  const isSound = cut.isInBatch && isSoundAt(state, segment, position, writtenBytes);
  assert(!isSound, `${offset} is inside the batch at ${endOffset}`);
  const reason = `no batch at offset ${endOffset}, where one was written`;
  throw state.meetDamage({ file, position, offset: endOffset, reason });
}

/** Whether the batch there matches its checksum; one in memory does. */
function isSoundAt(
  state: LogState,
  segment: Segment,
  position: number,
  writtenBytes: number,
): boolean {
  if (position >= writtenBytes) return true;
  return state.resources.files.use(segment.path, 'read', (file) => {
    const first = scanBatches(file, { position, end: writtenBytes, verify: true }).next();
    return first.done !== true;
  });
}
