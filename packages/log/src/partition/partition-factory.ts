// Makes the partition logs of a store; they share open files, block cache and tail memory.
import type { FileSystem } from '../file-system/file-system.js';
import type {
  CheckpointRow,
  ReplicaFactory,
  ReplicaLog,
  ReplicaRecovery,
  ReplicaSeat,
  WalParticipant,
} from '../types.js';
import { LogState } from './log-state.js';
import { PartitionLog } from './partition-log.js';
import { makeResources } from './partition-resources.js';
import type { PartitionResources, ResourceLimits } from './partition-resources.js';
import { PartitionRecovery } from './recovery.js';

export class PartitionFactory implements ReplicaFactory {
  readonly resources: PartitionResources;

  constructor(fileSystem: FileSystem, limits: ResourceLimits) {
    this.resources = makeResources(fileSystem, limits);
  }

  create(seat: ReplicaSeat): ReplicaLog & WalParticipant {
    const state = new LogState(seat, this.resources);
    state.writer.startAt(undefined, []);
    state.isOpen = true;
    return new PartitionLog(state);
  }

  recover(seat: ReplicaSeat, row: CheckpointRow | undefined, keptAll: boolean): ReplicaRecovery {
    return new PartitionRecovery(this.resources, seat, row, keptAll);
  }
}
