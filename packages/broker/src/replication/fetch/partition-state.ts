// From the zkserver's record of a partition in mode fetch, as it travels, to the core's words.
import { minInsyncReplicasOf, parseTopicConfig } from '@zhumq/model';
import type { PartitionState } from '@zhumq/fetch';
import type { PartitionAssignment } from '@zhumq/rpc';

/** Undefined when the record has no version: it comes from a zkserver that does not have mode fetch. */
export function partitionStateOf(assignment: PartitionAssignment): PartitionState | undefined {
  const { info, config } = assignment;
  if (info.version === undefined) return undefined;
  const replicas = info.replicas.map(({ replicaId }) => replicaId);
  const leader = info.replicas.find(({ broker }) => broker === info.leader);
  const incarnation = info.leaderIncarnation ?? -1;
  return {
    version: info.version,
    epoch: info.epoch,
    leader: leader && incarnation >= 0 ? { replica: leader.replicaId, incarnation } : undefined,
    replicas,
    isr: info.isr,
    minInsyncReplicas: minInsyncReplicasOf(parseTopicConfig(config), replicas.length),
    lossEpoch: info.lossEpoch ?? 0,
  };
}
