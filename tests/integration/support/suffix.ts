// Judges acks 1: what the deposed leader alone had may be lost, but only as a suffix of its time in office.
import type { Operation, SendCompleted } from './history.js';

export interface SuffixVerdict {
  readonly acknowledged: number;
  readonly lost: number;
  /** First offset that was lost; undefined when nothing was. */
  readonly lostFrom: number | undefined;
  /** Acknowledged at or behind `lostFrom` by the deposed leader, and kept all the same: then it was no suffix. */
  readonly keptBehind: readonly string[];
}

/** `acknowledged`: all by one leader, in its last epoch. `reads`: everything that is there after it was deposed. */
export function judgeSuffix(operations: readonly Operation[]): SuffixVerdict {
  const read = new Set<string>();
  const acknowledged: SendCompleted[] = [];
  for (const operation of operations) {
    if (operation.kind === 'read') read.add(operation.value);
    if (operation.kind === 'ok') acknowledged.push(operation);
  }
  const lost = acknowledged.filter(({ value }) => !read.has(value));
  const lostFrom = lost.length === 0 ? undefined : Math.min(...lost.map(({ offset }) => offset));
  const keptBehind = acknowledged
    .filter(({ value, offset }) => lostFrom !== undefined && offset >= lostFrom && read.has(value))
    .map(({ value }) => value);
  return { acknowledged: acknowledged.length, lost: lost.length, lostFrom, keptBehind };
}
