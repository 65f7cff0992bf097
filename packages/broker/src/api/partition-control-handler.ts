// Serves what the active zkserver asks of single replicas for elections in mode fetch and for the switch between modes:
// how far they go, sealing, closing. Every call names what it is based on, and a broker that knows better refuses: a
// delayed order of a saga that was given up must not come true (rule 17).
import type { Clock } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { failureOf } from '@zhumq/rpc';
import type { PartitionRef, ReplicaEnd, SealResult } from '@zhumq/rpc';
import type { Assignments } from '../membership/assignments.js';
import type { Partition } from '../partition/partition.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import { ITEMS_PER_TURN, nextTurn } from './turns.js';

export interface PartitionControlOptions {
  readonly brokerId: number;
  readonly incarnation: number;
  readonly registry: PartitionRegistry;
  readonly assignments: Pick<Assignments, 'checkController' | 'versionOf'>;
  readonly clock: Clock;
}

export class PartitionControlHandler {
  constructor(private readonly options: PartitionControlOptions) {}

  /** One answer for each, in the request's order; those that can not answer say why. */
  async replicaEnds(refs: readonly PartitionRef[]): Promise<ReplicaEnd[]> {
    if (refs.length > MAX_REFS) {
      throw zhumqError(
        'INVALID_REQUEST',
        `replicaEnds names at most ${MAX_REFS} partitions, not ${refs.length}`,
      );
    }
    const ends = new Array<ReplicaEnd>(refs.length);
    const queue = refs.entries();
    const work = async (): Promise<void> => {
      for (const [index, ref] of queue) {
        ends[index] = await this.endOrFailure(ref);
        // Who is not here is refused without waiting for anything.
        if (index % (ITEMS_PER_TURN / CONCURRENT_ENDS) === 0) await nextTurn();
      }
    };
    // Ends of one disk: a few at once keep it busy, more would only crowd out what producers wait for.
    await Promise.all(Array.from({ length: CONCURRENT_ENDS }, work));
    return ends;
  }

  async sealPartition(
    ref: PartitionRef,
    transitionId: string,
    timeoutMs: number,
  ): Promise<SealResult> {
    if (transitionId === '' || transitionId.length > MAX_ID_LENGTH) {
      throw zhumqError(
        'INVALID_REQUEST',
        `the id of a switch has 1 to ${MAX_ID_LENGTH} characters, not ${transitionId.length}`,
      );
    }
    const partition = this.find(ref);
    partition.checkLeads();
    const waitMs = Math.min(Math.max(timeoutMs, 1), MAX_WAIT_MS);
    const deadlineMs = this.options.clock.monotonicMs() + waitMs;
    const { epoch, endOffset, replicas } = await partition.replicator.seal(
      transitionId,
      deadlineMs,
    );
    return { seal: { epoch, offset: endOffset }, replicas: [...replicas] };
  }

  async closePartition(ref: PartitionRef): Promise<ReplicaEnd> {
    const partition = this.find(ref);
    const { replicator, name } = partition;
    if (replicator.close === undefined) {
      throw zhumqError(
        'INVALID_REQUEST',
        `partition ${name.topic}-${name.partition} is in mode ${replicator.mode}: only replicas in mode raft are closed`,
        { topic: name.topic, partition: name.partition },
      );
    }
    const { term, lastEpoch, logEnd, tainted } = await replicator.close();
    return {
      ...this.about(partition),
      epoch: term,
      logEnd: { epoch: lastEpoch, offset: logEnd },
      tainted,
    };
  }

  private async endOrFailure(ref: PartitionRef): Promise<ReplicaEnd> {
    try {
      return await this.end(ref);
    } catch (error) {
      const { topicId, partition } = ref;
      const { brokerId, incarnation } = this.options;
      const nothing = { epoch: -1, logEnd: { epoch: -1, offset: -1 }, tainted: true };
      const who = { topicId, partition, replicaId: '', broker: brokerId, incarnation };
      return { ...who, ...nothing, failure: failureOf(error) };
    }
  }

  private async end(ref: PartitionRef): Promise<ReplicaEnd> {
    const partition = this.find(ref);
    const { log, replicator } = partition;
    await log.sync();
    // A leader appends meanwhile: only what is on disk counts (rule 12).
    const offset = log.syncedEnd;
    const logEnd = { epoch: log.epochAt(offset - 1) ?? 0, offset };
    const epoch = Math.max(replicator.epoch, log.hardState?.term ?? 0, log.lastEpoch);
    return { ...this.about(partition), epoch, logEnd, tainted: log.hardState?.tainted ?? false };
  }

  /** Throws STALE_CONTROLLER, UNKNOWN_PARTITION, STALE_GENERATION, STALE_EPOCH, REPLICA_FAILED, STOPPING. */
  private find({
    topicId,
    partition: number,
    generation,
    controllerEpoch,
    version,
  }: PartitionRef): Partition {
    const { registry, assignments } = this.options;
    const partition = registry.findGroup(topicId, number);
    if (partition === undefined) {
      throw zhumqError(
        'UNKNOWN_PARTITION',
        `this broker holds no replica of partition ${number} of topic ${topicId}`,
        { topicId, partition: number },
      );
    }
    // Only who names a topic of this cluster speaks for one of its zkservers.
    assignments.checkController(controllerEpoch);
    const { topic } = partition.name;
    const about = { topic, partition: number };
    if (partition.name.generation !== generation) {
      throw zhumqError(
        'STALE_GENERATION',
        `partition ${topic}-${number} is in generation ${partition.name.generation} here, not ${generation}`,
        { ...about, generation: partition.name.generation },
      );
    }
    const known = assignments.versionOf(topicId, number);
    if (known > version) {
      throw zhumqError(
        'STALE_EPOCH',
        `partition ${topic}-${number} has version ${known}; the call is based on version ${version}`,
        { ...about, version: known },
      );
    }
    partition.checkServes();
    return partition;
  }

  private about({ name, log }: Partition) {
    const { brokerId: broker, incarnation } = this.options;
    const { topicId, partition } = name;
    return { topicId, partition, replicaId: log.identity.replicaId, broker, incarnation };
  }
}

/** Of one replicaEnds; the zkserver asks for fewer. */
const MAX_REFS = 10_000;
const CONCURRENT_ENDS = 8;
const MAX_ID_LENGTH = 100;
const MAX_WAIT_MS = 60_000;
