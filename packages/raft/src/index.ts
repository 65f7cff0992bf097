// The pure Raft core: a message or a tick in, effects out; no input, output, clock or randomness.
export { RaftCore } from './raft-core';
export { MAX_TERM } from './term';
export type {
  AppendPlan,
  AppendReply,
  AppendRequest,
  BatchSpan,
  Effect,
  HardState,
  Heartbeat,
  HeartbeatReply,
  LogReader,
  Message,
  Offset,
  PeerStatus,
  ProposeRefusal,
  RaftConfig,
  RaftStateMachine,
  Random,
  ReplicaId,
  Role,
  SnapshotOffer,
  SnapshotReply,
  Term,
  TimeoutNow,
  VoteReply,
  VoteRequest,
} from './types';
