// Administration of consumer groups as programs see it: types only. All shapes are plain data, fit for JSON.
import type { CallOptions } from './client.js';

/** empty: without members; assigning: partitions are changing hands; stable: neither. */
export type GroupState = 'empty' | 'stable' | 'assigning';

export interface GroupListing {
  readonly group: string;
  readonly state: GroupState;
  /** Number of members. */
  readonly members: number;
  /** Names of the topics that its members read or that it has positions in. */
  readonly topics: readonly string[];
  /** Id of the broker that coordinates it. */
  readonly coordinator: number;
}

export interface GroupList {
  /** By name. */
  readonly groups: readonly GroupListing[];
  /**
   * Why groups may be missing: one sentence for each part of the cluster's groups that no broker answered for. Empty: the
   * list is complete.
   */
  readonly problems: readonly string[];
}

export interface GroupPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface GroupMemberDetails {
  readonly memberId: string;
  /** Its name over restarts; empty: none. */
  readonly instanceId: string;
  /** Which program it is. */
  readonly clientId: string;
  /** Address that it connects from. */
  readonly host: string;
  /** Grows with each change of what it owns: the coordinator's term, and a counter within it. */
  readonly memberEpoch: { readonly term: number; readonly counter: number };
  /** Names of the topics that it reads. */
  readonly topics: readonly string[];
  readonly owned: readonly GroupPartition[];
  /** What it is to own once everybody has let go. */
  readonly target: readonly GroupPartition[];
}

export interface GroupPosition extends GroupPartition {
  /** Of the next record to handle. */
  readonly offset: number;
  /** Epoch of the record before it; -1 when unknown. */
  readonly lastEpoch: number;
  /** Text of the program that committed it. */
  readonly metadata: string;
  /** Milliseconds since 1970. */
  readonly committedAt: number;
}

export interface GroupDetails {
  readonly group: string;
  readonly state: GroupState;
  /** Id of the broker that coordinates it. */
  readonly coordinator: number;
  readonly members: readonly GroupMemberDetails[];
  /** By topic and partition. */
  readonly positions: readonly GroupPosition[];
}

export interface GroupPartitionLag extends GroupPartition {
  /** Position of the group; -1: none. Its lag then counts from the log start. */
  readonly committed: number;
  /** -1 when `problem` says why it is not known. */
  readonly logStart: number;
  /** -1 when `problem` says why it is not known. */
  readonly highWatermark: number;
  /** Offsets from the position to the high watermark; -1 when `problem` says why it is not known. */
  readonly messages: number;
  /**
   * Since the oldest unread message was written, exact to a batch: 0 when nothing is unread, -1 when `problem` says why it
   * is not known.
   */
  readonly seconds: number;
  /** The member that owns the partition; empty: none. */
  readonly member: string;
  /** Why the partition could not be asked; empty when it was. */
  readonly problem: string;
}

export interface GroupLag {
  readonly group: string;
  /** Of all partitions that are known. */
  readonly messages: number;
  /** The largest of the partitions that are known. */
  readonly seconds: number;
  /** Those that the group has positions in, and all of the topics that its members read; by topic and partition. */
  readonly partitions: readonly GroupPartitionLag[];
}

export interface DeleteGroup {
  readonly group: string;
  /** A group that is not there is no error. */
  readonly ifExists?: boolean;
  /** Checks everything, but changes nothing. */
  readonly dryRun?: boolean;
}

export interface ResetOffsets {
  readonly group: string;
  /** All topics that the group has positions in, when missing. */
  readonly topic?: string;
  /** Of `topic`; all of them when missing. */
  readonly partitions?: readonly number[];
  /**
   * The log start, the high watermark, an offset, the first message not older than a Date, so many messages forward or
   * (negative) back from where the group is, though never beyond the log's ends; 'none' takes the position away.
   */
  readonly to: 'earliest' | 'latest' | 'none' | number | Date | { readonly by: number };
  /** Checks everything and says what would be done, but changes nothing. */
  readonly dryRun?: boolean;
}

export interface OffsetReset extends GroupPartition {
  /** -1: the group had no position. */
  readonly from: number;
  /** -1: the group has no position any more. With a `failure`: what was wanted, -1 when that is not known. */
  readonly to: number;
  /** Why the position is as it was; absent when it is as wanted. */
  readonly failure?: { readonly code: string; readonly message: string };
}

/** Every call takes `signal` and `timeout`, and is retried until then where that can help. */
export interface GroupAdmin {
  /**
   * All groups of the cluster. Brokers answer for those that they coordinate; what none answers for within `timeout` (5 s
   * by default) is told in `problems`.
   */
  listGroups(options?: CallOptions): Promise<GroupList>;
  /** UNKNOWN_GROUP when there is no such group. */
  describeGroup(group: string, options?: CallOptions): Promise<GroupDetails>;
  /** How far a group is behind. UNKNOWN_GROUP when there is no such group. */
  groupLag(group: string, options?: CallOptions): Promise<GroupLag>;
  /** GROUP_NOT_EMPTY while it has members, UNKNOWN_GROUP when there is no such group. */
  deleteGroup(group: DeleteGroup, options?: CallOptions): Promise<{ readonly deleted: boolean }>;
  /**
   * Sets the positions of a group, up to 20,000 in one step; a partition that has a `failure` stays as it is. GROUP_NOT_EMPTY while
   * members read one of the topics. A group that does not exist is made when `topic` is given, UNKNOWN_GROUP otherwise.
   */
  resetOffsets(reset: ResetOffsets, options?: CallOptions): Promise<OffsetReset[]>;
}
