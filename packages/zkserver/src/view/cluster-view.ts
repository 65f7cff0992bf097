// The cluster as read from the metadata store: plain values, never changed, replaced as a whole. Everything in it can be
// read again at any time; nothing else is remembered.
import type {
  BrokerRegistration,
  KnownBroker,
  PartitionRecord,
  ProducerIds,
  Tombstone,
  TopicRecord,
  TopicSwitch,
  ZkServerRegistration,
} from '@zhumq/model';

/** A node's value with the version to compare when it is written. */
export interface Versioned<T> {
  readonly value: T;
  readonly version: number;
}

/**
 * A node under /topics. Its payload is written last at creation and taken away first at deletion: a topic exists exactly
 * while `record` is there. What has none is a leftover of a creation or deletion that was cut off.
 */
export interface TopicNode {
  readonly name: string;
  readonly version: number;
  readonly record: TopicRecord | undefined;
  /** Whether the parent of the partitions is there. */
  readonly hasPartitionsParent: boolean;
  /** By number. All of them, from 0 on, when there is a record. */
  readonly partitions: ReadonlyMap<number, Versioned<PartitionRecord>>;
}

/** A topic that exists. */
export interface Topic extends TopicNode {
  readonly record: TopicRecord;
}

export interface ClusterView {
  readonly clusterId: string;
  readonly zkservers: readonly ZkServerRegistration[];
  /** By id. */
  readonly liveBrokers: ReadonlyMap<number, BrokerRegistration>;
  /** Every broker that was ever seen, by id. */
  readonly knownBrokers: ReadonlyMap<number, Versioned<KnownBroker>>;
  /** By name. */
  readonly topicNodes: ReadonlyMap<string, TopicNode>;
  /** Names of the topics that exist, by topic id. */
  readonly topicNames: ReadonlyMap<string, string>;
  /** By topic id. */
  readonly tombstones: ReadonlyMap<string, Versioned<Tombstone>>;
  /** Switches of mode of whole topics, by topic id. */
  readonly topicSwitches: ReadonlyMap<string, Versioned<TopicSwitch>>;
  readonly producerIds: Versioned<ProducerIds> | undefined;
}

export function isTopic(node: TopicNode): node is Topic {
  return node.record !== undefined;
}

export function topicsOf(view: ClusterView): readonly Topic[] {
  return [...view.topicNodes.values()].filter(isTopic);
}

/** undefined also for a leftover. */
export function findTopic(view: ClusterView, name: string): Topic | undefined {
  const node = view.topicNodes.get(name);
  return node !== undefined && isTopic(node) ? node : undefined;
}

/** By its identity: a topic that was created again under the same name is another one. */
export function topicById(view: ClusterView, topicId: string): Topic | undefined {
  const name = view.topicNames.get(topicId);
  return name === undefined ? undefined : findTopic(view, name);
}

export function namesById(nodes: Iterable<TopicNode>): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const node of nodes) if (isTopic(node)) names.set(node.record.topicId, node.name);
  return names;
}

/** In order of the number. */
export function partitionsOf(topic: Topic): readonly (readonly [number, PartitionRecord])[] {
  return versionedPartitionsOf(topic).map(([number, { value }]) => [number, value]);
}

/** With the versions of the nodes; in order of the number. */
export function versionedPartitionsOf(
  topic: Topic,
): readonly (readonly [number, Versioned<PartitionRecord>])[] {
  return [...topic.partitions].sort(([one], [other]) => one - other);
}

/** A broker as it is, or was last seen. */
export function brokerOf(view: ClusterView, id: number): BrokerRegistration | undefined {
  return view.liveBrokers.get(id) ?? view.knownBrokers.get(id)?.value.last;
}
