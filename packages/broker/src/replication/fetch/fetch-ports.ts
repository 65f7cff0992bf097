// What a replica in mode fetch needs around it: the way to its leader, those who wait here, and the zkserver.
import type { Clock, Logger } from '@zhumq/base';
import type { Effect } from '@zhumq/fetch';
import type { ReplicaLog } from '@zhumq/log';
import type { GroupAddress } from '../raft/raft-messages.js';
import type { SnapshotInstaller } from '../raft/raft-ports.js';
import type { ReplicatorListener } from '../replicator.js';
import type { FetchReplicator } from './fetch-replicator.js';

export type IsrProposal = Omit<Extract<Effect, { kind: 'proposeIsr' }>, 'kind'>;

/** How positions reach leaders: implemented by Fetchers. */
export interface LeaderLinks {
  /** From now on this replica asks that one; nobody when undefined. */
  follow(follower: FetchReplicator, leader: string | undefined): void;
  /** Its position has changed. */
  changed(follower: FetchReplicator): void;
}

/** Who asks here and waits: implemented by FetchSessions. */
export interface WaitingFollowers {
  /** There may be something to tell, at the end of this turn. */
  wake(group: GroupAddress): void;
}

/** What a replica wants of the zkserver (membership/); nothing here waits for an answer. */
export interface ZkServerRequests {
  /** Answered by `assign` and by `proposalSettled` or `proposalUnknown`. */
  changeIsr(replicator: FetchReplicator, proposal: IsrProposal): void;
  /** Answered by a desired state. */
  askState(): void;
  /** This replica leads no more in that epoch: others should be elected. Repeated until a larger one is assigned. */
  resign(replicator: FetchReplicator, epoch: number): void;
  /** The replica given should lead. */
  electLeader(replicator: FetchReplicator, toReplica: string): void;
}

export interface FetchTimings {
  /** Ticks without having been caught up after which a follower leaves the ISR. */
  readonly lagTicks: number;
  readonly retryTicks: number;
}

export interface FetchReplicatorOptions {
  readonly group: GroupAddress;
  readonly log: ReplicaLog;
  readonly incarnation: number;
  readonly fetchTimings: FetchTimings;
  readonly leaderLinks: LeaderLinks;
  readonly waitingFollowers: WaitingFollowers;
  readonly zkServer: ZkServerRequests;
  readonly installer: SnapshotInstaller;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: ReplicatorListener;
  /**
   * Set when the generation is entered now: resolves when the log says so after a power loss, too. A replica that
   * acknowledged before could come back in the mode before, where nothing it had synced could be missing (rule 16).
   */
  readonly entered?: Promise<void>;
  /** The leader has lifted this replica's taint. */
  readonly onTrusted: () => void;
}
