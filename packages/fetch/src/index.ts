// The door of @zhumq/fetch: the pure core of fetch replication, and its words.
export { FetchCore } from './fetch-core.js';
export type {
  Answer,
  AppendRefusal,
  BatchSpan,
  Effect,
  Epoch,
  FetchConfig,
  FetchStateMachine,
  FollowerView,
  LogReader,
  Offset,
  PartitionState,
  Position,
  ReceivedAnswer,
  ReplicaId,
  Role,
} from './types.js';
