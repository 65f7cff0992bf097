// Whether a cluster has come to rest: all replicas of all partitions know the same to be committed, and hold nothing else.
import type { ServerSlot } from '../simulated-cluster.js';

/** The first replica that differs, in a sentence; undefined when none does. */
export function unequalReplica(brokers: readonly ServerSlot[]): string | undefined {
  const ends = new Map<string, number>();
  for (const { broker, id } of brokers) {
    for (const partition of broker?.partitions ?? []) {
      const { topicId, topic, partition: number } = partition.name;
      const { highWatermark, log } = partition;
      const key = `${topicId} ${number}`;
      const end = ends.get(key) ?? highWatermark;
      if (end !== highWatermark || log.logEnd !== highWatermark) {
        const { role, epoch } = partition.replicator;
        return `${topic}-${number} on broker ${id} (${role}, epoch ${epoch}) ends at ${log.logEnd} and knows ${highWatermark} to be committed; another one knows ${end}`;
      }
      ends.set(key, end);
    }
  }
  return undefined;
}
