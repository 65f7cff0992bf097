// How an operation may fail on a machine that goes on: the errors that a kernel reports.
import type { FaultName } from './fault-case.js';
import type { DiskError, DiskOperation } from './watched-disk.js';

/** Names of the faults that an operation of that kind can meet. */
export function systemFaults({ kind }: DiskOperation): readonly FaultName[] {
  switch (kind) {
    case 'write':
      return ['EIO', 'ENOSPC', 'short'];
    case 'sync':
      return ['EIO', 'ENOSPC', 'drop'];
    case 'make':
    case 'makeDirectory':
    case 'preallocate':
    case 'rename':
    case 'syncDirectory':
      return ['EIO', 'ENOSPC'];
    default:
      return ['EIO'];
  }
}

/** `short`: half of a write is written before the disk is full. `drop`: a failed sync leaves its pages clean. */
export function systemFaultOf({ content }: DiskOperation, fault: FaultName): DiskError {
  switch (fault) {
    case 'short':
      return { code: 'ENOSPC', writtenBytes: (content?.length ?? 0) >> 1 };
    case 'drop':
      return { code: 'EIO', dropPages: true };
    default:
      return { code: fault };
  }
}
