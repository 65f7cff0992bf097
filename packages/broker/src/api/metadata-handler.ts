// Serves metadata to clients that know only this broker: what a zkserver says, brought up to date by what the replicas
// here know of their leaders. While no zkserver answers, what was told last.
import { ReplicationMode } from '@zhumq/rpc';
import type {
  ClusterMetadata,
  DesiredState,
  MetadataRequest,
  PartitionAssignment,
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

/** A topic with more is no topic. */
const MAX_PARTITIONS = 1_000_000;

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

  private localMetadata({ topics: asked }: MetadataRequest): ClusterMetadata | undefined {
    const state = this.options.desiredState();
    if (state === undefined) return undefined;
    const held = new Map<string, PartitionAssignment[]>();
    const wanted = asked && new Set(asked);
    for (const assignment of state.partitions) {
      const { topic } = assignment;
      if (wanted?.has(topic) === false) continue;
      const known = held.get(topic);
      if (known === undefined) held.set(topic, [assignment]);
      else known.push(assignment);
    }
    const topics = [...held.values()]
      .map((assignments) => this.localTopic(assignments))
      .filter((topic) => topic !== undefined);
    const told = new Set(topics.map(({ name }) => name));
    if (asked?.some((name) => !told.has(name))) {
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
      topics,
    };
  }

  /**
   * All partitions of the topic: of those that others hold no more than that they are. Undefined when it is not known how
   * many there are: who is told too few sends keys to the wrong ones.
   */
  private localTopic(assignments: readonly PartitionAssignment[]): TopicInfo | undefined {
    const [{ topic: name, topicId, info: first, config, partitionCount: count = 0 }] = assignments;
    const numbers = assignments.map(({ info }) => info.partition);
    if (count > MAX_PARTITIONS || !numbers.every((number) => number < count)) return undefined;
    const partitions = Array.from({ length: count }, (_, number) => heldElsewhere(number));
    for (const { info } of assignments)
      partitions[info.partition] = this.freshPartition(topicId, info);
    return { name, topicId, replicationFactor: first.replicas.length, config, partitions };
  }
}

/** Older than whatever anybody else says of it. */
function heldElsewhere(partition: number): PartitionInfo {
  return {
    ...{ partition, replicas: [], leader: -1, epoch: 0, generation: 0, isr: [] },
    mode: ReplicationMode.RAFT,
  };
}
