// For tests: what administrators ask a coordinator of groups, answered from the fake one, which knows one group.
import { zhumqError } from '@zhumq/model';
import { failureOf } from '@zhumq/rpc';
import type {
  GroupDescription,
  GroupHandler,
  GroupList,
  GroupPosition,
  GroupPositionReset,
  MemberEpoch,
} from '@zhumq/rpc';

export interface FakeGroup {
  readonly members: ReadonlyMap<
    string,
    { readonly memberId: string; readonly epoch: MemberEpoch; readonly target: Set<string> }
  >;
  /** By `<topic>-<partition>`. */
  readonly positions: Map<string, GroupPosition>;
  ownedBy(memberId: string): string[];
}

type AdminHandler = Pick<
  GroupHandler,
  'listGroups' | 'describeGroup' | 'deleteGroup' | 'resetPositions'
>;

export interface FakeGroupAdminPort {
  readonly group: FakeGroup;
  /** Partitions of `__groups` that this broker serves at present. */
  readonly serves: () => number[];
  readonly broker: number;
  /** Throws at a broker that does not coordinate. */
  readonly check: () => void;
  readonly partitionsOf: (topic: string) => number;
}

const NAME = 'g';

export function fakeGroupAdmin(port: FakeGroupAdminPort): AdminHandler {
  const { group, check } = port;
  return {
    listGroups: () => list(port),
    describeGroup: (name) => {
      check();
      if (name !== NAME || isGone(group)) throw unknownGroup(name);
      return description(port);
    },
    deleteGroup: (name, dryRun) => {
      check();
      if (name !== NAME || isGone(group)) throw unknownGroup(name);
      checkStopped(group);
      if (!dryRun) group.positions.clear();
    },
    resetPositions: (_name, positions, dryRun) => {
      check();
      checkStopped(group);
      return positions.map((position) => resetOne(port, position, dryRun));
    },
  };
}

function list({ group, serves }: FakeGroupAdminPort): GroupList {
  const partitions = serves();
  const topics = [...new Set([...group.positions.values()].map(({ topic }) => topic))].sort();
  const summary = { group: NAME, state: 'empty', members: group.members.size, topics };
  return { groups: partitions.includes(0) && !isGone(group) ? [summary] : [], partitions };
}

function description({ group, broker }: FakeGroupAdminPort): GroupDescription {
  const members = [...group.members.values()].map(({ memberId, epoch, target }) => ({
    ...{ memberId, memberEpoch: epoch, instanceId: '', clientId: 'test', host: 'here' },
    ...{ topics: ['t'], owned: group.ownedBy(memberId).map(named), target: [...target].map(named) },
  }));
  const state = members.length === 0 ? 'empty' : 'stable';
  return {
    group: NAME,
    state,
    coordinator: broker,
    members,
    positions: [...group.positions.values()],
  };
}

function resetOne(
  { group, partitionsOf }: FakeGroupAdminPort,
  position: GroupPosition,
  dryRun: boolean,
): GroupPositionReset {
  const { topic, partition, offset } = position;
  const name = `${topic}-${partition}`;
  const fromOffset = group.positions.get(name)?.offset ?? -1;
  const about = { topic, partition, fromOffset, toOffset: offset };
  if (partition >= partitionsOf(topic)) {
    return { ...about, failure: failureOf(zhumqError('UNKNOWN_PARTITION', `no ${name}`)) };
  }
  if (dryRun) return about;
  if (offset === -1) group.positions.delete(name);
  else group.positions.set(name, position);
  return about;
}

function named(name: string): { topic: string; partition: number } {
  const at = name.lastIndexOf('-');
  return { topic: name.slice(0, at), partition: Number(name.slice(at + 1)) };
}

function isGone({ members, positions }: FakeGroup): boolean {
  return members.size === 0 && positions.size === 0;
}

function unknownGroup(name: string): Error {
  return zhumqError('UNKNOWN_GROUP', `group "${name}" does not exist`);
}

function checkStopped({ members }: FakeGroup): void {
  if (members.size > 0) throw zhumqError('GROUP_NOT_EMPTY', `there are ${members.size} members`);
}
