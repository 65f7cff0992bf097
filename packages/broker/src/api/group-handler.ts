// Serves GroupService: what the wire says, to the coordinator and back.
import { failureOf } from '@zhumq/rpc';
import type { GroupHandler, GroupPosition } from '@zhumq/rpc';
import type { GroupCoordinator } from '../groups/coordinator.js';
import type { NamedPosition } from '../groups/positions.js';

export function groupHandler(brokerId: number, groups: GroupCoordinator): GroupHandler {
  return {
    findCoordinator: (group) => groups.find(group),
    heartbeat: ({ group, ...request }, { remoteAddress: host }) =>
      groups.heartbeat(group, { ...request, host, memberEpoch: request.memberEpoch ?? undefined }),
    commitPositions: async ({ group, ...request }) => {
      const results = await groups.commit(group, {
        ...request,
        positions: request.positions.map(namedPosition),
      });
      return results.map(({ topic, partition, error }) => ({
        ...{ topic, partition },
        failure: error === undefined ? undefined : failureOf(error),
      }));
    },
    positions: (group, partitions) => groups.positions(group, partitions),
    listGroups: () => groups.list(),
    describeGroup: async (group) => ({
      ...(await groups.describe(group)),
      coordinator: brokerId,
    }),
    deleteGroup: (group) => groups.delete(group),
    resetPositions: (group, positions) => groups.reset(group, positions.map(namedPosition)),
  };
}

function namedPosition({
  topic,
  partition,
  offset,
  lastEpoch,
  metadata,
}: GroupPosition): NamedPosition {
  return { topic, partition, offset, lastEpoch: lastEpoch ?? -1, metadata };
}
