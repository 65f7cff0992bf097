// From a log on disk (or none yet) and the cluster's word to a working partition: decides whether a replica may be made,
// enters its generation, marks what can not be trusted, and joins log, cell and replicator.
import { assert } from '@zhumq/base';
import type { Clock, ErrorContext, Logger, Random } from '@zhumq/base';
import type { LogConfig, LogStore, ReplicaLog } from '@zhumq/log';
import { parseTopicConfig, zhumqError } from '@zhumq/model';
import type { TopicConfig } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { PartitionAssignment, ReplicaEntry } from '@zhumq/rpc';
import { FetchReplicator } from '../replication/fetch/fetch-replicator.js';
import type { FetchReplicatorOptions } from '../replication/fetch/fetch-replicator.js';
import { partitionStateOf } from '../replication/fetch/partition-state.js';
import type { Hibernation } from '../replication/raft/hibernation.js';
import type { EndOfTick } from '../replication/end-of-tick.js';
import { RaftReplicator } from '../replication/raft/raft-replicator.js';
import type {
  GroupTransport,
  RaftReplicatorOptions,
  RaftTimings,
  SnapshotInstaller,
} from '../replication/raft/raft-replicator.js';
import { doubtCommitted, enterGeneration, taint } from './generation.js';
import { configureLog, logConfigOf } from './log-config.js';
import { Partition } from './partition.js';

export interface PartitionOpenerOptions {
  readonly store: LogStore;
  readonly timings: RaftTimings;
  /** Bytes that may wait for the disk, over all partitions. */
  readonly maxPendingBytes: number;
  readonly transport: GroupTransport;
  readonly installer: SnapshotInstaller;
  readonly hibernation: Hibernation;
  /** What mode fetch is built on; without it partitions in that mode are not opened. */
  readonly fetch?: FetchParts;
  readonly endOfTick: EndOfTick;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly leaderContext: (replicaId: string | undefined) => ErrorContext;
  readonly onEstablished: (partition: Partition) => void;
  readonly onFailed: (partition: Partition, error: Error) => void;
  readonly onAwake: (partition: Partition) => void;
}

export type FetchParts = Pick<
  FetchReplicatorOptions,
  'fetchTimings' | 'leaderLinks' | 'waitingFollowers' | 'zkServer'
>;

export class PartitionOpener {
  private readonly configs = new WeakMap<Partition, { topic: TopicConfig }>();
  /** Doubted as far as the start of this life gave reason to; what leaders found whole since is not doubted again. */
  private readonly judged = new WeakSet<ReplicaLog>();

  constructor(private readonly options: PartitionOpenerOptions) {}

  /**
   * Undefined when this broker can not hold the replica: made for another data directory (rule 6), in a mode that this
   * version does not have, or not there and not to be made. `isFresh`: the zkserver says so now; what is remembered from
   * an earlier life neither makes replicas nor says who leads in mode fetch (rule 13).
   */
  open(
    assignment: PartitionAssignment,
    replica: ReplicaEntry,
    isFresh: boolean,
  ): Partition | undefined {
    const { logger } = this.options;
    const topicConfig = parseTopicConfig(assignment.config);
    const found = this.options.store.replica(replica.replicaId);
    const log = found ?? this.create(assignment, replica, logConfigOf(topicConfig), isFresh);
    if (log === undefined) return undefined;
    const { topic, topicId, info } = assignment;
    if (isFromThePast(assignment, log)) {
      logger.warn({ topic, partition: info.partition }, 'assignment of an earlier generation');
      return undefined;
    }
    if (info.mode === ReplicationMode.FETCH && this.options.fetch === undefined) {
      logger.error(
        { topic, partition: info.partition },
        'partition is in mode fetch, which this version does not have',
      );
      return undefined;
    }
    // By the policy under which it acknowledged, which may be another than that of the mode that begins now.
    configureLog(log, topicConfig);
    if (found !== undefined) this.mistrust(log);
    this.judged.add(log);
    const enters = enterGeneration(log, info);
    configureLog(log, topicConfig);
    const doubtsStart = info.mode === ReplicationMode.RAFT && doubtCommitted(log, info);
    const name = { topic, topicId, partition: info.partition, generation: info.generation };
    const config = { topic: topicConfig };
    const partition = new Partition(name, log, {
      maxMessageBytes: () => config.topic.maxMessageBytes,
      diskFull: () => this.options.store.diskFull,
      diskBehind: () => this.options.store.pendingBytes > this.options.maxPendingBytes,
      leaderContext: this.options.leaderContext,
      onEstablished: this.options.onEstablished,
      onFailed: this.options.onFailed,
      onAwake: this.options.onAwake,
    });
    this.configs.set(partition, config);
    const entered = enters ? log.sync() : undefined;
    if (info.mode === ReplicationMode.FETCH) {
      partition.attach(this.fetchReplicator(partition, entered));
      if (isFresh) this.assign(partition, assignment);
    } else {
      const preferred = enters && isPreferred(assignment, replica, log);
      partition.attach(this.raftReplicator(partition, { preferred, entered, doubtsStart }));
    }
    return partition;
  }

  /**
   * What a possible loss took from the others may be all that this log holds: nothing of it can be told from what they
   * wrote since (rules 16 and 29). It goes, and the leader fills the log again; until then the replica, which may have
   * acknowledged what goes, votes for nobody.
   */
  private startOver(partition: Partition): void {
    const { log, name } = partition;
    const { logStart, logEnd, lastEpoch } = log;
    this.options.logger.error(
      { ...name, logStart, logEnd, lastEpoch },
      'the log has nothing in common with that of the leader since a possible loss was reported: all of it is thrown away and copied anew',
    );
    partition.replicator.stop();
    try {
      taint(log, 'its log was given up after a possible loss');
      log.startOver();
    } catch (error) {
      // The log tells its listener of a failing disk, and the one that it had was stopped just now.
      partition.onFailed(error as Error);
      return;
    }
    partition.onCommittedLost(0);
    const config = this.configs.get(partition);
    if (config !== undefined) configureLog(log, config.topic);
    partition.attach(
      this.raftReplicator(partition, {
        preferred: false,
        entered: log.sync(),
        doubtsStart: false,
      }),
    );
  }

  /** Takes over changed settings of the topic and, in mode fetch, a changed record. */
  update(partition: Partition, assignment: PartitionAssignment, isFresh: boolean): void {
    const config = this.configs.get(partition);
    if (config === undefined) return;
    config.topic = parseTopicConfig(assignment.config);
    configureLog(partition.log, config.topic);
    if (isFresh) this.assign(partition, assignment);
  }

  private assign({ replicator }: Partition, assignment: PartitionAssignment): void {
    if (!(replicator instanceof FetchReplicator)) return;
    const state = partitionStateOf(assignment);
    if (state !== undefined) replicator.assign(state);
  }

  private create(
    assignment: PartitionAssignment,
    replica: ReplicaEntry,
    config: LogConfig,
    mayCreate: boolean,
  ): ReplicaLog | undefined {
    const { store, logger } = this.options;
    const { replicaId, directoryId } = replica;
    const { topic, topicId, info } = assignment;
    const about = { topic, partition: info.partition, replicaId };
    if (directoryId !== store.directoryId) {
      // A broker whose disk was replaced is not the replica that voted and acknowledged (rule 6).
      logger.error(
        { ...about, directoryId },
        'replica was made on another data directory and can not be served from this one',
      );
      return undefined;
    }
    if (!mayCreate) return undefined;
    if (store.isRetired(replicaId)) {
      throw zhumqError(
        'REPLICA_FAILED',
        `replica ${replicaId} of ${topic}-${info.partition} was taken out of service here before`,
        about,
      );
    }
    return store.createReplica({ topic, topicId, partition: info.partition, replicaId }, config);
  }

  /** Rules 16 and 22: a replica that may lack what it acknowledged says so before it says anything else. */
  private mistrust(log: ReplicaLog): void {
    const { store, logger } = this.options;
    const { damage } = log;
    if (damage !== undefined) {
      logger.error(
        { ...damage, ...log.identity },
        'damage below what was on disk: the replica will be repaired from a peer',
      );
      taint(log, `damage at position ${damage.position} of ${damage.file}`);
      log.resetForRepair();
    } else if (!store.cleanStart && !this.judged.has(log)) {
      const { flush } = log.config;
      if (flush !== 'fsync' && mayHaveAcknowledged(log))
        taint(log, `unclean stop with flush=${flush}`);
    }
  }

  private raftReplicator(
    partition: Partition,
    beginning: Pick<RaftReplicatorOptions, 'preferred' | 'entered' | 'doubtsStart'>,
  ): RaftReplicator {
    const { timings, transport, hibernation, endOfTick, random } = this.options;
    const { generation } = partition.log;
    return new RaftReplicator({
      ...this.commonParts(partition),
      ...beginning,
      voters: generation?.voters ?? [],
      learners: [],
      onStartOver: () => this.startOver(partition),
      timings,
      transport,
      hibernation,
      endOfTick,
      random,
    });
  }

  private fetchReplicator(
    partition: Partition,
    entered: Promise<void> | undefined,
  ): FetchReplicator {
    const { fetch } = this.options;
    assert(fetch !== undefined, 'mode fetch without its parts');
    return new FetchReplicator({
      ...this.commonParts(partition),
      ...fetch,
      entered,
    });
  }

  private commonParts(partition: Partition) {
    const { store, installer, clock, logger } = this.options;
    const { topicId, partition: number, generation } = partition.name;
    const { log } = partition;
    return {
      group: { topicId, partition: number, generation },
      log,
      incarnation: store.incarnation,
      installer,
      clock,
      logger,
      listener: partition,
      onTrusted: () => {
        const config = this.configs.get(partition);
        if (config !== undefined) configureLog(log, config.topic);
      },
    };
  }
}

/**
 * Who stands at once: the replica that a switch of mode or a forced recovery published as leader, and the first one of a
 * new partition. Others wait for an election timeout, and so does everybody after a restart.
 */
function isPreferred(
  { info }: PartitionAssignment,
  replica: ReplicaEntry,
  log: ReplicaLog,
): boolean {
  if (info.generation > 1) return info.leader === replica.broker;
  return log.logEnd === 0 && info.replicas[0]?.replicaId === replica.replicaId;
}

/** What a generation left behind means nothing in another (rule 13): this replica waits to be told of its own. */
function isFromThePast({ info }: PartitionAssignment, log: ReplicaLog): boolean {
  return log.generation !== undefined && log.generation.generation > info.generation;
}

/**
 * An empty log proves nothing: all of it may be lost. Who acknowledged in mode raft had entered a term, which is always
 * synced; in mode fetch nothing else tells (rule 11).
 */
function mayHaveAcknowledged({ logStart, logEnd, hardState, generation }: ReplicaLog): boolean {
  if (logEnd > logStart || generation?.mode === 'fetch') return true;
  return (hardState?.term ?? 0) > (generation?.epoch ?? 0);
}
