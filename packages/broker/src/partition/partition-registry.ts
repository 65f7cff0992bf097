// The partitions that live on this broker, by name (clients) and by group (peers).
import { zhumqError } from '@zhumq/model';
import type { Partition } from './partition.js';

export class PartitionRegistry {
  private readonly byName = new Map<string, Map<number, Partition>>();
  private readonly byTopicId = new Map<string, Map<number, Partition>>();

  /** Those that need ticks; the ticker takes out what sleeps. */
  readonly awake = new Set<Partition>();

  private readonly watchers = new Set<(partition: Partition) => void>();

  get size(): number {
    let count = 0;
    for (const partitions of this.byTopicId.values()) count += partitions.size;
    return count;
  }

  add(partition: Partition): void {
    const { topic, topicId, partition: number } = partition.name;
    const former = this.findGroup(topicId, number);
    if (former !== undefined) this.awake.delete(former);
    put(this.byName, topic, number, partition);
    put(this.byTopicId, topicId, number, partition);
    this.awake.add(partition);
    for (const watcher of this.watchers) watcher(partition);
  }

  /** Calls with each partition that is here and each that is added. Returns what ends it. */
  watch(onAdded: (partition: Partition) => void): () => void {
    this.watchers.add(onAdded);
    for (const partition of this.all()) onAdded(partition);
    return () => void this.watchers.delete(onAdded);
  }

  remove(partition: Partition): void {
    const { topic, topicId, partition: number } = partition.name;
    take(this.byTopicId, topicId, number);
    this.awake.delete(partition);
    if (this.byName.get(topic)?.get(number) === partition) take(this.byName, topic, number);
  }

  /** Undefined when this broker holds no replica of it. */
  find(topic: string, partition: number): Partition | undefined {
    return this.byName.get(topic)?.get(partition);
  }

  /** Throws UNKNOWN_PARTITION; with a topic id also when the name means another topic. */
  get(topic: string, partition: number, topicId?: string): Partition {
    const found = this.find(topic, partition);
    if (found === undefined) {
      throw zhumqError(
        'UNKNOWN_PARTITION',
        `this broker holds no replica of partition ${topic}-${partition}`,
        { topic, partition },
      );
    }
    if (topicId !== undefined && topicId !== found.name.topicId) {
      throw zhumqError(
        'UNKNOWN_PARTITION',
        `this broker holds no replica of partition ${topic}-${partition} of the topic ${topicId}, but of another topic of that name: refresh metadata`,
        { topic, partition },
      );
    }
    return found;
  }

  findGroup(topicId: string, partition: number): Partition | undefined {
    return this.byTopicId.get(topicId)?.get(partition);
  }

  /** It needs ticks again; nothing for one that is not here (any more). */
  awaken(partition: Partition): void {
    const { topicId, partition: number } = partition.name;
    if (this.findGroup(topicId, number) === partition) this.awake.add(partition);
  }

  *all(): Iterable<Partition> {
    for (const partitions of this.byTopicId.values()) yield* partitions.values();
  }
}

type Index = Map<string, Map<number, Partition>>;

function put(index: Index, key: string, number: number, partition: Partition): void {
  let partitions = index.get(key);
  if (partitions === undefined) index.set(key, (partitions = new Map<number, Partition>()));
  partitions.set(number, partition);
}

function take(index: Index, key: string, number: number): void {
  const partitions = index.get(key);
  partitions?.delete(number);
  if (partitions?.size === 0) index.delete(key);
}
