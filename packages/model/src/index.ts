// Records, batches and the persisted messages: bytes to values and back.
export {
  BATCH_CRC_START,
  BATCH_HEADER_BYTES,
  MAX_EPOCH,
  batchSizeAt,
  isControlBatch,
  readBatchHeader,
  readSafeI64,
  stampBatch,
  writeI64,
} from './batch-header.js';
export type { BatchHeader } from './batch-header.js';
export { BatchBuilder, NO_PRODUCER, singleBatchBytes, stampProducer } from './batch-builder.js';
export type { BatchBuilderOptions, ProducerIdentity } from './batch-builder.js';
export { decodeRecords, decodeRecordsElsewhere } from './batch-decoder.js';
export type { DecodeLimits } from './batch-decoder.js';
export { encodeBatch } from './batch-encoder.js';
export type { EncodeOptions } from './batch-encoder.js';
export { checkProducedBatch, checkStoredBatch, forEachBatch } from './batch-validation.js';
export type { ExpectedBatch, ProduceLimits, StoredBatch } from './batch-validation.js';
export { codecOf } from './codecs.js';
export type { Codec } from './codecs.js';
export { decompressSync } from './compression.js';
export type { UsableCodec } from './compression.js';
export {
  LEADER_CHANGE,
  controlBatch,
  leaderChangeBatch,
  modeSealBatch,
  parseControlBatch,
  stateSnapshotBeginBatch,
  stateSnapshotEndBatch,
  voterSetBatch,
} from './control-batch.js';
export type { ControlRecord } from './control-batch.js';
export { crc32c } from './crc32c.js';
export { errorKindOf, errorTable, isError, isPassing, zhumqError } from './error-table.js';
export type { ErrorCode } from './error-table.js';
export type { DecodeFailure, MessageCodec } from './message-codec.js';
export {
  GROUPS_TOPIC,
  MAX_PARTITION,
  acksNumber,
  checkTopicName,
  groupNameFault,
  isInternalTopic,
  parsePartitionFolder,
  partitionFolder,
  topicNameFault,
} from './names.js';
export type { Acks, PartitionFolder, ReplicationMode } from './names.js';
export { keyHash } from './partition-hash.js';
export type { DecodedRecord, RecordHeader, RecordInput } from './records.js';
export {
  brokerRegistrationCodec,
  checkpointCodec,
  clusterIdentityCodec,
  controllerEpochCodec,
  directoryIdentityCodec,
  epochListCodec,
  epochOffsetCodec,
  epochStartCodec,
  generationRecordCodec,
  groupEpochCodec,
  groupMemberRecordCodec,
  groupPartCodec,
  groupPositionRecordCodec,
  groupRecordCodec,
  groupRecordKeyCodec,
  groupTopicCodec,
  hardStateCodec,
  knownBrokerCodec,
  leaderChangeCodec,
  leaderRecordCodec,
  modeSealCodec,
  partitionRecordCodec,
  producerBatchCodec,
  producerEntryCodec,
  producerIdsCodec,
  producerSnapshotCodec,
  replicaCheckpointCodec,
  replicaCodec,
  replicaIdentityCodec,
  stateSnapshotCodec,
  switchOutcomeCodec,
  tombstoneCodec,
  topicPartitionsCodec,
  topicRecordCodec,
  topicSwitchCodec,
  transitionCodec,
  voterSetChangeCodec,
  zkServerRegistrationCodec,
} from './state-codecs.js';
export type {
  BrokerRegistration,
  Checkpoint,
  ClusterIdentity,
  ControllerEpoch,
  DirectoryIdentity,
  EpochList,
  EpochOffset,
  EpochStart,
  GenerationRecord,
  GroupEpoch,
  GroupMemberRecord,
  GroupPart,
  GroupPositionRecord,
  GroupRecord,
  GroupRecordKey,
  GroupTopic,
  HardState,
  KnownBroker,
  LeaderChange,
  LeaderRecord,
  ModeSeal,
  PartitionRecord,
  ProducerBatch,
  ProducerEntry,
  ProducerIds,
  ProducerSnapshot,
  Replica,
  ReplicaCheckpoint,
  ReplicaIdentity,
  StateSnapshot,
  SwitchOutcome,
  Tombstone,
  TopicPartitions,
  TopicRecord,
  TopicSwitch,
  Transition,
  VoterSetChange,
  ZkServerRegistration,
} from './state-messages.js';
export {
  TOPIC_OPTIONS,
  flushPolicyOf,
  minInsyncReplicasOf,
  parseTopicConfig,
  rangeOf,
} from './topic-config.js';
export type { CleanupPolicy, FlushPolicy, TopicConfig, TopicOption } from './topic-config.js';
