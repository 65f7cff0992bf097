// The switch between replication modes as programs see it: types only.
import type { Duration } from '@zhumq/base';
import type { ReplicationMode } from '@zhumq/model';

export interface SwitchMode {
  readonly topic: string;
  /** All partitions of the topic by default. */
  readonly partition?: number;
  readonly to: ReplicationMode;
  /** How many partitions of the topic may be switched at once; as the zkservers are configured by default. */
  readonly parallel?: number;
  /** Checks everything, but changes nothing. */
  readonly dryRun?: boolean;
  /** How long to wait until all partitions have ended; 0, not at all, by default. */
  readonly wait?: Duration;
}

/** Where the switch of one partition stands. */
export interface PartitionSwitch {
  readonly partition: number;
  /** The mode that was wanted. */
  readonly to: ReplicationMode;
  /** waiting (for others of the topic), seal, close, abort, done, refused, or given-up. */
  readonly state: string;
  /** No more will happen: done (already in that mode counts), refused, or given-up. */
  readonly ended: boolean;
  /** Why it was refused or given up, or what it waits for; empty when there is nothing to say. */
  readonly reason: string;
  /** The mode at present. */
  readonly mode: ReplicationMode;
  readonly generation: number;
  /** Identity of the switch; empty while it waits for others. */
  readonly id: string;
}
