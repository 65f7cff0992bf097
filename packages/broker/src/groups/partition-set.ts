// Sets of partitions: `<topic id>/<number>` each, so that they are members of sets and keys of maps. A topic that was
// deleted and created again has another identity and so other partitions.
import type { TopicPartitions } from '@zhumq/model';

/** `<topic id>/<number>` */
export type PartitionKey = string;

export type PartitionSet = ReadonlySet<PartitionKey>;

export const NO_PARTITIONS: PartitionSet = new Set();

export function partitionKey(topicId: string, partition: number): PartitionKey {
  return `${topicId}/${partition}`;
}

export function parsePartitionKey(key: PartitionKey): { topicId: string; partition: number } {
  const border = key.lastIndexOf('/');
  return { topicId: key.slice(0, border), partition: Number(key.slice(border + 1)) };
}

/** In order, so that equal sets have equal bytes. */
export function toTopicPartitions(set: PartitionSet): readonly TopicPartitions[] {
  const byTopic = new Map<string, number[]>();
  for (const key of set) {
    const { topicId, partition } = parsePartitionKey(key);
    const partitions = byTopic.get(topicId);
    if (partitions === undefined) byTopic.set(topicId, [partition]);
    else partitions.push(partition);
  }
  return [...byTopic]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([topicId, partitions]) => ({ topicId, partitions: partitions.sort((a, b) => a - b) }));
}

export function fromTopicPartitions(list: readonly TopicPartitions[]): PartitionSet {
  if (list.length === 0) return NO_PARTITIONS;
  const set = new Set<PartitionKey>();
  for (const { topicId, partitions } of list) {
    for (const partition of partitions) set.add(partitionKey(topicId, partition));
  }
  return set;
}

export function isSameSet(one: PartitionSet, other: PartitionSet): boolean {
  if (one.size !== other.size) return false;
  for (const key of one) if (!other.has(key)) return false;
  return true;
}
