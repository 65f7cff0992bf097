// What a Raft group's driver is built on.
import type { Clock, Logger, Random } from '@zhumq/base';
import type { ReplicaLog } from '@zhumq/log';
import type { Message } from '@zhumq/raft';
import type { ReplicatorListener } from '../replicator.js';
import type { EndOfTick } from '../end-of-tick.js';
import type { Hibernation } from './hibernation.js';
import type { GroupAddress } from './raft-messages.js';

/** How messages leave: implemented by RaftTransport. */
export interface GroupTransport {
  /** Queues a message for the broker that holds `message.to`; false when its connection has no room (the message is lost). */
  send(group: GroupAddress, message: Message, buffers?: readonly Buffer[]): boolean;
}

/** Copies segments from the leader when this replica is behind its log start. */
export interface SnapshotInstaller {
  /** Resolves with the last offset on disk. */
  install(
    group: GroupAddress,
    fromReplica: string,
    log: ReplicaLog,
    signal: AbortSignal,
  ): Promise<number>;
}

export interface RaftTimings {
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly sleepTicks: number;
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
  readonly maxAppendBytes: number;
  readonly maxUncommittedBytes: number;
}

export interface RaftReplicatorOptions {
  readonly group: GroupAddress;
  readonly log: ReplicaLog;
  readonly voters: readonly string[];
  readonly learners: readonly string[];
  readonly incarnation: number;
  /** The replica that should lead when nothing else speaks against it: it stands at once. */
  readonly preferred: boolean;
  /**
   * Set when the generation is entered now: resolves when the log, the generation record and the hard state are synced.
   */
  readonly entered?: Promise<void>;
  readonly timings: RaftTimings;
  readonly transport: GroupTransport;
  readonly installer: SnapshotInstaller;
  readonly hibernation: Hibernation;
  readonly endOfTick: EndOfTick;
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: ReplicatorListener;
  /** A possible loss was reported since the log was written: see RaftConfig. */
  readonly doubtsStart: boolean;
  /** The log is not the leader's at its start: it is to be emptied, and this replicator stopped. */
  readonly onStartOver: () => void;
  /** The leader has lifted this replica's taint. */
  readonly onTrusted: () => void;
}
