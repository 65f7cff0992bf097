// Where a damaged log can be trusted up to: the first offset that can not be, if the batches before it are there.
import type { Offset } from '../types.js';
import { locate } from './locate.js';
import type { LogState } from './log-state.js';

/** Offset to truncate to; undefined when nothing is left to trust. */
export function repairPoint(state: LogState): Offset | undefined {
  const { damage } = state;
  if (damage === undefined) return state.logEnd;
  if (damage.offset <= state.logStart) return undefined;
  const offset = Math.min(damage.offset, state.logEnd);
  const segment = state.segments.holding(offset);
  if (segment === undefined) return undefined;
  if (segment.base === offset) return offset;
  try {
    const { resources, tail, writer } = state;
    const writtenBytes = writer.writtenBytes(segment);
    const cut = locate(
      { resources, tail, writtenBytes },
      segment,
      state.indexesOf(segment),
      offset,
    );
    return cut.endOffset > state.logStart ? cut.endOffset : undefined;
  } catch {
    // The file can not be read at all; the segments before it can.
    return segment.base > state.logStart ? segment.base : undefined;
  }
}
