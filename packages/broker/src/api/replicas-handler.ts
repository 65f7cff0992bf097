// Serves describeReplicas: what the replicas here look like.
import { ReplicationMode } from '@zhumq/rpc';
import type { ReplicaStatus } from '@zhumq/rpc';
import type { Partition } from '../partition/partition.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { RaftTransport } from '../replication/raft/raft-transport.js';

export class ReplicasHandler {
  constructor(
    private readonly brokerId: number,
    private readonly registry: PartitionRegistry,
    private readonly transport: RaftTransport,
  ) {}

  /** All replicas here when the topic is empty; all partitions of the topic when the partition is negative. */
  describe(topic: string, partition: number): ReplicaStatus[] {
    const wanted = [...this.registry.all()].filter(
      ({ name }) =>
        topic === '' || (name.topic === topic && (partition < 0 || name.partition === partition)),
    );
    return wanted.map((one) => this.status(one));
  }

  private status(partition: Partition): ReplicaStatus {
    const { log, replicator, highWatermark } = partition;
    const leader = replicator.leaderReplica;
    return {
      topic: partition.name.topic,
      partition: partition.name.partition,
      broker: this.brokerId,
      replicaId: log.identity.replicaId,
      role: roleOf(partition),
      epoch: replicator.epoch,
      logStart: log.logStart,
      logEnd: log.logEnd,
      durableEnd: log.durableEnd,
      highWatermark,
      leader: leader === undefined ? -1 : (this.transport.brokerOf(leader) ?? -1),
      bytes: log.sizeBytes,
      problem: log.hardState?.tainted ? log.hardState.taintReason : '',
      mode: replicator.mode === 'fetch' ? ReplicationMode.FETCH : ReplicationMode.RAFT,
      generation: partition.name.generation,
      sealedBy: replicator.sealedBy,
    };
  }
}

/** What matters most of it, for a person. */
function roleOf({ log, replicator, leads }: Partition): string {
  if (log.hardState?.tainted === true) return 'damaged';
  return leads && replicator.sealedBy !== undefined ? 'sealed' : replicator.role;
}
