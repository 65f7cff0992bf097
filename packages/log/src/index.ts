// Segments, indexes and the block cache: the only place where partitions meet the disk.
export { FaultyFileSystem, SimulatedCrash } from './file-system/faulty-file-system.js';
export type { Fault, Operation, OperationKind } from './file-system/faulty-file-system.js';
export type {
  DirectoryLock,
  FileHandle,
  FileStatus,
  FileSystem,
  OpenMode,
} from './file-system/file-system.js';
export { dumpPartition } from './inspect/dump-partition.js';
export type { DumpedBatch, DumpedFault, DumpOptions } from './inspect/dump-partition.js';
export type { PartitionReport, Problem } from './inspect/report.js';
export { verifyPartition } from './inspect/verify-partition.js';
export { NodeFileSystem } from './file-system/node-file-system.js';
export { readBootId } from './file-system/process-lock.js';
export { readSealedFile, replaceSmallFile, sealContent } from './file-system/small-file.js';

export { LogStore } from './store/log-store.js';
export type { QuarantinedFolder } from './store/log-store.js';
export type { StoreEnvironment } from './store/store-environment.js';
export type { StoreMetrics } from './store/store-metrics.js';
export type {
  CheckpointRow,
  Damage,
  Epoch,
  EpochStart,
  FlushPolicy,
  GenerationRecord,
  HardState,
  LogConfig,
  LogListener,
  LogSlice,
  Offset,
  ProducerVerdict,
  ReplicaFactory,
  ReplicaIdentity,
  ReplicaLog,
  ReplicaRecovery,
  ReplicaSeat,
  ReplicaWal,
  SegmentSummary,
  SnapshotState,
  StoreOptions,
  WalParticipant,
  WalRecord,
} from './types.js';
export { PartitionFactory } from './partition/partition-factory.js';
export type { ResourceLimits } from './partition/partition-resources.js';
