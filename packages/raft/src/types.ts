// The words of the Raft core: what goes in (messages, ticks, local events), what comes out (effects), and the two
// ports that the driver implements. Everything is plain data; offsets are Raft indexes [docs/replication.md].
//
// Offset = Raft index. An entry is a record batch; its index is its last offset, its term is its leader epoch. An
// empty log has last offset -1 and last epoch 0.

/** A record's place in the log, inclusive; -1 stands before the first record. */
export type Offset = number;

/** A Raft term; the same number line as leader epochs. At most 2^31 - 1, because a record batch stores it in an i32. */
export type Term = number;

/** A replica's identity: 32 hexadecimal digits. Never a broker id: a wiped broker comes back as another replica (rule 6). */
export type ReplicaId = string;

/** Durable state besides the log. Must be on disk before any effect of kind `sendAfterSync` that follows it leaves. */
export interface HardState {
  readonly term: Term;
  /** Replica voted for in `term`; undefined when none. */
  readonly vote: ReplicaId | undefined;
  /**
   * The log may lack what this replica acknowledged (rule 16): it votes for nobody, and its matches count in no quorum.
   * Its term and vote are durable like any other's, so it may still confirm that a leader leads.
   */
  readonly tainted: boolean;
}

/** Where one batch of an append message lies; the bytes stay with the driver. */
export interface BatchSpan {
  readonly baseOffset: Offset;
  readonly lastOffset: Offset;
  readonly epoch: Term;
  readonly bytes: number;
}

interface Envelope {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: Term;
}

export interface VoteRequest extends Envelope {
  readonly type: 'preVote' | 'vote';
  readonly lastOffset: Offset;
  readonly lastEpoch: Term;
  /** Sent by order of the leader (leadership transfer), so leader stickiness does not apply. */
  readonly transfer: boolean;
}

export interface VoteReply extends Envelope {
  readonly type: 'preVoteReply' | 'voteReply';
  readonly granted: boolean;
}

export interface AppendRequest extends Envelope {
  readonly type: 'append';
  readonly prevOffset: Offset;
  readonly prevEpoch: Term;
  /** In log order; empty for a probe. The driver keeps the bytes with the message (`payload`). */
  readonly batches: readonly BatchSpan[];
  /** Last committed offset of the leader, inclusive. */
  readonly commit: Offset;
  /** The driver's bytes of `batches`; the core hands it back in the `append` effect and never looks inside. */
  readonly payload?: unknown;
  /** Incarnation of a caught-up replica whose taint the leader lifts. */
  readonly untaint?: number;
}

export interface AppendReply extends Envelope {
  readonly type: 'appendReply';
  readonly rejected: boolean;
  /** Accepted: last offset on disk that matches the leader's log. Rejected: last offset at which the logs may agree. */
  readonly matched: Offset;
  /** Rejected: epoch of the follower's record at `matched`. */
  readonly matchedEpoch: Term;
  /** Rejected: `prevOffset` of the request, so that the leader can tell an old refusal. */
  readonly probe: Offset;
  readonly tainted: boolean;
  /** Incarnation of the sender's broker; matches of an older one are forgotten (rule 16). */
  readonly incarnation: number;
}

export interface Heartbeat extends Envelope {
  readonly type: 'heartbeat';
  /** min(commit, the follower's match), so that a follower never commits what it has not got. */
  readonly commit: Offset;
  /** The leader's newest read round; 0 when none. */
  readonly readContext: number;
  /** Incarnation of a caught-up replica whose taint the leader lifts. */
  readonly untaint?: number;
  /** Nothing has happened for long: no more heartbeats need to be expected until anything does (rule 21). */
  readonly sleep?: true;
}

export interface HeartbeatReply extends Envelope {
  readonly type: 'heartbeatReply';
  readonly readContext: number;
  readonly matched: Offset;
  readonly tainted: boolean;
  readonly incarnation: number;
  /** The sender waits for no heartbeats any more. Without it, it is awake, whatever it said before. */
  readonly asleep?: true;
}

export interface TimeoutNow extends Envelope {
  readonly type: 'timeoutNow';
}

/** The follower is behind the log start: it must copy segments (the driver pulls them), then answer. */
export interface SnapshotOffer extends Envelope {
  readonly type: 'snapshot';
  /** Offset just before the leader's log start, and its epoch. */
  readonly prevOffset: Offset;
  readonly prevEpoch: Term;
}

export interface SnapshotReply extends Envelope {
  readonly type: 'snapshotReply';
  readonly rejected: boolean;
  /** Last offset on disk after the copy. */
  readonly matched: Offset;
  readonly incarnation: number;
}

export type Message =
  | VoteRequest
  | VoteReply
  | AppendRequest
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | TimeoutNow
  | SnapshotOffer
  | SnapshotReply;

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/**
 * What the driver must do, strictly in order and synchronously (writes are unsynced; nothing here waits), before it
 * gives the core its next input:
 *  1 `saveHardState`, `truncate`, `append`, `appendLeaderChange` go to the log (one write-ahead log position each);
 *  2 `send` may leave at once; `replicate` marks a peer for which `nextAppend` is called at the end of the tick;
 *  3 `sendAfterSync` leaves only when everything of kind 1 before it is on disk;
 *  4 `commit` moves the high watermark (commit + 1) and wakes waiters;
 *  5 the driver tells of completed syncs with `synced`, from which the core makes append replies and its own match.
 */
export type Effect =
  | { readonly kind: 'saveHardState'; readonly hardState: HardState }
  | { readonly kind: 'truncate'; /** First offset to go. */ readonly from: Offset }
  | {
      readonly kind: 'append';
      /** These batches of the request, from the first that is missing here. */
      readonly batches: readonly BatchSpan[];
      readonly payload: unknown;
      /** How many of the request's batches to skip. */
      readonly skip: number;
    }
  | {
      readonly kind: 'appendLeaderChange';
      /** The log's first batch of the term: one control record at last offset + 1 [Raft §8]. */
      readonly term: Term;
      readonly voters: readonly ReplicaId[];
    }
  | { readonly kind: 'send'; readonly message: Message }
  | { readonly kind: 'sendAfterSync'; readonly message: Message }
  | { readonly kind: 'replicate'; readonly to: ReplicaId }
  | { readonly kind: 'commit'; readonly commit: Offset }
  | {
      readonly kind: 'roleChanged';
      readonly role: Role;
      readonly term: Term;
      readonly leader: ReplicaId | undefined;
    }
  | { readonly kind: 'readConfirmed'; readonly id: number; readonly offset: Offset }
  | { readonly kind: 'readFailed'; readonly id: number }
  | { readonly kind: 'installSnapshot'; readonly from: ReplicaId; readonly term: Term }
  /**
   * What lies below the log start is not what the leader has there, or can not be compared (`doubtsStart`). The driver
   * empties the log, marks the replica as tainted, and constructs a new core: this one is silent.
   */
  | { readonly kind: 'startOver' }
  | { readonly kind: 'fatal'; readonly reason: string };

/** The log as the core reads it; it always shows what the effects handed out so far have made of it. */
export interface LogReader {
  /** Offset of the first record held; records before it are gone. */
  readonly startOffset: Offset;
  /** Offset of the last record; startOffset - 1 when none is held. */
  readonly lastOffset: Offset;
  /** Epoch of the last record; the epoch before the start when none is held; 0 for a log that never had one. */
  readonly lastEpoch: Term;
  /** Epoch of the record at an offset from startOffset - 1 to lastOffset; undefined outside. O(log epochs). */
  epochAt(offset: Offset): Term | undefined;
  /** Last offset of the largest epoch that is <= `epoch`, with that epoch; undefined when all epochs are larger. */
  endOfEpoch(epoch: Term): { readonly epoch: Term; readonly lastOffset: Offset } | undefined;
}

/** Randomness for election timeouts: an integer from 0 to below - 1. */
export interface Random {
  below(limit: number): number;
}

export interface RaftConfig {
  readonly self: ReplicaId;
  /** Incarnation of this broker. */
  readonly incarnation: number;
  readonly voters: readonly ReplicaId[];
  /** Receive everything and count in no quorum (membership change comes later; kept in types and formats). */
  readonly learners: readonly ReplicaId[];
  readonly hardState: HardState;
  /**
   * Commit offset known at the start; -1 when none. It must have been at most `durableCommit` when it was written down:
   * after a crash the log may hold other records where what was committed had not reached the disk.
   */
  readonly commit: Offset;
  /**
   * Set when even committed records may have been given up by the others since this log was written: then what lies
   * below its start is not taken for committed either, but compared with the first leader's log like the rest.
   */
  readonly doubtsStart?: boolean;
  /** Ticks without a leader before a campaign; randomised up to twice as much. */
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** Ticks without traffic after which a leader lets the group sleep; 0 or undefined: never (rule 21). */
  readonly sleepTicks?: number;
  /** In-flight window per follower. */
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
  /** Bytes of one append message (one batch may be larger). */
  readonly maxAppendBytes: number;
  /** Bytes appended but not committed beyond which `canPropose` says no. */
  readonly maxUncommittedBytes: number;
}

/** What `nextAppend` asks the driver to send: batches from `from`, at most `maxBytes` (or one batch). */
export interface AppendPlan {
  readonly to: ReplicaId;
  readonly term: Term;
  readonly prevOffset: Offset;
  readonly prevEpoch: Term;
  readonly from: Offset;
  readonly maxBytes: number;
  readonly commit: Offset;
  readonly untaint?: number;
}

/** Why a proposal is refused now. */
export type ProposeRefusal = 'notLeader' | 'transferring' | 'uncommittedFull';

/**
 * The core's face to its driver (class `RaftCore` in raft-core.ts). Every method but the getters may add to `effects`;
 * the driver drains them (`takeEffects`) after each call, before the next one.
 */
export interface RaftStateMachine {
  readonly role: Role;
  readonly term: Term;
  readonly leader: ReplicaId | undefined;
  readonly commit: Offset;
  /** The part of `commit` that is on disk here: what the driver may persist as the commit offset. */
  readonly durableCommit: Offset;
  readonly tainted: boolean;
  /** Messages that were dropped because they cannot come from a correct peer (rule 22). */
  readonly rejectedMessages: number;
  /**
   * Nothing moves in the group: no ticks are needed. Whoever drives the core then watches over the others' brokers in
   * its place, and wakes it as soon as one of them is silent, new, or no more of the same mind (rule 21).
   */
  readonly asleep: boolean;
  /** True for a leader once its own term's first batch is committed: reads and leader records may rely on it. */
  readonly established: boolean;
  takeEffects(): Effect[];
  tick(): void;
  step(message: Message): void;
  /** Undefined when a batch may be appended now. */
  canPropose(): ProposeRefusal | undefined;
  /** The driver appended batches in this term to the leader's log, unsynced; to be replicated at the end of the tick. */
  proposed(lastOffset: Offset, bytes: number): void;
  /**
   * How often this log was cut or replaced. The driver reads it when it *starts* a sync and hands it back with the
   * result: offset and epoch alone do not tell a batch from the same batch that was cut and written again (ABA).
   */
  readonly truncations: number;
  /**
   * The log is on disk through `offset`, as written in the epoch `epoch` at that offset. Ignored where the log no
   * longer has that epoch there, and where `truncations` is not the present count. A log that confirms writes and not
   * offsets tells the one batch from the other itself; its driver may leave the count out.
   */
  synced(offset: Offset, epoch: Term, truncations?: number): void;
  /**
   * A `saveHardState` with this term and vote is on disk (of several in one sync, the last). A candidate's own vote
   * counts from here on, so nobody, a single voter included, leads a term that a crash could make it forget.
   */
  hardStateSynced(term: Term, vote: ReplicaId | undefined): void;
  /**
   * A local write or sync failed: this epoch is over for this replica, for good (rule 4). It steps down and, like one
   * that crashed, does nothing any more: it neither votes, acknowledges nor campaigns. A new core, constructed from what
   * is on disk, is the way back.
   */
  localWriteFailed(): void;
  /** Next append for a peer, or undefined when it is up to date, paused or being read for. */
  nextAppend(to: ReplicaId): AppendPlan | undefined;
  /**
   * The plan (the very object) left with these batches; empty, as a probe: `lastOffset` = `prevOffset`. `bytes` counts
   * in the in-flight window. A plan of another term or of a peer that was reset meanwhile is ignored.
   */
  appendSent(plan: AppendPlan, lastOffset: Offset, bytes: number): void;
  /** The bytes of the plan could not be read, or lie before the log start. */
  appendFailed(plan: AppendPlan): void;
  /** The connection to the peer's broker broke: what was in flight is unknown. */
  unreachable(peer: ReplicaId): void;
  /** ReadIndex [Raft §6.4]: answered by `readConfirmed` or `readFailed` with the same id. */
  readIndex(id: number): void;
  transferLeadership(to: ReplicaId): void;
  campaign(): void;
  /**
   * Ends a sleep; nothing for one that is awake. `leaderLost`: the leader's broker has been silent for an election timeout
   * or is new, so a follower need not wait for another one.
   */
  wake(leaderLost: boolean): void;
  /** The snapshot of `installSnapshot` is on disk through `matched`, or failed. */
  snapshotInstalled(from: ReplicaId, term: Term, matched: Offset): void;
  snapshotFailed(from: ReplicaId, term: Term): void;
  /** Progress of the peers, for people and metrics; empty unless leader. */
  peers(): readonly PeerStatus[];
}

export interface PeerStatus {
  readonly replica: ReplicaId;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  readonly matched: Offset;
  readonly next: Offset;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  readonly tainted: boolean;
  readonly active: boolean;
}
