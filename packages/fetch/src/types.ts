// The words of fetch replication: what goes in (the zkserver's record, positions, answers, completions, ticks), what
// comes out (effects and answers), and the log as the core reads it. Plain data; no clock, no I/O [docs/replication.md].
//
// Ends and high watermarks are exclusive: an empty log ends at 0. The epoch before offset 0 is 0.

/** A place in the log: an offset, or the offset after a record. */
export type Offset = number;

/** A leader's time in office; granted by the zkserver, on one number line with Raft terms. */
export type Epoch = number;

/** A replica's identity: 32 hexadecimal digits. Never a broker id (rule 6). */
export type ReplicaId = string;

/** The partition as the zkserver recorded it. Of two, the one with the larger version is newer. */
export interface PartitionState {
  readonly version: number;
  readonly epoch: Epoch;
  /** An epoch belongs to one incarnation of one broker (rule 3); undefined while nobody leads. */
  readonly leader: { readonly replica: ReplicaId; readonly incarnation: number } | undefined;
  readonly replicas: readonly ReplicaId[];
  readonly isr: readonly ReplicaId[];
  readonly minInsyncReplicas: number;
  /** First epoch after the last possible loss; 0: none. Below it even committed records may have to be given up. */
  readonly lossEpoch: Epoch;
}

/** Where a follower's log ends and how much of it is safe; `offset` is where it wants to go on. */
export interface Position {
  readonly replica: ReplicaId;
  readonly incarnation: number;
  /** Epoch in which it follows. */
  readonly epoch: Epoch;
  readonly offset: Offset;
  /** Epoch of the record before `offset`. */
  readonly lastEpoch: Epoch;
  /** On disk per the flush policy: what counts for the high watermark. */
  readonly durableEnd: Offset;
  /** Synced, whatever the flush policy says: what counts for a seal. */
  readonly syncedEnd: Offset;
  readonly tainted: boolean;
}

/** What a leader says to a position. The driver adds the batches from `from` on to `records`. */
export type Answer =
  | {
      readonly kind: 'records';
      readonly epoch: Epoch;
      readonly from: Offset;
      readonly highWatermark: Offset;
      readonly logStart: Offset;
      /** The follower has caught up and synced: it may forget its taint (rule 16). */
      readonly untaint: boolean;
      /** Sync through this offset at once, and report it; 0: nothing is asked. */
      readonly syncThrough: Offset;
    }
  | {
      readonly kind: 'diverging';
      readonly epoch: Epoch;
      /** Largest epoch of the leader's log that is at most the position's last epoch, and where it ends [KIP-279]. */
      readonly divergingEpoch: Epoch;
      readonly divergingEnd: Offset;
    }
  | { readonly kind: 'copySegments'; readonly epoch: Epoch }
  /** The position's epoch is over. */
  | { readonly kind: 'fenced'; readonly epoch: Epoch }
  /** This replica does not lead in the position's epoch. */
  | { readonly kind: 'notLeader'; readonly epoch: Epoch };

/** One batch of an answer; the bytes stay with the driver. */
export interface BatchSpan {
  readonly baseOffset: Offset;
  readonly lastOffset: Offset;
  readonly epoch: Epoch;
  readonly bytes: number;
}

/** An answer as it reaches the follower: with the leader that gave it and the offset that was asked for. */
export type ReceivedAnswer = Answer & {
  readonly leader: ReplicaId;
  readonly offset: Offset;
  /** Of `records`, in log order; empty otherwise. */
  readonly batches: readonly BatchSpan[];
  /** The driver's bytes of `batches`; handed back in the `append` effect. */
  readonly payload?: unknown;
};

export type Role = 'leader' | 'follower' | 'idle';

/**
 * What the driver must do, strictly in order and synchronously (writes are unsynced; nothing here waits), before it
 * gives the core its next input. `takeEffects` after each input.
 */
export type Effect =
  /** To the log, unsynced: the first batch of an epoch, one control record at the log's end. */
  | { readonly kind: 'appendLeaderChange'; readonly epoch: Epoch }
  | {
      readonly kind: 'append';
      readonly batches: readonly BatchSpan[];
      readonly payload: unknown;
    }
  | {
      readonly kind: 'truncate';
      /** First offset to go. */
      readonly from: Offset;
      /** The log's high watermark must be lowered first: only after a reported possible loss. */
      readonly belowHighWatermark: boolean;
    }
  /** Durable before anything that is said afterwards: this replica's word counts again. */
  | { readonly kind: 'clearTaint' }
  | { readonly kind: 'highWatermark'; readonly highWatermark: Offset }
  | {
      readonly kind: 'roleChanged';
      readonly role: Role;
      readonly epoch: Epoch;
      readonly leader: ReplicaId | undefined;
    }
  /** Follower: `position()` has changed in a way that the leader should hear of soon (durable or synced end, offset, epoch). */
  | { readonly kind: 'positionChanged' }
  /** Leader: waiting followers can be told something new: answer them again at the end of the tick. */
  | { readonly kind: 'wake' }
  /**
   * Leader: ask the zkserver for this ISR. Answered by `assign` and by `proposalSettled` or `proposalUnknown`. It may be the
   * recorded one, and must be written all the same: the new version settles the proposals that had no answer.
   */
  | {
      readonly kind: 'proposeIsr';
      readonly id: number;
      /** Version of the state on which it is based. */
      readonly version: number;
      /** With the incarnation in which each member caught up; -1 for members of the present ISR not heard of in this epoch. */
      readonly isr: readonly { readonly replica: ReplicaId; readonly incarnation: number }[];
      /** For the log, for people. */
      readonly reason: string;
    }
  /** Somebody knows of a newer epoch: ask the zkserver for the present state. */
  | { readonly kind: 'askState' }
  /** This replica gives up its epoch and never appends in it again (rule 4): the zkserver should elect. */
  | { readonly kind: 'resign'; readonly epoch: Epoch; readonly reason: string }
  /** The log through the seal (and the leader's first batch) is synced on the whole maximal ISR and on a majority of the replicas (rule 12). */
  | { readonly kind: 'sealSynced'; readonly end: Offset; readonly replicas: readonly ReplicaId[] }
  /** Sync the log now, whatever the flush policy says, then call `syncedThrough`; a leader too, when its log holds a seal. */
  | { readonly kind: 'syncNow'; readonly through: Offset }
  /**
   * Follower: copy what the leader has committed, then call `segmentsCopied` (the log shows the copy, synced) or `copyFailed`.
   * A change of role or epoch cancels it: the copy must not take the log's place any more.
   */
  | { readonly kind: 'copySegments'; readonly leader: ReplicaId; readonly epoch: Epoch }
  | { readonly kind: 'fatal'; readonly reason: string };

/** The log as the core reads it; it always shows what the effects handed out so far have made of it. */
export interface LogReader {
  /** Offset of the first record held; records before it are gone. */
  readonly logStart: Offset;
  readonly logEnd: Offset;
  /** Epoch of the last record; the epoch before the start when none is held; 0 for a log that never had one. */
  readonly lastEpoch: Epoch;
  /** Epoch of the record at an offset from logStart - 1 to logEnd - 1; undefined outside. O(log epochs). */
  epochAt(offset: Offset): Epoch | undefined;
  /** Largest epoch <= `epoch` and the offset after its last record; undefined when all epochs are larger. */
  endOfEpoch(epoch: Epoch): { readonly epoch: Epoch; readonly endOffset: Offset } | undefined;
}

export interface FetchConfig {
  readonly self: ReplicaId;
  readonly incarnation: number;
  readonly tainted: boolean;
  /** As the log remembers it. */
  readonly highWatermark: Offset;
  /** As the log says at the start: what is on disk per the flush policy. */
  readonly durableEnd: Offset;
  /** What is certainly synced at the start. */
  readonly syncedEnd: Offset;
  /** Ticks without having been caught up after which a follower leaves the ISR (replica.lag.time.max). */
  readonly lagTicks: number;
  /** Ticks before a proposal of unknown outcome is made again, and before a state is asked for again. */
  readonly retryTicks: number;
}

/** Why a leader takes no batch now. `notEnoughReplicas` concerns acks -1 only. */
export type AppendRefusal = 'notLeader' | 'sealed' | 'notEnoughReplicas';

/** What people and metrics may know of a follower. */
export interface FollowerView {
  readonly replica: ReplicaId;
  readonly inSync: boolean;
  /** -1: not heard of in this epoch. */
  readonly durableEnd: Offset;
  readonly logEnd: Offset;
  readonly tainted: boolean;
  readonly ticksSinceCaughtUp: number;
}

/** The core's face to its driver (class `FetchCore`): one replica of one partition in one generation. */
export interface FetchStateMachine {
  readonly role: Role;
  readonly epoch: Epoch;
  readonly leader: ReplicaId | undefined;
  readonly highWatermark: Offset;
  /** A leader that has committed its epoch's first batch. */
  readonly established: boolean;
  readonly tainted: boolean;
  /** As last recorded. */
  readonly isr: readonly ReplicaId[];
  /** The recorded ISR united with every proposal of unknown outcome: all must have what is committed (rule 10). */
  readonly maximalIsr: readonly ReplicaId[];
  /** Version of the newest state; -1 before the first. */
  readonly version: number;
  takeEffects(): Effect[];
  tick(): void;
  /** A state of the zkserver; older ones than known are ignored. Before the first, a replica neither leads nor follows (rule 13). */
  assign(state: PartitionState): void;

  // ---- leader
  refusal(acks: number): AppendRefusal | undefined;
  /** The driver appended a batch in this epoch, unsynced. */
  appended(logEnd: Offset): void;
  /** A follower asks: notes its position and answers it. Effects may follow. */
  answer(position: Position): Answer;
  /** A follower tells of its ends between two requests. */
  report(position: Position): void;
  /** The answer to a proposal: refused, or the state that it led to came by `assign`. It can have no effect any more. */
  proposalSettled(id: number): void;
  /** No answer came: the proposal may still be carried out. */
  proposalUnknown(id: number): void;
  /** The log holds a seal of this generation that ends at `end`; undefined: it holds none (any more). */
  sealed(end: Offset | undefined): void;
  followers(): readonly FollowerView[];

  // ---- follower
  /** What to ask the leader; undefined unless this replica follows (and copies no segments). */
  position(): Position | undefined;
  received(answer: ReceivedAnswer): void;
  segmentsCopied(leader: ReplicaId, epoch: Epoch): void;
  copyFailed(leader: ReplicaId, epoch: Epoch): void;

  // ---- both
  /** The log is on disk per the flush policy through `durableEnd`, as written in `epoch` just before it. Ignored when the log has another epoch there. */
  synced(durableEnd: Offset, epoch: Epoch): void;
  /** Likewise, for a real sync. */
  syncedThrough(syncedEnd: Offset, epoch: Epoch): void;
  /** A local write or sync failed: a leader resigns, and nothing is done any more (rule 4). */
  localWriteFailed(): void;
}
