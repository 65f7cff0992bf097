// Logs each partition that nobody may lead, once, and when it is led again.
import type { Logger } from '@zhumq/base';
import type { ErrorCode } from '@zhumq/model';
import type { ClusterView } from '../view/cluster-view.js';
import { fetchPartitionFinder, hasLiveLeader, nameOf } from './fetch-partitions.js';
import type { FetchPartition } from './fetch-partitions.js';
import type { PartitionKey } from './events.js';

export class OfflinePartitions {
  private readonly reported = new Map<string, PartitionKey & { readonly reason: string }>();

  constructor(private readonly logger: Logger) {}

  add(partition: FetchPartition, code: ErrorCode, reason: string): void {
    const name = nameOf(partition);
    if (this.reported.get(name)?.reason === reason) return;
    const { topicId } = partition.topic.record;
    this.reported.set(name, { topicId, partition: partition.partition, reason });
    this.logger.error(
      { topic: partition.topic.name, partition: partition.partition, code, reason },
      'the partition is offline: it has no leader',
    );
  }

  /** Forgets what is led again, was switched or deleted. */
  follow(view: ClusterView): void {
    if (this.reported.size === 0) return;
    const find = fetchPartitionFinder(view);
    for (const [name, key] of this.reported) {
      const partition = find(key);
      if (partition !== undefined && !hasLiveLeader(view, partition.record)) continue;
      this.reported.delete(name);
      if (partition === undefined) continue;
      const context = { topic: partition.topic.name, partition: partition.partition };
      this.logger.info(context, 'the partition has a leader again');
    }
  }
}
