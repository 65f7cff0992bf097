// The port that both replication modes implement, and the port through which they report. A partition (partition/)
// holds exactly one replicator at a time and knows nothing else of the mode.
import type { BatchHeader, ErrorCode } from '@zhumq/model';

export type ReplicaRole = 'leader' | 'follower' | 'candidate' | 'learner' | 'failed';

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

/** Keeps the replicas of one partition equal, in one mode and one generation. All methods are synchronous. */
export interface Replicator {
  readonly role: ReplicaRole;
  readonly epoch: number;
  /** Replica that leads as far as this one knows. */
  readonly leaderReplica: string | undefined;
  /** True for a leader that has committed in its own epoch: its high watermark is not behind any earlier one (rule 18). */
  readonly established: boolean;

  /** Undefined when this replica may append now. */
  refusal(): AppendRefusal | undefined;
  /** Leader: appends a checked batch. Synced, replicated and committed later; see ReplicatorListener. */
  append(batch: Buffer, header: BatchHeader): AppendedRange;
  /** Resolves when leadership at this moment is confirmed by a quorum, with the offset that a read must reach. */
  confirmLeadership(): Promise<number>;
  /** Hands leadership to that replica when it can; nothing when this one does not lead. */
  transferLeadership(toReplica: string): void;
  /** The replica to which a stopping leader hands over; undefined when none is caught up. */
  bestSuccessor(): string | undefined;
  followers(): readonly FollowerStatus[];
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
  onRoleChanged(): void;
  /** The replica is out of service. */
  onFailed(error: Error): void;
}
