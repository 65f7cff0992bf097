// What the client believes of the cluster: servers, and topics while there is room for them (the least recently used
// leave). Metadata of a smaller controller epoch is older and is not taken.
import { LRUCache } from 'lru-cache';
import { formatHostPort } from '@zhumq/base';
import type { HostPort } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { BrokerInfo, ClusterMetadata, Endpoint, PartitionInfo, TopicInfo } from '@zhumq/rpc';
import { TopicView, compareAge } from './topic-view.js';
import type { PartitionView } from './topic-view.js';

/** So many partitions are remembered. */
const MAX_PARTITIONS = 200_000;

export interface BrokerAddress extends HostPort {
  readonly id: number;
}

export class ClusterView {
  clusterId = '';
  controller = -1;
  controllerEpoch = -1;
  zkservers: readonly Endpoint[] = [];
  readonly moves = { count: 0 };
  private readonly brokersById = new Map<number, BrokerInfo>();
  private readonly topics = new LRUCache<string, TopicView>({
    maxSize: MAX_PARTITIONS,
    sizeCalculation: ({ partitions }) => Math.min(partitions.length + 1, MAX_PARTITIONS),
  });

  get brokers(): readonly BrokerInfo[] {
    return [...this.brokersById.values()];
  }

  topic(name: string): TopicView | undefined {
    return this.topics.get(name);
  }

  partition(topic: string, partition: number): PartitionView | undefined {
    return this.topics.get(topic)?.partitions[partition];
  }

  broker(id: number): BrokerAddress | undefined {
    return this.brokersById.get(id)?.endpoint;
  }

  /** Takes over what is not older than what is known; `asked` are the topics of the request. Throws WRONG_CLUSTER. */
  apply(metadata: ClusterMetadata, asked: Iterable<string>, nowMs: number): { changed: boolean } {
    this.checkCluster(metadata);
    if (metadata.controllerEpoch < this.controllerEpoch) return { changed: false };
    let changed = metadata.controllerEpoch > this.controllerEpoch;
    this.controllerEpoch = metadata.controllerEpoch;
    if (metadata.controller >= 0 || changed) this.controller = metadata.controller;
    if (metadata.zkservers.length > 0) this.zkservers = metadata.zkservers;
    this.applyBrokers(metadata.brokers);
    const absent = new Set(asked);
    for (const info of metadata.topics) {
      absent.delete(info.name);
      if (!isWhole(info)) continue;
      const known = this.topics.get(info.name);
      if (known?.topicId === info.topicId) changed = known.apply(info, nowMs) || changed;
      else {
        this.topics.set(info.name, new TopicView(info, nowMs, this.moves));
        changed = true;
      }
    }
    for (const name of absent) changed = this.topics.delete(name) || changed;
    return { changed };
  }

  /**
   * Takes over who leads, whatever the controller's epoch: replicas know of an election before any controller does, and
   * the epochs of the partitions themselves say what is newer. Throws WRONG_CLUSTER.
   */
  applyLeaders(metadata: ClusterMetadata): { changed: boolean } {
    this.checkCluster(metadata);
    let changed = false;
    for (const info of metadata.topics) {
      const known = isWhole(info) ? this.topics.get(info.name) : undefined;
      if (known?.topicId === info.topicId) changed = known.applyLeaders(info) || changed;
    }
    return { changed };
  }

  /** undefined: none is known to be active. */
  get activeZkServer(): Endpoint | undefined {
    return this.zkservers.find(({ id }) => id === this.controller);
  }

  /** The same metadata, with the leaders of partitions of which more is known here. */
  newest(metadata: ClusterMetadata): ClusterMetadata {
    const topics = metadata.topics.map((topic) => {
      const known = this.topics.get(topic.name);
      if (known?.topicId !== topic.topicId) return topic;
      const newer = (info: PartitionInfo): PartitionInfo => {
        const own = known.partitions.at(info.partition)?.info;
        if (own === undefined || compareAge(own, info) <= 0) return info;
        // Another generation is more than another leader.
        return own.generation === info.generation
          ? { ...info, leader: own.leader, epoch: own.epoch }
          : own;
      };
      return { ...topic, partitions: topic.partitions.map(newer) };
    });
    return { ...metadata, topics };
  }

  /** A broker that does not lead a partition named the one that does. */
  applyHint(topic: string, partition: number, leader: BrokerAddress): void {
    const known = this.brokersById.get(leader.id);
    if (known === undefined || formatHostPort(known.endpoint) !== formatHostPort(leader)) {
      const unknown = { rack: '', weight: 1, incarnation: 0, directoryId: '' };
      this.brokersById.set(leader.id, { ...(known ?? unknown), endpoint: leader, alive: true });
    }
    this.partition(topic, partition)?.hint(leader.id);
  }

  doubtLeader(topic: string, partition: number, broker: number): void {
    this.partition(topic, partition)?.doubt(broker);
  }

  private checkCluster({ clusterId }: ClusterMetadata): void {
    if (this.clusterId === '') this.clusterId = clusterId;
    if (this.clusterId === clusterId) return;
    throw zhumqError(
      'WRONG_CLUSTER',
      `a server belongs to cluster ${clusterId}, this client is connected to ${this.clusterId}`,
      { clusterId, expected: this.clusterId },
    );
  }

  /** Of two lives of a broker the later one counts. */
  private applyBrokers(brokers: readonly BrokerInfo[]): void {
    if (brokers.length === 0) return;
    const present = new Set(brokers.map(({ endpoint }) => endpoint.id));
    for (const id of this.brokersById.keys()) if (!present.has(id)) this.brokersById.delete(id);
    for (const broker of brokers) {
      const known = this.brokersById.get(broker.endpoint.id);
      if (known !== undefined && known.incarnation > broker.incarnation) continue;
      this.brokersById.set(broker.endpoint.id, broker);
    }
  }
}

/** Partitions are looked up by their place in the list: a server that left some out must not be believed. */
function isWhole({ partitions }: TopicInfo): boolean {
  return partitions.length > 0 && partitions.every(({ partition }, index) => partition === index);
}
