// Who leads a partition: what its replicas say of themselves, and what the cluster's records allow without asking them.
import type { BrokerInfo, PartitionInfo, ReplicaStatus } from '@zhumq/rpc';
import { ReplicationMode } from '@zhumq/rpc';

/** Of several that say so the one with the largest epoch: the others were deposed and do not know it yet. */
export function leadingOf(replicas: readonly ReplicaStatus[]): ReplicaStatus | undefined {
  return replicas
    .filter(saysThatItLeads)
    .reduce<ReplicaStatus | undefined>(
      (best, one) => (best === undefined || one.epoch > best.epoch ? one : best),
      undefined,
    );
}

/** A leader that is sealed, or marked as damaged, says that instead of its role. */
function saysThatItLeads({ role, leader, broker }: ReplicaStatus): boolean {
  return role === 'leader' || ((role === 'sealed' || role === 'damaged') && leader === broker);
}

/** Whether the recorded leader may be at work. In mode raft it leads nobody once most voters are dead. */
export function mayBeLed(
  { leader, replicas, mode }: PartitionInfo,
  brokers: readonly BrokerInfo[],
): boolean {
  const alive = new Set(brokers.filter((one) => one.alive).map(({ endpoint }) => endpoint.id));
  if (!alive.has(leader)) return false;
  const living = replicas.filter(({ broker }) => alive.has(broker));
  return mode !== ReplicationMode.RAFT || living.length > replicas.length / 2;
}
