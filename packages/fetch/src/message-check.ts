// What a position or an answer must look like before anything is believed of it (rule 22). What fails is dropped, counted.
import type { BatchSpan, Epoch, Offset, Position } from './types.js';

export function isPosition(position: Position): boolean {
  const { epoch, offset, lastEpoch, durableEnd, syncedEnd, incarnation } = position;
  const numbers = [epoch, offset, lastEpoch, durableEnd, syncedEnd, incarnation];
  if (!numbers.every(isCount)) return false;
  return durableEnd <= offset && syncedEnd <= offset;
}

/** Batches follow the log's end without gaps, their epochs never fall and none is from after the leader's. */
export function continuesLog(
  batches: readonly BatchSpan[],
  logEnd: Offset,
  lastEpoch: Epoch,
  leaderEpoch: Epoch,
): boolean {
  let end = logEnd;
  let epoch = lastEpoch;
  for (const batch of batches) {
    if (batch.baseOffset !== end || batch.lastOffset < batch.baseOffset) return false;
    if (!isCount(batch.lastOffset) || !isCount(batch.epoch) || batch.epoch < epoch) return false;
    end = batch.lastOffset + 1;
    epoch = batch.epoch;
  }
  return epoch <= leaderEpoch;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
