// Cuts many operations into multis that ZooKeeper takes.
import type { StoreOperation } from '@zhumq/metadata';
import type { Write } from './decision.js';

/** Below the limit of the store (500 KiB) with room for the fence and for what else goes into the same multi. */
const MAX_BYTES = 300 * 1024;
const MAX_OPERATIONS = 500;
const OPERATION_OVERHEAD_BYTES = 64;

/** In order; none for no operations. */
export function inMultis(operations: readonly StoreOperation[]): readonly Write[] {
  const writes: StoreOperation[][] = [];
  let bytes = Infinity;
  for (const operation of operations) {
    const size = sizeOf(operation);
    const last = writes.at(-1);
    if (last === undefined || bytes + size > MAX_BYTES || last.length >= MAX_OPERATIONS) {
      writes.push([operation]);
      bytes = size;
    } else {
      last.push(operation);
      bytes += size;
    }
  }
  return writes;
}

function sizeOf(operation: StoreOperation): number {
  const data = 'data' in operation ? operation.data.byteLength : 0;
  return OPERATION_OVERHEAD_BYTES + Buffer.byteLength(operation.path) + data;
}
