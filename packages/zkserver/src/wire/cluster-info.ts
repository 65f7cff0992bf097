// The view in the words of the wire: one translation for clients, brokers and dry runs.
import type {
  BrokerRegistration,
  PartitionRecord,
  ReplicationMode as Mode,
  ZkServerRegistration,
} from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type {
  BrokerInfo,
  Endpoint,
  PartitionAssignment,
  PartitionInfo,
  TopicInfo,
} from '@zhumq/rpc';
import { brokerOf, versionedPartitionsOf } from '../view/cluster-view.js';
import type { ClusterView, Topic, Versioned } from '../view/cluster-view.js';

export function topicInfo(topic: Topic): TopicInfo {
  const { topicId, replicationFactor, config } = topic.record;
  return {
    name: topic.name,
    topicId,
    replicationFactor,
    config: { ...config },
    partitions: versionedPartitionsOf(topic).map(([number, node]) => partitionInfo(number, node)),
  };
}

/** What a broker must know of one partition; undefined when the topic has no such partition. */
export function assignmentOf(topic: Topic, partition: number): PartitionAssignment | undefined {
  const node = topic.partitions.get(partition);
  if (node === undefined) return undefined;
  const { topicId, config, partitions: partitionCount } = topic.record;
  const info = partitionInfo(partition, node);
  return { topic: topic.name, topicId, info, config: { ...config }, partitionCount };
}

export function partitionInfo(
  partition: number,
  { value: record, version }: Versioned<PartitionRecord>,
): PartitionInfo {
  const { transition, lastSwitch } = record;
  return {
    partition,
    replicas: record.replicas.map((replica) => ({ ...replica })),
    leader: record.leader?.broker ?? -1,
    epoch: record.epoch,
    mode: wireMode(record.mode),
    generation: record.generation,
    isr: [...record.isr],
    version,
    leaderIncarnation: record.leader?.incarnation ?? -1,
    elr: [...record.elr],
    seal: record.seal && { ...record.seal },
    transition: transition && { ...transition, to: wireMode(transition.to) },
    possibleLoss: record.possibleLoss,
    lossEpoch: record.lossEpoch,
    lastSwitch: lastSwitch && { ...lastSwitch, to: wireMode(lastSwitch.to) },
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

export function wireMode(mode: Mode): ReplicationMode {
  return mode === 'raft' ? ReplicationMode.RAFT : ReplicationMode.FETCH;
}

export function endpoint({ id, host, port }: ZkServerRegistration | BrokerRegistration): Endpoint {
  return { id, host, port };
}

function brokerInfo(broker: BrokerRegistration, alive: boolean): BrokerInfo {
  const { rack, weight, incarnation, directoryId } = broker;
  return { endpoint: endpoint(broker), rack, weight, incarnation, directoryId, alive };
}
