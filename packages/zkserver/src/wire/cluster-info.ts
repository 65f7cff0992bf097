// The view in the words of the wire: one translation for clients, brokers and dry runs.
import type { BrokerRegistration, PartitionRecord, ZkServerRegistration } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { BrokerInfo, Endpoint, PartitionInfo, TopicInfo } from '@zhumq/rpc';
import { brokerOf, partitionsOf } from '../view/cluster-view.js';
import type { ClusterView, Topic } from '../view/cluster-view.js';

export function topicInfo(topic: Topic): TopicInfo {
  const { topicId, replicationFactor, config } = topic.record;
  return {
    name: topic.name,
    topicId,
    replicationFactor,
    config: { ...config },
    partitions: partitionsOf(topic).map(([number, record]) => partitionInfo(number, record)),
  };
}

export function partitionInfo(partition: number, record: PartitionRecord): PartitionInfo {
  return {
    partition,
    replicas: record.replicas.map((replica) => ({ ...replica })),
    leader: record.leader?.broker ?? -1,
    epoch: record.epoch,
    mode: record.mode === 'raft' ? ReplicationMode.RAFT : ReplicationMode.FETCH,
    generation: record.generation,
    isr: [...record.isr],
  };
}

/** Every broker that was ever seen, in order of id. */
export function brokerInfos(view: ClusterView): BrokerInfo[] {
  const ids = new Set([...view.knownBrokers.keys(), ...view.liveBrokers.keys()]);
  return [...ids]
    .sort((one, other) => one - other)
    .map((id) => brokerOf(view, id))
    .filter((broker) => broker !== undefined)
    .map((broker) => brokerInfo(broker, view.liveBrokers.has(broker.id)));
}

export function endpoint({ id, host, port }: ZkServerRegistration | BrokerRegistration): Endpoint {
  return { id, host, port };
}

function brokerInfo(broker: BrokerRegistration, alive: boolean): BrokerInfo {
  const { rack, weight, incarnation, directoryId } = broker;
  return { endpoint: endpoint(broker), rack, weight, incarnation, directoryId, alive };
}
