// lag(): how much is between the positions of a consumer and the ends of its partitions, in messages and in time.
import type { PartitionBacklog } from '@zhumq/rpc';
import type { Lag, PartitionLag } from '../api/consumer.js';
import type { AskLimits } from '../cluster/ask-leaders.js';
import { listBacklogs } from '../cluster/backlogs.js';
import type { Cluster } from '../cluster/cluster.js';
import type { Assignment } from './assignment.js';
import type { PartitionReader } from './partition-reader.js';

/** Of those that know where they are. Topics are named where there are several. */
export async function lagOf(
  cluster: Cluster,
  topics: readonly string[],
  { group }: Assignment,
  readers: readonly PartitionReader[],
  limits: AskLimits<PartitionBacklog>,
): Promise<Lag> {
  const ofTopic = async (topic: string): Promise<PartitionLag[]> => {
    const started = readers.filter((reader) => reader.topic === topic && reader.started);
    const queries = started.map((reader) => {
      const { partition, offset } = reader.position();
      return { partition, offset };
    });
    const backlogs = await listBacklogs(cluster, topic, queries, limits);
    return started.map((reader) => {
      const { partition } = reader;
      const { messages = 0, seconds = 0 } = backlogs.get(partition) ?? {};
      const committed = group?.committed(reader);
      return {
        ...(topics.length > 1 ? { topic } : {}),
        ...{ partition, messages, seconds },
        ...(committed === undefined ? {} : { committed }),
      };
    });
  };
  const partitions = (await Promise.all(topics.map(ofTopic))).flat();
  return {
    messages: partitions.reduce((sum, { messages }) => sum + messages, 0),
    seconds: partitions.reduce((most, { seconds }) => Math.max(most, seconds), 0),
    partitions,
  };
}
