// How a state machine's log is read: in slices that do not keep the event loop for long, batch by batch.
import type { LogSlice } from '@zhumq/log';
import { forEachBatch, isControlBatch, parseControlBatch } from '@zhumq/model';
import type { BatchHeader, ControlRecord } from '@zhumq/model';

/** Bytes that are read, and applied, in one turn. */
export const SLICE_BYTES = 256 * 1024;

export interface CommittedBatch {
  readonly header: BatchHeader;
  readonly bytes: Buffer;
  /** Undefined for records. */
  readonly control: ControlRecord | undefined;
}

/** The batches of a slice of whole ones, in order. Throws DATA_CORRUPT. */
export function batchesOf({ buffers }: LogSlice): readonly CommittedBatch[] {
  const all = buffers.length === 1 ? buffers[0] : Buffer.concat(buffers);
  const batches: CommittedBatch[] = [];
  forEachBatch(all, (header, position) => {
    const bytes = all.subarray(position, position + header.sizeBytes);
    const control = isControlBatch(header) ? parseControlBatch(bytes) : undefined;
    batches.push({ header, bytes, control });
  });
  return batches;
}

/** Lets others have their turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
