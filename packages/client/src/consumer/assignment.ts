// How a consumer comes by its partitions: the interface that a consumer needs, and the events that it tells.
import type { ZhumqError } from '@zhumq/base';
import type { ConsumerEvents, Position } from '../api/consumer.js';
import type { CallOptions } from '../api/client.js';
import type { PartitionReader } from './partition-reader.js';
import type { Reading } from './reading.js';

export type Emit = <E extends keyof ConsumerEvents>(event: E, details: ConsumerEvents[E]) => void;

export interface Assignment {
  readonly reading: Reading;
  /** Set where positions are a group's, and kept by the cluster. */
  readonly group: GroupSide | undefined;
  /** Resolves when the partitions are known; an attempt that failed is made again by the next call. */
  open(): Promise<void>;
  /** Nothing more is pulled. */
  stop(): void;
}

/** A position as commit() takes it. */
export type CommitPosition = Pick<Position, 'partition' | 'offset' | 'topic'> & {
  readonly lastEpoch?: number;
};

/** What a consumer of a group does besides reading. */
export interface GroupSide {
  /** The program has done with messages. */
  handled(count: number): void;
  /** Commits what is handled, or these positions; resolves when that is durable. Tells of work that was lost before. */
  commit(positions: readonly CommitPosition[] | undefined, options: CallOptions): Promise<void>;
  /** Commits what is handled. */
  commitHandled(): Promise<void>;
  /** Commits what is handled where that is done without being asked; never rejects. */
  settle(timeoutMs: number): Promise<void>;
  /** What is committed of a partition; -1: nothing. */
  committed(reader: PartitionReader): number;
  /** Leaves the group; never rejects. */
  leave(timeoutMs: number): Promise<void>;
  health(): GroupHealth;
}

export interface GroupHealth {
  /** doubtful: no heartbeat was answered for the session timeout. */
  readonly state: 'member' | 'joining' | 'doubtful';
  readonly memberId: string;
  readonly lastHeartbeatMs: number;
  /** How long it has tried to join, and what the last try ended with. */
  readonly joiningMs: number;
  readonly trouble: ZhumqError | undefined;
  /** It will not join again. */
  readonly failure: ZhumqError | undefined;
}
