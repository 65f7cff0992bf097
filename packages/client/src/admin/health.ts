// From what the cluster says of itself to what is wrong with it.
import type { BrokerInfo, PartitionInfo } from '@zhumq/rpc';
import { ReplicationMode } from '@zhumq/rpc';
import type { ClusterHealth } from '../api/admin.js';
import { leadingOf } from './leading.js';
import type { ReplicaStatuses } from './replica-statuses.js';

export interface ClusterState {
  readonly controller: number;
  readonly brokers: readonly BrokerInfo[];
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly PartitionInfo[];
  }[];
  /** What the replicas say of themselves: who leads is known only there. */
  readonly replicas: ReplicaStatuses;
}

/** Sentences of one kind, before they are counted instead. */
const SHOWN = 10;

export function healthOf(state: ClusterState): ClusterHealth {
  const { controller, brokers, topics, replicas } = state;
  const alive = new Set(brokers.filter((one) => one.alive).map(({ endpoint }) => endpoint.id));
  const dead = brokers.filter((one) => !one.alive);
  const silent = [...replicas.failures].filter(([id]) => alive.has(id));
  const leaderless: string[] = [];
  const behind: string[] = [];
  /** While no zkserver answers a broker knows only of those that it holds. */
  const unknown: string[] = [];
  let total = 0;
  for (const { name, partitions } of topics) {
    for (const partition of partitions) {
      total++;
      const place = `${name}-${partition.partition}`;
      if (partition.replicas.length === 0) {
        unknown.push(place);
        continue;
      }
      const copies = copiesOf(partition, alive);
      if (!isLed(partition, replicas)) leaderless.push(place);
      if (copies < partition.replicas.length)
        behind.push(`${place} (${copies} of ${partition.replicas.length})`);
    }
  }
  const problems = [
    ...(leaderless.length > 0 ? [`no leader: ${listed(leaderless)}`] : []),
    ...(controller < 0 ? ['no zkserver is active: topics can not be created or changed'] : []),
    ...(unknown.length > 0 ? [`no zkserver tells where they are: ${listed(unknown)}`] : []),
    ...dead.map(
      ({ endpoint: { id, host, port } }) => `broker ${id} (${host}:${port}) is not alive`,
    ),
    ...silent.map(([id, why]) => `broker ${id} is registered and does not answer: ${why}`),
    ...(behind.length > 0 ? [`fewer copies than there should be: ${listed(behind)}`] : []),
  ];
  return {
    ok: problems.length === 0,
    problems,
    brokers: { alive: alive.size, total: brokers.length },
    partitions: { total, withoutLeader: leaderless.length, underReplicated: behind.length },
  };
}

function isLed({ replicas }: PartitionInfo, { statuses }: ReplicaStatuses): boolean {
  const said = replicas.flatMap(({ replicaId }) => statuses.get(replicaId) ?? []);
  return leadingOf(said) !== undefined;
}

/** Copies that take part, as far as the cluster's records tell. */
function copiesOf({ replicas, isr, mode }: PartitionInfo, alive: ReadonlySet<number>): number {
  const living = replicas.filter(({ broker }) => alive.has(broker));
  if (mode === ReplicationMode.RAFT) return living.length;
  return living.filter(({ replicaId }) => isr.includes(replicaId)).length;
}

function listed(places: readonly string[]): string {
  const shown = places.slice(0, SHOWN).join(', ');
  return places.length > SHOWN ? `${shown} and ${places.length - SHOWN} more` : shown;
}
