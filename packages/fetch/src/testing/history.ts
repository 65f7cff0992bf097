// Logs that tests start with: one-record batches, one per epoch given. The same beginnings are the same batches.
import { assert } from '@zhumq/base';
import type { SimBatch } from './sim-log.js';

const identities = new Map<string, number>();

export function history(epochs: readonly number[]): SimBatch[] {
  let previousId = 0;
  return epochs.map((epoch, offset) => {
    const key = epochs.slice(0, offset + 1).join(' ');
    const id = identities.get(key) ?? identities.size + 1;
    assert(id < 1_000_000, 'too many histories');
    identities.set(key, id);
    const place = { baseOffset: offset, lastOffset: offset, epoch, bytes: 100 };
    const batch: SimBatch = { ...place, id, previousId, content: 'records' };
    previousId = id;
    return batch;
  });
}
