// The door of @zhumq/client: connect, typed topics, errors; everything else is reached through the client.
export { connect } from './connect.js';
/** connect() with another clock, randomness and transport; for zhumq's own simulator. */
export { connectClient } from './client.js';
export type { ClientEnvironment } from './client.js';
export { bytes, json, string } from './codecs.js';
export { defineTopic } from './define-topic.js';
export { sendOutcomes } from './producer/pending-send.js';
export type { SendOutcome } from './producer/pending-send.js';
export { ZhumqError } from '@zhumq/base';
export type { Bytes, Duration, ErrorContext } from '@zhumq/base';
export { errorTable, isError } from '@zhumq/model';
export type { Acks, ErrorCode, ReplicationMode, UsableCodec } from '@zhumq/model';
export type { CallOptions, Client, ClientLogger, ConnectOptions } from './api/client.js';
export type {
  HeaderValue,
  Message,
  OutgoingHeaders,
  OutgoingMessage,
  Receipt,
} from './api/message.js';
export type {
  Codec,
  StandardSchemaIssue,
  StandardSchemaResult,
  StandardSchemaV1,
  Topic,
} from './api/topic.js';
export type { Producer, ProducerHealth, ProducerOptions } from './api/producer.js';
export type {
  BatchesOptions,
  Consumer,
  ConsumerEvents,
  ConsumerHealth,
  ConsumerOptions,
  FetchOptions,
  GroupOptions,
  Handling,
  Lag,
  MessageBatch,
  PartitionLag,
  Position,
  RawConsumerOptions,
  ReadOptions,
  RunOptions,
  StartPosition,
  TakenMessage,
  TakeOptions,
  TopicsConsumerOptions,
} from './api/consumer.js';
export type {
  Admin,
  AlterTopic,
  BrokerDescription,
  ClusterDescription,
  ClusterHealth,
  CreatedTopic,
  CreateTopic,
  DeleteTopic,
  ListOffsets,
  PartitionDescription,
  PartitionDetails,
  PartitionOffsetAt,
  ReplicaDetails,
  ServerAddress,
  StoreNodeDescription,
  TopicDescription,
} from './api/admin.js';
export type {
  DeleteGroup,
  GroupAdmin,
  GroupDetails,
  GroupLag,
  GroupList,
  GroupListing,
  GroupMemberDetails,
  GroupPartition,
  GroupPartitionLag,
  GroupPosition,
  GroupState,
  OffsetReset,
  ResetOffsets,
} from './api/groups.js';
export type { PartitionSwitch, SwitchMode } from './api/mode-switch.js';
