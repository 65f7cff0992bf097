// The pure Raft core: a message or a tick in, effects out; no input, output, clock or randomness.
export { RaftCore } from './raft-core.js';
export { MAX_TERM } from './term.js';
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
} from './types.js';
