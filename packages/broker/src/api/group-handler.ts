// Serves GroupService: what the wire says, to the coordinator and back.
import { failureOf } from '@zhumq/rpc';
import type { GroupHandler, GroupPosition, MemberEpoch } from '@zhumq/rpc';
import type { GroupCoordinator } from '../groups/coordinator.js';
import type { NamedPosition, PositionReader } from '../groups/positions.js';

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
    positions: ({ group, partitions, memberId, memberEpoch }) =>
      groups.positions(group, partitions, readerOf(memberId, memberEpoch ?? undefined)),
    listGroups: () => groups.list(),
    describeGroup: async (group) => ({
      ...(await groups.describe(group)),
      coordinator: brokerId,
    }),
    deleteGroup: (group, dryRun) => groups.delete(group, dryRun),
    resetPositions: async (group, positions, dryRun) => {
      const steps = await groups.reset(group, positions.map(namedPosition), dryRun);
      return steps.map(({ topic, partition, from, to, error }) => ({
        ...{ topic, partition, fromOffset: from, toOffset: to },
        failure: error === undefined ? undefined : failureOf(error),
      }));
    },
  };
}

/** Undefined for somebody who only wants to know. */
function readerOf(
  memberId: string,
  memberEpoch: MemberEpoch | undefined,
): PositionReader | undefined {
  if (memberId === '') return undefined;
  return { memberId, memberEpoch: memberEpoch ?? { term: 0, counter: 0 } };
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
