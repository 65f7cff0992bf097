// Where two logs may still agree, found by epochs, so that a conflict costs a round trip per epoch and not per batch
// [Raft §5.3, last paragraphs].
import type { LogView } from './log-view.js';
import type { Offset, Term } from './types.js';

export interface Place {
  readonly offset: Offset;
  readonly epoch: Term;
}

/**
 * The follower's half: last offset at which its log may agree with a leader that has `prevEpoch` at `prevOffset`. All
 * that is committed agrees.
 */
export function findHint(log: LogView, commit: Offset, prevOffset: Offset, prevEpoch: Term): Place {
  const end = log.endOfEpoch(prevEpoch)?.lastOffset ?? commit;
  const offset = Math.max(Math.min(end, prevOffset), commit);
  return { offset, epoch: log.epochAt(offset) ?? 0 };
}

/**
 * The leader's half: the next offset to probe at, always the end of a batch in the leader's log. Where the leader has the
 * hint's epoch, batches of that epoch are the same on both sides (one writer), so the shorter end is shared. Where it has
 * not, the follower's whole epoch is to go, and the end of the leader's next smaller one makes the follower look below it.
 */
export function findProbe(log: LogView, hint: Place): Offset {
  const end = log.endOfEpoch(hint.epoch);
  if (end === undefined) return Math.min(hint.offset, log.startOffset - 1);
  return end.epoch === hint.epoch ? Math.min(hint.offset, end.lastOffset) : end.lastOffset;
}
