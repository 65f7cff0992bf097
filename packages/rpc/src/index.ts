// The door of @zhumq/rpc: servers, channels, typed clients and handlers, and the values that travel between them.
export { connectChannel, RpcChannel } from './channel.js';
export type { ChannelOptions } from './channel.js';
export { ChannelPool } from './channel-pool.js';
export type {
  CallContext,
  CallOptions,
  CallTarget,
  Client,
  Handler,
  Outgoing,
} from './contract.js';
export type { RefusalReason, RpcServerMetrics } from './dispatcher.js';
export { errorOf, failureOf } from './failures.js';
export { DEFAULT_SERVER_LIMITS, MAX_POSITIONS } from './limits.js';
export type { ServerLimits } from './limits.js';
export type { RpcChannelMetrics } from './pending-calls.js';
export { createRpcServer, RpcServer } from './server.js';
export type { RpcServerOptions } from './server.js';
export {
  brokerClient,
  brokerService,
  consumerClient,
  consumerService,
  deliveryClient,
  deliveryService,
  fetchClient,
  fetchService,
  groupClient,
  groupService,
  raftClient,
  raftService,
  recordClient,
  recordListenerClient,
  recordListenerService,
  recordService,
  storeClient,
  storeService,
  zkServerClient,
  zkServerService,
} from './services.js';
export type {
  BrokerClient,
  BrokerHandler,
  ConsumerClient,
  ConsumerHandler,
  DeliveryClient,
  DeliveryHandler,
  FetchClient,
  FetchHandler,
  GroupClient,
  GroupHandler,
  RaftClient,
  RaftHandler,
  RecordClient,
  RecordHandler,
  RecordListenerClient,
  RecordListenerHandler,
  Service,
  StoreClient,
  StoreHandler,
  ZkServerClient,
  ZkServerHandler,
} from './services.js';
export type { Transport } from './transport.js';
export type { Binary } from './wire/message-writer.js';
export { ReplicationMode } from '../generated/common_types.js';
export type {
  BrokerInfo,
  ClusterMetadata,
  EpochOffset,
  Endpoint,
  Failure,
  MetadataRequest,
  PartitionInfo,
  ReplicaEntry,
  SwitchOutcome,
  TopicInfo,
  Transition,
} from '../generated/common_types.js';
export type {
  DesiredState,
  DesiredStateReply,
  PartitionAssignment,
  PartitionBacklog,
  PartitionOffset,
  PartitionPosition,
  PartitionProduce,
  PartitionProduceResult,
  PartitionPull,
  PartitionPullResult,
  PartitionRef,
  PartitionTimestamp,
  ProduceRequest,
  ProduceResponse,
  ProducerIdentity,
  PullRequest,
  PullResponse,
  ReplicaEnd,
  ReplicaStatus,
  SealResult,
  TopicTombstone,
} from '../generated/broker_types.js';
export { FetchOutcome } from '../generated/fetch_types.js';
export type {
  FetchedPartition,
  FetchPosition,
  FetchRequest,
  FetchResponse,
  PositionReport,
} from '../generated/fetch_types.js';
export type {
  GroupCommit,
  GroupDescription,
  GroupHeartbeat,
  GroupHeartbeatReply,
  GroupList,
  GroupMember,
  GroupPartition,
  GroupPosition,
  GroupPositionReset,
  GroupPositionResult,
  GroupPositionsRequest,
  GroupSummary,
  MemberEpoch,
} from '../generated/group_types.js';
export type {
  Header,
  OutgoingRecord,
  ReceivedRecord,
  ReceiveRequest,
  Receipt,
  RecordId,
  SendOptions,
  SendResult,
  SubscribeReply,
  SubscribeRequest,
} from '../generated/record_types.js';
export { RaftMessageType } from '../generated/raft_types.js';
export type {
  RaftEnvelope,
  RaftMessage,
  SleepBeat,
  SegmentChunk,
  SegmentInfo,
  SnapshotManifest,
  SnapshotRequest,
} from '../generated/raft_types.js';
export type {
  CreateTopicRequest,
  DesiredStateRequest,
  IsrChange,
  IsrChangeResult,
  IsrMember,
  LeaderReport,
  PartitionSwitch,
  ProducerIdBlock,
  StoreNode,
  SwitchRequest,
} from '../generated/zkserver_types.js';
export type { Delivery } from '../generated/consumer_types.js';
export type {
  AttachedPartition,
  AttachmentChange,
  AttachReply,
  AttachRequest,
  PartitionAttach,
  PartitionAttachResult,
  PartitionCredit,
} from '../generated/delivery_types.js';
