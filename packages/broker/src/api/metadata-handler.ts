// Serves metadata to clients that know only this broker: what a zkserver says, brought up to date by what the replicas
// here know of their leaders. While no zkserver answers, what was told last.
import type {
  ClusterMetadata,
  DesiredState,
  MetadataRequest,
  PartitionInfo,
  TopicInfo,
} from '@zhumq/rpc';
import { zhumqError } from '@zhumq/model';
import type { ZkServerLink } from '../membership/zkserver-link.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { RaftTransport } from '../replication/raft/raft-transport.js';

export interface MetadataHandlerOptions {
  readonly link: ZkServerLink;
  readonly registry: PartitionRegistry;
  readonly transport: RaftTransport;
  readonly desiredState: () => DesiredState | undefined;
  readonly callTimeoutMs: number;
}

export class MetadataHandler {
  private last: ClusterMetadata | undefined;

  constructor(private readonly options: MetadataHandlerOptions) {}

  async metadata(request: MetadataRequest): Promise<ClusterMetadata> {
    const { link, callTimeoutMs } = this.options;
    try {
      const metadata = await link.callAny((client) =>
        client.metadata(request, { timeoutMs: callTimeoutMs }),
      );
      this.last = { ...metadata, topics: [] };
      return { ...metadata, topics: metadata.topics.map((topic) => this.fresh(topic)) };
    } catch (error) {
      const local = this.localMetadata(request);
      if (local === undefined) throw error;
      return local;
    }
  }

  /** The zkserver hears of elections a little later than the replicas themselves. */
  private fresh(topic: TopicInfo): TopicInfo {
    return {
      ...topic,
      partitions: topic.partitions.map((info) => this.freshPartition(topic.topicId, info)),
    };
  }

  private freshPartition(topicId: string, info: PartitionInfo): PartitionInfo {
    const { registry, transport } = this.options;
    const partition = registry.findGroup(topicId, info.partition);
    if (partition === undefined || partition.name.generation !== info.generation) return info;
    const { epoch, leaderReplica } = partition.replicator;
    const leader = leaderReplica === undefined ? undefined : transport.brokerOf(leaderReplica);
    return epoch >= info.epoch && leader !== undefined ? { ...info, leader, epoch } : info;
  }

  private localMetadata(request: MetadataRequest): ClusterMetadata | undefined {
    const state = this.options.desiredState();
    if (state === undefined) return undefined;
    const topics = new Map<string, TopicInfo>();
    for (const { topic, topicId, info, config } of state.partitions) {
      if (request.topics !== undefined && !request.topics.includes(topic)) continue;
      let known = topics.get(topic);
      if (known === undefined) {
        known = {
          name: topic,
          topicId,
          replicationFactor: info.replicas.length,
          config,
          partitions: [],
        };
        topics.set(topic, known);
      }
      known.partitions.push(this.freshPartition(topicId, info));
    }
    if (request.topics?.some((name) => !topics.has(name))) {
      // Absent here does not mean absent: this broker knows only the topics that it holds.
      throw zhumqError(
        'STORE_UNAVAILABLE',
        'no zkserver answers, and this broker does not hold all of the topics asked for',
      );
    }
    return {
      clusterId: state.clusterId,
      brokers: state.brokers,
      zkservers: this.last?.zkservers ?? [],
      controller: -1,
      controllerEpoch: state.controllerEpoch,
      topics: [...topics.values()],
    };
  }
}
