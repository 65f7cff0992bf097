// Calls to the coordinator of one group, for administration: found, asked, and asked again while that can help.
import { isError } from '@zhumq/model';
import type { GroupDescription } from '@zhumq/rpc';
import type { CallOptions } from '../api/client.js';
import type { DeleteGroup, GroupDetails, GroupState } from '../api/groups.js';
import type { Cluster } from '../cluster/cluster.js';
import { GroupCoordinator } from '../group/group-coordinator.js';
import type { GroupCall } from '../group/group-coordinator.js';
import { withinSignal } from '../retry.js';
import type { RetryLimits } from '../retry.js';
import { limitsOf } from './controller-calls.js';

export function askCoordinator<T>(
  cluster: Cluster,
  group: string,
  limits: RetryLimits,
  call: GroupCall<T>,
): Promise<T> {
  const coordinator = new GroupCoordinator(cluster, group);
  return withinSignal(coordinator.persist(call, limits), limits.signal);
}

export async function describeGroup(
  cluster: Cluster,
  group: string,
  options: CallOptions,
): Promise<GroupDetails> {
  const limits = limitsOf(cluster, options, `group ${group} could not be described`);
  return groupDetails(await fetchDescription(cluster, group, limits));
}

export function fetchDescription(
  cluster: Cluster,
  group: string,
  limits: RetryLimits,
): Promise<GroupDescription> {
  return askCoordinator(cluster, group, limits, (client, timeoutMs) =>
    client.describeGroup(group, { timeoutMs, signal: limits.signal }),
  );
}

export async function deleteGroup(
  cluster: Cluster,
  { group, ifExists = false, dryRun = false }: DeleteGroup,
  options: CallOptions,
): Promise<{ readonly deleted: boolean }> {
  const limits = limitsOf(cluster, options, `group ${group} could not be deleted`);
  let earlierMayHaveWorked = false;
  try {
    await askCoordinator(cluster, group, limits, async (client, timeoutMs) => {
      try {
        await client.deleteGroup(group, dryRun, { timeoutMs, signal: limits.signal });
      } catch (error) {
        // An earlier attempt without an answer may be the reason why it is gone.
        if (isError(error, 'UNKNOWN_GROUP') && earlierMayHaveWorked) return;
        earlierMayHaveWorked = !dryRun;
        throw error;
      }
    });
    return { deleted: !dryRun };
  } catch (error) {
    if (ifExists && isError(error, 'UNKNOWN_GROUP')) return { deleted: false };
    throw error;
  }
}

function groupDetails({ state, ...description }: GroupDescription): GroupDetails {
  const { group, coordinator, members, positions } = description;
  return {
    ...{ group, coordinator, state: stateOf(state) },
    members: members.map((member) => ({ ...member })),
    positions: positions.map((one) => ({ ...one, lastEpoch: one.lastEpoch ?? -1 })),
  };
}

/** A word of a later version is shown as it is. */
export function stateOf(state: string): GroupState {
  return state as GroupState;
}
