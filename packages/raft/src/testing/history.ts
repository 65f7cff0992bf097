// Logs written down as their epochs, one record a batch: [1, 1, 2] is offsets 0 and 1 of epoch 1, then 2 of epoch 2.
import type { SimBatch } from './sim-log.js';

const ids = new Map<string, number>();

/** The same epochs on the same prefix are the same batches, whoever asks. */
export function history(epochs: readonly number[]): SimBatch[] {
  let previousId = 0;
  return epochs.map((epoch, offset) => {
    const key = `${previousId} ${epoch}`;
    const id = ids.get(key) ?? 1_000_000 + ids.size;
    ids.set(key, id);
    const batch = { baseOffset: offset, lastOffset: offset, epoch, bytes: 100, id, previousId };
    previousId = id;
    return batch;
  });
}
