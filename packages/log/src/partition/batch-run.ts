// Bounds inside a run of whole batches that was checked before: where to begin, where to stop. Looks at lengths and
// offsets only.
import { batchSizeAt, readSafeI64 } from '@zhumq/model';
import type { Offset } from '../types.js';

export interface BatchRun {
  readonly buffer: Buffer;
  /** Where `buffer` begins in the run that was given. */
  readonly start: number;
  readonly firstOffset: Offset;
  readonly endOffset: Offset;
}

export interface RunBounds {
  /** Batches that reach this offset or lie behind it are left out. */
  readonly end: Offset;
  readonly maxBytes: number;
  /** The first batch is taken whatever its size. */
  readonly atLeastOne?: boolean;
}

/** Whole batches from the one that holds `from`; undefined when there is none within the bounds. */
export function batchesWithin(run: Buffer, from: Offset, bounds: RunBounds): BatchRun | undefined {
  let position = 0;
  while (position < run.length && endOffsetAt(run, position) <= from)
    position += sizeAt(run, position);
  if (position >= run.length) return undefined;
  const start = position;
  let endOffset = -1;
  while (position < run.length) {
    const end = endOffsetAt(run, position);
    const next = position + sizeAt(run, position);
    const fits = next - start <= bounds.maxBytes || (bounds.atLeastOne === true && endOffset < 0);
    if (end > bounds.end || !fits) break;
    endOffset = end;
    position = next;
  }
  if (endOffset < 0) return undefined;
  const firstOffset = readSafeI64(run, start);
  return { buffer: run.subarray(start, position), start, firstOffset, endOffset };
}

/** Offset after the batch at `position`. */
export function endOffsetAt(run: Buffer, position: number): Offset {
  return readSafeI64(run, position) + run.readInt32BE(position + 23) + 1;
}

function sizeAt(run: Buffer, position: number): number {
  // A run that was checked has a size everywhere; without one the walk ends instead of turning round for ever.
  return batchSizeAt(run, position) ?? run.length - position;
}
