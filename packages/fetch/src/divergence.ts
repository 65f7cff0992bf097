// Where two logs may agree, both halves of it [KIP-101, KIP-279]. One writer per epoch writes one sequence of batches, so
// two logs that both have an epoch agree through the smaller of its two ends. Never by a high watermark: it lags.
import type { LogView } from './log-view.js';
import type { Epoch, Offset, Position } from './types.js';

export type Meeting =
  /** Everything before the position is the leader's, too. */
  | { readonly kind: 'agree' }
  | { readonly kind: 'diverging'; readonly divergingEpoch: Epoch; readonly divergingEnd: Offset }
  /** What the follower needs, or what would tell where the logs part, is before the log start. */
  | { readonly kind: 'behind' };

/** The leader's half: compares the record before the position. */
export function meet(log: LogView, position: Pick<Position, 'offset' | 'lastEpoch'>): Meeting {
  const { offset, lastEpoch } = position;
  if (offset < log.logStart) return { kind: 'behind' };
  if (offset === 0) return { kind: 'agree' };
  const end = log.endOfEpoch(lastEpoch);
  if (end?.epoch === lastEpoch && end.endOffset >= offset) return { kind: 'agree' };
  if (end !== undefined) {
    return { kind: 'diverging', divergingEpoch: end.epoch, divergingEnd: end.endOffset };
  }
  if (log.logStart > 0) return { kind: 'behind' };
  return { kind: 'diverging', divergingEpoch: 0, divergingEnd: 0 };
}

/**
 * The follower's half: the first offset to go. The leader has `divergingEpoch` through `divergingEnd`. When this log lacks
 * that epoch, only its newer ones are known to be wrong, and the next question is about the epoch before: `divergingEnd`
 * says nothing of that one's batches, and may lie inside of one. Undefined: all of the log is newer, so that nothing
 * before its start agrees.
 */
export function firstToGo(
  log: LogView,
  divergingEpoch: Epoch,
  divergingEnd: Offset,
): Offset | undefined {
  const own = log.endOfEpoch(divergingEpoch);
  if (own === undefined) return log.logStart === 0 ? 0 : undefined;
  return own.epoch === divergingEpoch ? Math.min(divergingEnd, own.endOffset) : own.endOffset;
}
