// Partitions in mode fetch as elections see them: who could serve, and who leads that is alive.
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import { minInsyncReplicasOf, parseTopicConfig, partitionRecordCodec } from '@zhumq/model';
import type { PartitionRecord, Replica, TopicConfig, TopicRecord } from '@zhumq/model';
import type { PartitionKey } from './events.js';
import { topicById, topicsOf, versionedPartitionsOf } from '../view/cluster-view.js';
import type { ClusterView, Topic, Versioned } from '../view/cluster-view.js';

/** A partition in mode fetch with the version of its node. */
export interface FetchPartition {
  readonly topic: Topic;
  readonly partition: number;
  readonly record: PartitionRecord;
  readonly version: number;
}

export function fetchPartitionsOf(view: ClusterView): readonly FetchPartition[] {
  return topicsOf(view).flatMap((topic) =>
    versionedPartitionsOf(topic).flatMap(([partition, node]) => fetching(topic, partition, node)),
  );
}

/** Finds partitions by topic id; undefined for one that is gone, or not in mode fetch. */
export function fetchPartitionFinder(
  view: ClusterView,
): (key: PartitionKey) => FetchPartition | undefined {
  return ({ topicId, partition }) => {
    const topic = topicById(view, topicId);
    const node = topic?.partitions.get(partition);
    return topic && node && fetching(topic, partition, node).at(0);
  };
}

function fetching(
  topic: Topic,
  partition: number,
  { value: record, version }: Versioned<PartitionRecord>,
): readonly FetchPartition[] {
  return record.mode === 'fetch' ? [{ topic, partition, record, version }] : [];
}

/** Its broker is alive, with the data directory for which the replica was made (rule 6). */
export function isAvailable(view: ClusterView, { broker, directoryId }: Replica): boolean {
  return view.liveBrokers.get(broker)?.directoryId === directoryId;
}

/** The broker that leads lives the same life: an epoch belongs to one incarnation (rule 3). */
export function hasLiveLeader(view: ClusterView, { leader }: PartitionRecord): boolean {
  return (
    leader !== undefined && view.liveBrokers.get(leader.broker)?.incarnation === leader.incarnation
  );
}

export function leaderlessPartitions(view: ClusterView): readonly FetchPartition[] {
  return fetchPartitionsOf(view).filter(({ record }) => !hasLiveLeader(view, record));
}

/** For logs and messages. */
export function nameOf({ topic, partition }: FetchPartition): string {
  return `${topic.name}-${partition}`;
}

/** The replicas that may lead without a loss, as far as they are what they acknowledged. */
export function electableMembers({ replicas, isr, elr }: PartitionRecord): readonly Replica[] {
  return replicas.filter(({ replicaId }) => isr.includes(replicaId) || elr.includes(replicaId));
}

export function minInsyncOf({ topic, record }: FetchPartition): number {
  return minInsyncReplicasOf(configOf(topic), record.replicas.length);
}

/** Parsed once for all partitions: a record of a view never changes. */
export function configOf({ record }: Topic): TopicConfig {
  const known = configs.get(record);
  if (known !== undefined) return known;
  const config = parseTopicConfig(record.config);
  configs.set(record, config);
  return config;
}

const configs = new WeakMap<TopicRecord, TopicConfig>();

/**
 * The record with another ISR, in the order of the replicas. While fewer are in sync than min.insync.replicas, the high
 * watermark stands still, so whoever left has all that was committed and stays eligible to lead (ELR, rule 11). With
 * enough of them in sync it moves on, and nobody outside is any more [KIP-966].
 */
export function withIsr(
  record: PartitionRecord,
  isr: readonly string[],
  minInsync: number,
): PartitionRecord {
  const eligible = new Set([...record.isr, ...record.elr].filter((id) => !isr.includes(id)));
  const ids = record.replicas.map(({ replicaId }) => replicaId);
  return {
    ...record,
    isr: ids.filter((id) => isr.includes(id)),
    elr: isr.length < minInsync ? ids.filter((id) => eligible.has(id)) : [],
  };
}

export function writeRecord(
  { topic, partition, version }: FetchPartition,
  record: PartitionRecord,
): StoreOperation {
  const path = paths.partition(topic.name, partition);
  return { kind: 'set', path, data: partitionRecordCodec.encode(record), version };
}
