// All groups of the cluster, gathered from the brokers that coordinate them.
import { zhumqError } from '@zhumq/model';
import { groupClient } from '@zhumq/rpc';
import type { CallOptions } from '../api/client.js';
import type { GroupList, GroupListing } from '../api/groups.js';
import type { Cluster } from '../cluster/cluster.js';
import { asZhumqError } from '../errors.js';
import { retrying, withinSignal } from '../retry.js';
import { limitsOf } from './controller-calls.js';
import { stateOf } from './group-calls.js';

const GROUPS_TOPIC = '__groups';
const TIMEOUT = '5s';

export async function listGroups(cluster: Cluster, options: CallOptions): Promise<GroupList> {
  const limits = limitsOf(cluster, { timeout: TIMEOUT, ...options }, 'groups could not be listed');
  const { brokers, topics } = await withinSignal(
    retrying(() => cluster.fetchMetadata([GROUPS_TOPIC]), limits),
    options.signal,
  );
  const groups = new Map<string, GroupListing>();
  const problems: string[] = [];
  const leaders = new Set(
    topics.flatMap(({ partitions }) =>
      partitions.flatMap(({ partition, leader }) => {
        if (leader >= 0) return [leader];
        problems.push(`partition ${GROUPS_TOPIC}-${partition} has no leader`);
        return [];
      }),
    ),
  );
  await Promise.all(
    [...leaders].map(async (id) => {
      try {
        const endpoint = brokers.find((broker) => broker.endpoint.id === id)?.endpoint;
        if (endpoint === undefined) throw zhumqError('LEADER_NOT_AVAILABLE', 'it is not known');
        const timeoutMs = Math.max(1, limits.deadline.remainingMs());
        const client = groupClient(cluster.channel(endpoint));
        const listed = await client.listGroups({ timeoutMs, signal: options.signal });
        for (const { state, ...one } of listed) {
          groups.set(one.group, { ...one, state: stateOf(state), coordinator: id });
        }
      } catch (error) {
        problems.push(`broker ${id} did not list its groups: ${asZhumqError(error).message}`);
      }
    }),
  );
  const sorted = [...groups.values()].sort((a, b) => (a.group < b.group ? -1 : 1));
  return { groups: sorted, problems };
}
