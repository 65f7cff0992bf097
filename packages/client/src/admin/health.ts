// From what the cluster says of itself to what is wrong with it.
import type { BrokerInfo, PartitionInfo } from '@zhumq/rpc';
import { ReplicationMode } from '@zhumq/rpc';
import type { ClusterHealth } from '../api/admin.js';

export interface ClusterState {
  readonly controller: number;
  readonly brokers: readonly BrokerInfo[];
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly PartitionInfo[];
  }[];
}

/** Sentences of one kind, before they are counted instead. */
const SHOWN = 10;

export function healthOf({ controller, brokers, topics }: ClusterState): ClusterHealth {
  const alive = new Set(brokers.filter((one) => one.alive).map(({ endpoint }) => endpoint.id));
  const dead = brokers.filter((one) => !one.alive);
  const leaderless: string[] = [];
  const behind: string[] = [];
  let total = 0;
  for (const { name, partitions } of topics) {
    for (const partition of partitions) {
      total++;
      const place = `${name}-${partition.partition}`;
      const fault = faultOf(partition, alive);
      if (fault === 'leaderless') leaderless.push(place);
      else if (fault !== undefined) behind.push(`${place} (${fault})`);
    }
  }
  const problems = [
    ...(leaderless.length > 0 ? [`no leader: ${listed(leaderless)}`] : []),
    ...(controller < 0 ? ['no zkserver is active: topics can not be created or changed'] : []),
    ...dead.map(
      ({ endpoint: { id, host, port } }) => `broker ${id} (${host}:${port}) is not alive`,
    ),
    ...(behind.length > 0 ? [`fewer copies than there should be: ${listed(behind)}`] : []),
  ];
  return {
    ok: problems.length === 0,
    problems,
    brokers: { alive: alive.size, total: brokers.length },
    partitions: { total, withoutLeader: leaderless.length, underReplicated: behind.length },
  };
}

function faultOf(partition: PartitionInfo, alive: ReadonlySet<number>): string | undefined {
  const { leader, replicas, isr, mode } = partition;
  if (leader < 0 || !alive.has(leader)) return 'leaderless';
  const working =
    mode === ReplicationMode.FETCH
      ? replicas.filter(({ broker, replicaId }) => alive.has(broker) && isr.includes(replicaId))
      : replicas.filter(({ broker }) => alive.has(broker));
  return working.length < replicas.length ? `${working.length} of ${replicas.length}` : undefined;
}

function listed(places: readonly string[]): string {
  const shown = places.slice(0, SHOWN).join(', ');
  return places.length > SHOWN ? `${shown} and ${places.length - SHOWN} more` : shown;
}
