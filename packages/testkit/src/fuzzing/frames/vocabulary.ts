// The words of the cluster under attack: what frames name. Topics whose records are compared at the end are not among
// them, except where a call only reads; identities of these topics nowhere.
import type { ClusterMetadata } from '@zhumq/rpc';

/** Brought up to date in place: topics come and go. */
export interface Vocabulary {
  readonly clusterId: string;
  /** Of the active zkserver: forged ones above it are not for calls that would take the cluster over. */
  readonly controllerEpoch: number;
  readonly brokers: readonly number[];
  readonly incarnations: readonly number[];
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** Topics that anything may happen to. */
  readonly topics: readonly string[];
  readonly topicIds: readonly string[];
  readonly replicaIds: readonly string[];
  readonly directoryIds: readonly string[];
  /** Of these: may be deleted. */
  readonly shortLivedTopics: readonly string[];
  readonly groups: readonly string[];
  /** Topics that must keep every record. */
  readonly checkedTopics: readonly string[];
  /** What no frame may contain in any form but a call that reads: names of these topics. */
  readonly checkedIdentities: readonly string[];
}

export const CHECKED_TOPICS = ['ledger-raft', 'ledger-fetch'] as const;
export const CHECKED_GROUP = 'ledger-readers';
export const PREY_TOPICS = ['prey-raft', 'prey-fetch', 'prey-switched'] as const;
/** May be deleted, and created again. */
export const SHORT_LIVED_TOPICS = ['brief-1', 'brief-2'] as const;
export const PREY_GROUPS = ['pack-1', 'pack-2', 'pack-3', 'pack-4'] as const;

export function vocabularyOf(metadata: ClusterMetadata): Vocabulary {
  const isChecked = (name: string): boolean => CHECKED_TOPICS.some((topic) => topic === name);
  const prey = metadata.topics.filter(({ name }) => PREY_TOPICS.some((topic) => topic === name));
  const checked = metadata.topics.filter(({ name }) => isChecked(name));
  const replicasOf = (topics: typeof prey): string[] =>
    topics.flatMap(({ partitions }) =>
      partitions.flatMap(({ replicas }) => replicas.map(({ replicaId }) => replicaId)),
    );
  return {
    clusterId: metadata.clusterId,
    controllerEpoch: metadata.controllerEpoch,
    brokers: metadata.brokers.map(({ endpoint }) => endpoint.id),
    incarnations: metadata.brokers.map(({ incarnation }) => incarnation),
    addresses: metadata.brokers.map(({ endpoint: { host, port } }) => ({ host, port })),
    topics: [...PREY_TOPICS, ...SHORT_LIVED_TOPICS],
    topicIds: prey.map(({ topicId }) => topicId),
    replicaIds: replicasOf(prey),
    directoryIds: metadata.brokers.map(({ directoryId }) => directoryId),
    shortLivedTopics: SHORT_LIVED_TOPICS,
    groups: PREY_GROUPS,
    checkedTopics: CHECKED_TOPICS,
    checkedIdentities: [...checked.map(({ topicId }) => topicId), ...replicasOf(checked)],
  };
}
