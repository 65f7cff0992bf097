// The port that both replication modes implement, and the port through which they report. A partition (partition/)
// holds exactly one replicator at a time and knows nothing else of the mode.
import type { BatchHeader, ErrorCode, ReplicationMode } from '@zhumq/model';

/**
 * `offline`: in mode fetch, while this replica knows of no leader. `closed`: in mode raft, it takes no part in this
 * generation any more.
 */
export type ReplicaRole =
  'leader' | 'follower' | 'candidate' | 'learner' | 'offline' | 'closed' | 'failed';

export interface AppendedRange {
  readonly baseOffset: number;
  readonly lastOffset: number;
}

/** Why an append is refused at present: the error's name, and what a sentence says after "partition T-0". */
export interface AppendRefusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What people may want to know of one follower, seen from the leader. */
export interface FollowerStatus {
  readonly replicaId: string;
  readonly state: string;
  /** Offset after the last record known to be on the follower's disk. */
  readonly durableEnd: number;
  readonly tainted: boolean;
}

/** Where a partition was sealed. */
export interface SealedEnd {
  readonly transitionId: string;
  /** Epoch of the seal's batch, and the offset after it. */
  readonly epoch: number;
  readonly endOffset: number;
  /** Replicas that have the log on disk through the seal. */
  readonly replicas: readonly string[];
}

/** How far the log of a replica goes that takes no part in its generation any more; all of it is on disk. */
export interface ClosedEnd {
  /** Largest term that it has seen. */
  readonly term: number;
  readonly lastEpoch: number;
  readonly logEnd: number;
  readonly tainted: boolean;
}

/** Keeps the replicas of one partition equal, in one mode and one generation. All methods are synchronous. */
export interface Replicator {
  readonly mode: ReplicationMode;
  readonly role: ReplicaRole;
  readonly epoch: number;
  /** Replica that leads as far as this one knows. */
  readonly leaderReplica: string | undefined;
  /** True for a leader that has committed in its own epoch: its high watermark is not behind any earlier one (rule 18). */
  readonly established: boolean;
  /**
   * The intent whose seal the log holds in this generation: no leader takes records then (rule 17). Undefined when it
   * holds none, and while nobody has looked (a follower need not know).
   */
  readonly sealedBy: string | undefined;
  /** Nothing moves, and ticks are not needed until the listener hears `onAwake`. */
  readonly asleep: boolean;

  /** Undefined when this replica may append now a batch that asks for these acks (-1, 1 or 0). */
  refusal(acks: number): AppendRefusal | undefined;
  /** Leader: appends a checked batch. Synced, replicated and committed later; see ReplicatorListener. */
  append(batch: Buffer, header: BatchHeader): AppendedRange;
  /**
   * Resolves with the last committed offset, which a read must reach (-1: nothing is committed), when leadership at this
   * moment is confirmed: by a quorum in mode raft. Mode fetch has no quorum to ask; there an established leader takes
   * its own word, and a deposed one that does not know it yet may answer with what was committed when it was deposed.
   */
  confirmLeadership(): Promise<number>;
  /** Hands leadership to that replica when it can; nothing when this one does not lead. */
  transferLeadership(toReplica: string): void;
  /** Begins to give leadership away, because this broker stops; false when nobody is there to take it. */
  handOver(): boolean;
  followers(): readonly FollowerStatus[];
  /**
   * Leader: seals the log, unless it holds a seal of this generation, and resolves when the seal is safe: committed (mode
   * raft), or synced on all of the ISR and a majority of the replicas (mode fetch). Asked again, it answers the seal that
   * is there, whoever's it is. Rejects with NOT_LEADER, LEADERSHIP_LOST, REPLICA_FAILED, and with TIMEOUT at the deadline
   * (monotonic time); the log may be sealed all the same then.
   */
  seal(transitionId: string, deadlineMs: number): Promise<SealedEnd>;
  /**
   * Mode raft only: from this call on the replica takes no part in its generation, for good, and whatever waits here
   * fails. Resolves when that and the log are on disk; asked again, answers the same (rule 1). Rejects with
   * REPLICA_FAILED.
   */
  close?(): Promise<ClosedEnd>;
  tick(): void;
  /** Messages and completions that arrive later are ignored. */
  stop(): void;
}

/** How a replicator reports to its partition. Called synchronously; implementations neither throw nor block. */
export interface ReplicatorListener {
  /** Records below are committed. Only grows. */
  onHighWatermark(highWatermark: number): void;
  /** Records below are on this replica's disk per the flush policy. May fall when a follower truncates. */
  onDurableEnd(durableEnd: number): void;
  /** Committed records from `end` on are gone: a reported possible loss. The only way in which a high watermark falls. */
  onCommittedLost(end: number): void;
  onRoleChanged(): void;
  /** The replicator slept and does not any more. */
  onAwake(): void;
  /** The replica is out of service. */
  onFailed(error: Error): void;
}
