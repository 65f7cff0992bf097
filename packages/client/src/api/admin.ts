// Administration as programs see it: types only. All shapes are plain data, fit for JSON.
import type { Duration } from '@zhumq/base';
import type { ReplicationMode } from '@zhumq/model';
import type { CallOptions } from './client.js';
import type { GroupAdmin } from './groups.js';
import type { PartitionSwitch, SwitchMode } from './mode-switch.js';

export interface CreateTopic {
  readonly topic: string;
  /** 1 by default. */
  readonly partitions?: number;
  /** Copies of each partition; 3 by default, or the number of live brokers where that is smaller. */
  readonly replicas?: number;
  /** 'raft' by default. */
  readonly mode?: ReplicationMode;
  /** Settings by name (docs/configuration.md). */
  readonly config?: Readonly<Record<string, string | number>>;
  /** A topic of this name is no error. */
  readonly ifNotExists?: boolean;
  /** Checks everything and returns the placement, but changes nothing. */
  readonly dryRun?: boolean;
  /** How long to wait until every partition has a leader, 0: not at all; 15 s by default. */
  readonly wait?: Duration;
}

export interface CreatedTopic {
  /** False when it was there already, and for a dry run. */
  readonly created: boolean;
  /** False when some partition had no leader in time. */
  readonly ready: boolean;
  readonly topic: TopicDescription;
}

export interface DeleteTopic {
  readonly topic: string;
  /** A topic that is not there is no error. */
  readonly ifExists?: boolean;
  readonly dryRun?: boolean;
}

export interface AlterTopic {
  readonly topic: string;
  /** Settings by name; null or '' goes back to the default. */
  readonly config: Readonly<Record<string, string | number | null>>;
  readonly dryRun?: boolean;
}

export interface TopicDescription {
  readonly topic: string;
  readonly topicId: string;
  readonly replicas: number;
  /** Settings that differ from the defaults. */
  readonly config: Readonly<Record<string, string>>;
  readonly partitions: readonly PartitionDescription[];
}

export interface PartitionDescription {
  readonly partition: number;
  /** Broker id; -1 when none is known, and in mode raft while too few voters are alive to have one. */
  readonly leader: number;
  /** False when that broker is known to be dead, or did not answer when asked: no other one has taken over yet. */
  readonly leaderAlive: boolean;
  readonly epoch: number;
  readonly mode: ReplicationMode;
  readonly generation: number;
  /** Broker ids, the preferred leader first. */
  readonly replicas: readonly number[];
  /** Mode fetch: broker ids of the replicas in sync; empty in mode raft, where the leader alone knows. */
  readonly inSync: readonly number[];
  /** Mode fetch: broker ids of replicas that may lead besides; they left the ISR while nothing more could be committed. */
  readonly eligible: readonly number[];
  /** Mode raft: broker ids of the replicas that vote. */
  readonly voters: readonly number[];
  /** Where the last generation ended; absent in the first one. */
  readonly seal?: { readonly epoch: number; readonly offset: number };
  /** The switch of mode, or the forced recovery, that is under way; its phase is seal, close, or abort. */
  readonly transition?: {
    readonly id: string;
    readonly to: ReplicationMode;
    readonly phase: string;
  };
  /** How the last switch ended; absent when there was none. `reason` says why it was given up. */
  readonly lastSwitch?: {
    readonly id: string;
    readonly to: ReplicationMode;
    readonly done: boolean;
    readonly reason: string;
  };
  /** When and why acknowledged messages may have been lost; absent when none can have been. */
  readonly possibleLoss?: string;
}

/** A partition as its replicas themselves see it. */
export interface PartitionDetails extends PartitionDescription {
  readonly topic: string;
  /** -1 when no replica answered that knows it. */
  readonly logStart: number;
  readonly highWatermark: number;
  /** The leader takes no messages at present, because the partition is being switched. */
  readonly sealed: boolean;
  readonly replicaDetails: readonly ReplicaDetails[];
}

export interface ReplicaDetails {
  readonly broker: number;
  readonly replicaId: string;
  /** leader, follower, candidate, learner, damaged, failed, sealed, or offline: also when its broker does not answer. */
  readonly role: string;
  /** What the replica itself is in: one that lags behind may be in an older generation. */
  readonly mode?: ReplicationMode;
  /** -1 when unknown. */
  readonly generation: number;
  readonly epoch: number;
  readonly logStart: number;
  readonly logEnd: number;
  readonly durableEnd: number;
  readonly highWatermark: number;
  /** Messages behind the leader's log end; -1 when unknown. */
  readonly lag: number;
  readonly bytes: number;
  /** What is wrong, for a person; empty when nothing is. */
  readonly problem: string;
}

export interface ServerAddress {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface BrokerDescription extends ServerAddress {
  readonly rack: string;
  readonly weight: number;
  readonly alive: boolean;
  readonly incarnation: number;
  readonly directoryId: string;
}

export interface ClusterDescription {
  readonly clusterId: string;
  /** Id of the active zkserver; -1 when none is known. */
  readonly controller: number;
  readonly controllerEpoch: number;
  readonly zkservers: readonly ServerAddress[];
  readonly brokers: readonly BrokerDescription[];
}

export interface ClusterHealth {
  /** No problem at all. */
  readonly ok: boolean;
  /** One sentence each, the worst first. */
  readonly problems: readonly string[];
  readonly brokers: { readonly alive: number; readonly total: number };
  readonly partitions: {
    readonly total: number;
    /** Those that no live broker says to lead. */
    readonly withoutLeader: number;
    /** Fewer copies at work than replicas, with a leader or without. */
    readonly underReplicated: number;
  };
}

export interface ListOffsets {
  readonly topic: string;
  readonly partitions?: readonly number[];
  /** The log start, the high watermark (default), or the first record not older than a time. */
  readonly at?: 'earliest' | 'latest' | Date;
}

export interface PartitionOffsetAt {
  readonly partition: number;
  readonly offset: number;
  /** Of the record at that offset; -1 when there is none. */
  readonly timestamp: number;
  readonly epoch: number;
}

export interface StoreNodeDescription {
  readonly path: string;
  readonly version: number;
  readonly ephemeral: boolean;
  /** The payload, decoded; hexadecimal digits where it can not be. */
  readonly data: unknown;
}

/** Every call takes `signal` and `timeout` (30 s by default) and is retried until then where that can help. */
export interface Admin extends GroupAdmin {
  createTopic(topic: CreateTopic, options?: CallOptions): Promise<CreatedTopic>;
  deleteTopic(topic: DeleteTopic, options?: CallOptions): Promise<{ readonly deleted: boolean }>;
  alterTopic(topic: AlterTopic, options?: CallOptions): Promise<TopicDescription>;
  /** Names, in alphabetical order; those that begin with "__" only on demand. */
  listTopics(options?: CallOptions & { readonly internal?: boolean }): Promise<string[]>;
  /** All topics when none is named; a named one that does not exist is UNKNOWN_TOPIC. */
  describeTopics(topics?: readonly string[], options?: CallOptions): Promise<TopicDescription[]>;
  describePartitions(topic: string, options?: CallOptions): Promise<PartitionDetails[]>;
  describeCluster(options?: CallOptions): Promise<ClusterDescription>;
  clusterHealth(options?: CallOptions): Promise<ClusterHealth>;
  /**
   * Makes another replica the leader: in mode raft the leader hands over, in mode fetch the zkserver elects one that is in
   * sync. Resolves when that broker leads (raft) or the election was begun (fetch). REPLICA_NOT_READY at once when it is
   * not alive or can not lead now, INVALID_REQUEST when it has no replica; TIMEOUT when it did not take over.
   */
  electLeader(
    choice: { readonly topic: string; readonly partition: number; readonly broker: number },
    options?: CallOptions,
  ): Promise<void>;
  /**
   * Begins to switch a topic's partitions to another mode while they are in use, and says how far that is: it goes on
   * without the caller. Asked again, it says where the same switch stands. With `wait` it resolves when all partitions have
   * ended, or when that time is over.
   */
  switchMode(wanted: SwitchMode, options?: CallOptions): Promise<readonly PartitionSwitch[]>;
  /** Where the last switch of each partition stands; a partition that was never switched is left out. */
  describeSwitch(
    which: { readonly topic: string; readonly partition?: number },
    options?: CallOptions,
  ): Promise<readonly PartitionSwitch[]>;
  /**
   * Begins as `switchMode` does, and gives all its partitions again whenever one has gone on; ends when all have ended.
   * Throws TIMEOUT after `timeout` (5 min by default); the switch goes on then.
   */
  watchSwitch(wanted: SwitchMode, options?: CallOptions): AsyncIterable<readonly PartitionSwitch[]>;
  listOffsets(query: ListOffsets, options?: CallOptions): Promise<PartitionOffsetAt[]>;
  /** The metadata store below a path. */
  dumpStore(path: string, options?: CallOptions): Promise<StoreNodeDescription[]>;
}
