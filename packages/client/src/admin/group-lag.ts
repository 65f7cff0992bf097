// How far a group is behind: its positions from the coordinator, what is unread from there on the leaders.
import { ZhumqError } from '@zhumq/base';
import type { GroupDescription, GroupMember, TopicInfo } from '@zhumq/rpc';
import type { CallOptions } from '../api/client.js';
import type { GroupLag, GroupPartitionLag } from '../api/groups.js';
import { listKnownBacklogs } from '../cluster/backlogs.js';
import type { Backlog, BacklogQuery } from '../cluster/backlogs.js';
import type { Cluster } from '../cluster/cluster.js';
import { retrying } from '../retry.js';
import type { RetryLimits } from '../retry.js';
import { limitsOf } from './controller-calls.js';
import { fetchDescription } from './group-calls.js';

/** A partition that nobody answers for by then is told of as such: the others are worth knowing meanwhile. */
const LEADER_WAIT_MS = 3_000;

export async function groupLag(
  cluster: Cluster,
  group: string,
  options: CallOptions,
): Promise<GroupLag> {
  const limits = limitsOf(cluster, options, `the lag of group ${group} could not be read`);
  const description = await fetchDescription(cluster, group, limits);
  const names = new Set([
    ...description.positions.map(({ topic }) => topic),
    ...description.members.flatMap(({ topics }) => topics),
  ]);
  // Topics that do not exist (any more) have no lag.
  const topics = await retrying(() => readTopics(cluster, [...names]), limits);
  const ofTopics = await Promise.all(
    topics.map((topic) => lagOfTopic(cluster, topic, description, limits)),
  );
  const partitions = ofTopics.flat();
  return {
    group,
    messages: partitions.reduce((sum, { messages }) => sum + Math.max(0, messages), 0),
    seconds: partitions.reduce((most, { seconds }) => Math.max(most, seconds), 0),
    partitions,
  };
}

async function readTopics(cluster: Cluster, names: string[]): Promise<readonly TopicInfo[]> {
  if (names.length === 0) return [];
  const { topics } = await cluster.fetchMetadata(names);
  return topics.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

async function lagOfTopic(
  cluster: Cluster,
  { name: topic, partitions }: TopicInfo,
  { members, positions }: GroupDescription,
  limits: RetryLimits,
): Promise<GroupPartitionLag[]> {
  await cluster.loadTopic(topic, limits.deadline, limits.signal);
  const isRead = members.some((member) => member.topics.includes(topic));
  const committed = new Map(
    positions.filter((one) => one.topic === topic).map((one) => [one.partition, one.offset]),
  );
  const owners = ownersOf(topic, members);
  const queries = partitions
    .map(({ partition }) => ({ partition, offset: committed.get(partition) ?? -1 }))
    .filter(({ partition, offset }) => isRead || offset >= 0 || owners.has(partition));
  const deadline = limits.deadline.within(LEADER_WAIT_MS);
  const backlogs = await listKnownBacklogs(cluster, topic, queries, { ...limits, deadline });
  return queries.map((query) => ({
    topic,
    ...lagFrom(query, backlogs.get(query.partition)),
    member: owners.get(query.partition) ?? '',
  }));
}

function lagFrom(
  { partition, offset: committed }: BacklogQuery,
  backlog: Backlog | ZhumqError | undefined,
): Omit<GroupPartitionLag, 'topic' | 'member'> {
  if (backlog !== undefined && !ZhumqError.is(backlog)) {
    return { partition, committed, ...backlog, problem: '' };
  }
  const problem = backlog?.message ?? 'its leader was not asked in time';
  const unknown = { logStart: -1, highWatermark: -1, messages: -1, seconds: -1 };
  return { partition, committed, ...unknown, problem };
}

function ownersOf(topic: string, members: readonly GroupMember[]): Map<number, string> {
  return new Map(
    members.flatMap(({ memberId, owned }) =>
      owned
        .filter((one) => one.topic === topic)
        .map(({ partition }): [number, string] => [partition, memberId]),
    ),
  );
}
