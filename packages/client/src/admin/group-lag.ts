// How far a group is behind: its positions from the coordinator, the ends of the logs from the leaders.
import type { CallOptions } from '../api/client.js';
import type { GroupLag, GroupPartitionLag } from '../api/groups.js';
import type { Cluster } from '../cluster/cluster.js';
import { EARLIEST, LATEST, listOffsets } from '../cluster/list-offsets.js';
import type { RetryLimits } from '../retry.js';
import { limitsOf } from './controller-calls.js';
import { fetchDescription } from './group-calls.js';

export async function groupLag(
  cluster: Cluster,
  group: string,
  options: CallOptions,
): Promise<GroupLag> {
  const limits = limitsOf(cluster, options, `the lag of group ${group} could not be read`);
  const { members, positions } = await fetchDescription(cluster, group, limits);
  const read = new Set([
    ...positions.map(({ topic }) => topic),
    ...members.flatMap(({ topics }) => topics),
  ]);
  const { topics } = await cluster.fetchMetadata([...read]);
  const partitions: GroupPartitionLag[] = [];
  for (const { name, partitions: all } of topics.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const isRead = members.some((member) => member.topics.includes(name));
    const committed = new Map(
      positions.filter(({ topic }) => topic === name).map((one) => [one.partition, one.offset]),
    );
    const wanted = all
      .map(({ partition }) => partition)
      .filter((partition) => isRead || committed.has(partition));
    const [starts, ends] = await Promise.all([
      offsets(cluster, name, wanted, EARLIEST, limits),
      offsets(cluster, name, wanted, LATEST, limits),
    ]);
    for (const partition of wanted) {
      const position = committed.get(partition) ?? -1;
      const logStart = starts.get(partition) ?? -1;
      const highWatermark = ends.get(partition) ?? -1;
      const messages = Math.max(0, highWatermark - Math.max(position, logStart));
      const owner = members.find(({ owned }) =>
        owned.some((one) => one.topic === name && one.partition === partition),
      );
      partitions.push({
        ...{ topic: name, partition, committed: position, logStart, highWatermark, messages },
        ...{ seconds: messages === 0 ? 0 : -1, member: owner?.memberId ?? '', problem: '' },
      });
    }
  }
  return {
    group,
    messages: partitions.reduce((sum, { messages }) => sum + Math.max(0, messages), 0),
    seconds: partitions.reduce((most, { seconds }) => Math.max(most, seconds), 0),
    partitions,
  };
}

async function offsets(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  timestamp: number,
  limits: RetryLimits,
): Promise<Map<number, number>> {
  await cluster.loadTopic(topic, limits.deadline, limits.signal);
  const queries = partitions.map((partition) => ({ partition, timestamp }));
  const found = await listOffsets(cluster, topic, queries, limits);
  return new Map([...found].map(([partition, { offset }]) => [partition, offset]));
}
