// What a replica in mode fetch needs around it: the way to its leader, those who wait here, and the zkserver.
import type { Effect } from '@zhumq/fetch';
import type { GroupAddress } from '../raft/raft-messages.js';
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
