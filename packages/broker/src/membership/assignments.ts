// Makes this broker hold what the zkserver says it must hold: opens, updates and closes partitions. Level-triggered and
// idempotent: the same desired state twice changes nothing. Absence never deletes data; only a tombstone does (rule 23).
import { SerialExecutor } from '@zhumq/base';
import type { Clock, Logger, Timer } from '@zhumq/base';
import type { LogStore, ReplicaLog } from '@zhumq/log';
import { isError, zhumqError } from '@zhumq/model';
import type { DesiredState, DesiredStateReply, PartitionAssignment } from '@zhumq/rpc';
import type { PartitionOpener } from '../partition/partition-opener.js';
import type { Partition } from '../partition/partition.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { RaftTransport } from '../replication/raft/raft-transport.js';
import type { DesiredStateCache } from './desired-state-cache.js';

export interface AssignmentsOptions {
  readonly brokerId: number;
  readonly store: LogStore;
  readonly registry: PartitionRegistry;
  readonly opener: PartitionOpener;
  readonly transport: RaftTransport;
  readonly cache: DesiredStateCache;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The assignment of a partition that is led here names another leader, or no switch although it is sealed: report again. */
  readonly onStaleRecord: (partition: Partition) => void;
  /** A desired state was applied. */
  readonly onApplied?: (state: DesiredState) => void;
}

export class Assignments {
  private readonly executor = new SerialExecutor(MAX_WAITING);
  private current: DesiredState | undefined;
  private retry: Timer | undefined;
  private stopped = false;
  /** Largest epoch of a zkserver that was heard of, in whatever it asked. */
  private controllerEpoch = -1;
  /** Versions of the records, by partition. */
  private versions = new Map<string, number>();
  /** Partitions that are being switched or recovered. */
  private inTransition = new Set<string>();

  constructor(private readonly options: AssignmentsOptions) {}

  /** What was applied last; undefined before any zkserver or cache told anything. */
  get state(): DesiredState | undefined {
    return this.current;
  }

  /** Version of a partition's record as last told; -1 when none was. */
  versionOf(topicId: string, partition: number): number {
    return this.versions.get(keyOf(topicId, partition)) ?? -1;
  }

  /** Whether a partition's record as last told names a switch of modes or a recovery. */
  isInTransition(topicId: string, partition: number): boolean {
    return this.inTransition.has(keyOf(topicId, partition));
  }

  /** Throws STALE_CONTROLLER for a zkserver that was deposed; remembers a newer one (rule 33). */
  checkController(epoch: number): void {
    if (epoch < this.controllerEpoch) {
      throw zhumqError(
        'STALE_CONTROLLER',
        `controller epoch ${epoch} is older than ${this.controllerEpoch}: refused`,
      );
    }
    this.controllerEpoch = epoch;
  }

  /**
   * After a start, before any zkserver answers: groups go on with what was applied last, so that raft partitions elect
   * and serve while the metadata store is away (rule 13). What was refused in the last life as out of date is refused in
   * this one, too (rule 33).
   */
  async resume(): Promise<void> {
    const cached = this.options.cache.load();
    if (cached === undefined) return;
    await this.executor.run(() => {
      this.current = cached;
      this.controllerEpoch = Math.max(this.controllerEpoch, cached.controllerEpoch);
      this.introduce(cached);
      this.ensureAll(cached, false);
    });
  }

  /** Nothing is opened by itself any more. */
  stop(): void {
    this.stopped = true;
    this.retry?.cancel();
    this.options.cache.stop();
  }

  /** Resolves when the copy of what was applied is on disk, or was given up. */
  saved(): Promise<void> {
    return this.options.cache.flush();
  }

  /** Throws STALE_CONTROLLER and WRONG_CLUSTER. */
  apply(state: DesiredState): Promise<DesiredStateReply> {
    const applied = this.executor.run(() => this.applyNow(state));
    if (applied === undefined)
      throw zhumqError('OVERLOADED', 'too many desired states wait to be applied');
    return applied;
  }

  private async applyNow(state: DesiredState): Promise<DesiredStateReply> {
    const { store, cache, logger } = this.options;
    const known = this.current;
    // First: the epochs of another cluster say nothing about this one's.
    if (state.clusterId !== store.clusterId) {
      throw zhumqError(
        'WRONG_CLUSTER',
        `desired state of cluster ${state.clusterId} refused: this broker belongs to ${store.clusterId}`,
      );
    }
    this.checkController(state.controllerEpoch);
    const older =
      known !== undefined &&
      state.controllerEpoch === known.controllerEpoch &&
      state.version < known.version;
    if (!older) {
      this.introduce(state);
      this.ensureAll(state, true);
      const isSettled = await this.setAsideUnknown(state);
      this.current = state;
      // Who was deposed (rule 33), and what is gone for good, must be known in the next life; the rest is told again.
      const isUrgent =
        !isSettled ||
        state.tombstones.length > 0 ||
        known?.controllerEpoch !== state.controllerEpoch ||
        known.tombstones.length > 0;
      if (isUrgent) await cache.save(state);
      // Begun at once, but clients wait for a switch, and nothing that is said rests on it: the log knows its generation.
      else if (hasNewGenerations(state, known)) void cache.save(state);
      else cache.saveLater(state);
      this.forgetRetired(state);
      await this.settleUncleanStart();
      this.options.onApplied?.(state);
    }
    const deletedTopicIds: string[] = [];
    for (const tombstone of state.tombstones) {
      try {
        await this.deleteTopic(tombstone.topicId);
        deletedTopicIds.push(tombstone.topicId);
      } catch (error) {
        // The broker is stopping; the next life deletes it.
        if (isError(error, 'LOG_CLOSED')) return { deletedTopicIds };
        logger.error(
          { err: error, topic: tombstone.topic },
          'could not delete the data of a deleted topic; it will be tried again',
        );
      }
    }
    return { deletedTopicIds };
  }

  /** Every replica that may lack something says so on its disk now: later starts need not doubt them again (rule 16). */
  private async settleUncleanStart(): Promise<void> {
    const { store, registry } = this.options;
    if (store.cleanStart) return;
    const known = (log: ReplicaLog): boolean =>
      registry.findGroup(log.identity.topicId, log.identity.partition)?.log === log;
    if (!store.replicas().every(known)) return;
    await store.checkpoint();
    await store.settleUncleanStart();
  }

  /** Where brokers are and who holds which replica. */
  private introduce(state: DesiredState): void {
    const { transport } = this.options;
    transport.setPeers(
      state.brokers.map(({ endpoint }) => ({
        brokerId: endpoint.id,
        host: endpoint.host,
        port: endpoint.port,
      })),
    );
    transport.setReplicas(
      new Map(
        state.partitions.flatMap(({ info }) =>
          info.replicas.map(({ replicaId, broker }) => [replicaId, broker] as const),
        ),
      ),
    );
  }

  /** While a tombstone stands, its topic's replicas may still be named somewhere. */
  private forgetRetired({ partitions, tombstones }: DesiredState): void {
    if (tombstones.length > 0) return;
    const named = partitions.flatMap(({ info }) => info.replicas.map((one) => one.replicaId));
    this.options.store.forgetRetired(new Set(named));
  }

  /**
   * One partition that can not be opened does not keep the others from working. It is tried again by itself: the
   * zkserver, which was answered, says nothing more until something changes.
   */
  private ensureAll(state: DesiredState, isFresh: boolean): void {
    let failed = 0;
    // Before anything is opened: a call that comes in between is judged by what is known now.
    this.versions = new Map(
      state.partitions.map(({ topicId, info }) => [
        keyOf(topicId, info.partition),
        info.version ?? -1,
      ]),
    );
    this.inTransition = new Set(
      state.partitions
        .filter(({ info }) => info.transition !== undefined)
        .map(({ topicId, info }) => keyOf(topicId, info.partition)),
    );
    for (const assignment of state.partitions) {
      if (!this.ensureOrLog(assignment, isFresh)) failed++;
    }
    if (failed === 0 || this.stopped) return;
    this.retry?.cancel();
    this.retry = this.options.clock.after(
      RETRY_MS,
      () => void this.executor.run(() => this.again(isFresh)),
    );
  }

  /** What is remembered from an earlier life does not become fresh by being tried again (rule 13). */
  private again(isFresh: boolean): void {
    if (this.current !== undefined && !this.stopped) this.ensureAll(this.current, isFresh);
  }

  /** False when another try may help. */
  private ensureOrLog(assignment: PartitionAssignment, isFresh: boolean): boolean {
    try {
      this.ensure(assignment, isFresh);
      return true;
    } catch (error) {
      const { topic, info } = assignment;
      this.options.logger.error(
        { err: error, topic, partition: info.partition },
        'partition could not be opened',
      );
      // Taken out of service before: for good.
      return isError(error, 'REPLICA_FAILED');
    }
  }

  private ensure(assignment: PartitionAssignment, isFresh: boolean): void {
    const { registry, opener } = this.options;
    const replica = this.localReplica(assignment);
    if (replica === undefined) return;
    const open = registry.findGroup(assignment.topicId, assignment.info.partition);
    if (open !== undefined && open.log.identity.replicaId === replica.replicaId) {
      if (assignment.info.generation < open.name.generation) return;
      if (assignment.info.generation === open.name.generation) {
        opener.update(open, assignment, isFresh);
        if (recordIsStale(this.options.brokerId, open, assignment))
          this.options.onStaleRecord(open);
        return;
      }
    }
    // In one turn: whoever asks finds the one or the other. One that can not be opened leaves the closed one in its
    // place until the next try: clients are told to come again, not that there is no such partition.
    open?.close();
    const partition = opener.open(assignment, replica, isFresh);
    if (partition !== undefined) registry.add(partition);
    else if (open !== undefined) registry.remove(open);
  }

  private localReplica(assignment: PartitionAssignment) {
    return assignment.info.replicas.find((replica) => replica.broker === this.options.brokerId);
  }

  private close(partition: Partition): void {
    partition.close();
    this.options.registry.remove(partition);
  }

  /** Replicas on the disk that the cluster does not name: moved aside for a person to look at. True when there were none. */
  private async setAsideUnknown(state: DesiredState): Promise<boolean> {
    const { store, registry, logger } = this.options;
    const named = new Set<string>();
    for (const { info } of state.partitions)
      for (const replica of info.replicas) named.add(replica.replicaId);
    const doomed = new Set(state.tombstones.map((tombstone) => tombstone.topicId));
    let isSettled = true;
    for (const log of store.replicas()) {
      const { replicaId, topic, topicId, partition } = log.identity;
      if (named.has(replicaId) || doomed.has(topicId)) continue;
      isSettled = false;
      const open = registry.findGroup(topicId, partition);
      if (open !== undefined && open.log === log) this.close(open);
      logger.warn(
        { topic, partition, replicaId },
        'replica is not named by the cluster: moved to quarantine',
      );
      await store.quarantine(replicaId, 'not named by the cluster metadata');
    }
    return isSettled;
  }

  private async deleteTopic(topicId: string): Promise<void> {
    const { store, registry } = this.options;
    for (const log of store.replicas()) {
      if (log.identity.topicId !== topicId) continue;
      const open = registry.findGroup(topicId, log.identity.partition);
      if (open !== undefined) this.close(open);
      await store.deleteReplica(log.identity.replicaId);
    }
  }
}

/** Desired states that may wait for an earlier one to be applied. */
const MAX_WAITING = 16;
/** Until partitions that could not be opened are tried again. */
const RETRY_MS = 5_000;

function keyOf(topicId: string, partition: number): string {
  return `${topicId}/${partition}`;
}

/** A broker that starts with partitions of a generation that is over can open none of them. */
function hasNewGenerations({ partitions }: DesiredState, before: DesiredState): boolean {
  const generations = new Map(
    before.partitions.map(({ topicId, info }) => [keyOf(topicId, info.partition), info.generation]),
  );
  return partitions.some(({ topicId, info }) => {
    const generation = generations.get(keyOf(topicId, info.partition));
    return generation !== undefined && generation !== info.generation;
  });
}

/** Whether the zkserver should hear (again) of what is led here; what is recorded says otherwise. */
function recordIsStale(
  brokerId: number,
  { leads, replicator }: Partition,
  { info }: PartitionAssignment,
): boolean {
  if (!leads || !replicator.established) return false;
  // Nobody wants the seal any more, and nothing but another generation takes it away (rule 17).
  if (replicator.sealedBy !== undefined && info.transition === undefined) return true;
  return replicator.mode === 'raft' && (info.leader !== brokerId || info.epoch < replicator.epoch);
}
