// Decides a new topic: its name and settings are checked, its partitions placed, its nodes written.
//
//   1  /topics/<t> without payload, /topics/<t>/partitions
//   2  the partitions, in as many multis as their size takes
//   3  the payload of /topics/<t>: from here on the topic exists
// A small topic is one multi. Cut off before 3, what is there is a leftover (leftovers.ts).
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import {
  checkTopicName,
  parseTopicConfig,
  partitionRecordCodec,
  topicRecordCodec,
  zhumqError,
} from '@zhumq/model';
import type { BrokerRegistration, PartitionRecord, Replica, ReplicationMode } from '@zhumq/model';
import type { BrokerIds } from '../placement/placer.js';
import { findTopic } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import type { Decide, DecisionInput, TopicWish, Write } from './decision.js';
import { removeNode } from './leftovers.js';
import { inMultis } from './multi-chunks.js';
import { placementLoad } from './placement-load.js';

export const createTopic: Decide<'create-topic'> = (view, { wish }, input) => {
  checkTopicName(wish.name);
  refuseExisting(view, wish.name);
  return newTopic(view, wish, input);
};

/** The name was checked, and there is no such topic. */
export function newTopic(
  view: ClusterView,
  wish: TopicWish,
  input: DecisionInput,
): readonly Write[] {
  parseTopicConfig(wish.config);
  const partitions = checkedPartitions(wish, input);
  const brokers = placeable(view);
  const replicationFactor = checkedReplicationFactor(wish, brokers.length, input);
  const placement = input
    .placerFor(brokers)
    .placeTopic({ topic: wish.name, partitions, replicationFactor }, placementLoad(view));
  const records = placement.map((ids) => firstRecord(wish.mode, ids, view, input));
  const topic = { topicId: input.newId(), partitions, replicationFactor, config: wish.config };
  const leftover = view.topicNodes.get(wish.name);
  return [
    ...(leftover === undefined ? [] : removeNode(leftover)),
    ...writesOf(wish.name, topicRecordCodec.encode(topic), records),
  ];
}

/** Brokers that take new replicas: alive and not draining. */
export function placeable(view: ClusterView): readonly BrokerRegistration[] {
  const live = [...view.liveBrokers.values()];
  return live.filter(({ id }) => view.knownBrokers.get(id)?.value.draining !== true);
}

function refuseExisting(view: ClusterView, name: string): void {
  if (findTopic(view, name) === undefined) return;
  throw zhumqError('TOPIC_EXISTS', `topic ${name} exists; nothing was changed`, { topic: name });
}

function checkedPartitions({ name, partitions }: TopicWish, { defaults }: DecisionInput): number {
  const wanted = partitions === 0 ? defaults.partitions : partitions;
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= defaults.maxPartitions) return wanted;
  const limit = defaults.maxPartitions;
  const message = `topic ${name} can not have ${wanted} partitions: allowed are 1 to ${limit} (max.partitions.per.topic)`;
  throw zhumqError('INVALID_TOPIC', message, { topic: name, partitions: wanted, limit });
}

function checkedReplicationFactor(
  { name, replicationFactor }: TopicWish,
  brokers: number,
  { defaults }: DecisionInput,
): number {
  const isDefault = replicationFactor === 0;
  const wanted = isDefault
    ? Math.max(1, Math.min(defaults.replicationFactor, brokers))
    : replicationFactor;
  if (!Number.isInteger(wanted) || wanted < 1) {
    const message = `topic ${name} can not have ${wanted} replicas of each partition: 1 at least`;
    throw zhumqError('INVALID_TOPIC', message, { topic: name, replicationFactor: wanted });
  }
  if (wanted <= brokers) return wanted;
  const message = `topic ${name} needs ${wanted} brokers for its replicas, ${brokers} can take new ones now; start brokers or ask for fewer replicas`;
  throw zhumqError('NOT_ENOUGH_BROKERS', message, {
    topic: name,
    replicationFactor: wanted,
    brokers,
  });
}

function firstRecord(
  mode: ReplicationMode,
  ids: BrokerIds,
  view: ClusterView,
  input: DecisionInput,
): PartitionRecord {
  const replicas = ids.map((broker) => ({
    broker,
    replicaId: input.newId(),
    directoryId: view.liveBrokers.get(broker)?.directoryId ?? '',
  }));
  return {
    ...(mode === 'raft' ? groupOf(replicas) : ledByFirst(replicas, view)),
    replicas,
    mode,
    generation: 1,
    elr: [],
    seal: undefined,
    transition: undefined,
    possibleLoss: undefined,
    learners: [],
    lossEpoch: 0,
    lastSwitch: undefined,
  };
}

type Leading = Pick<PartitionRecord, 'leader' | 'epoch' | 'isr' | 'voters'>;

/** The epoch is 0: the first Raft term is 1. */
function groupOf(replicas: readonly Replica[]): Leading {
  const voters = replicas.map(({ replicaId }) => replicaId);
  return { leader: undefined, epoch: 0, isr: [], voters };
}

/** Empty logs are equal: all replicas on live brokers are in sync, and the first of them leads. */
function ledByFirst(replicas: readonly Replica[], view: ClusterView): Leading {
  const alive = replicas.filter(({ broker }) => view.liveBrokers.has(broker));
  const first = alive.length === 0 ? undefined : view.liveBrokers.get(alive[0].broker);
  const leader = first && { broker: first.id, incarnation: first.incarnation };
  return { leader, epoch: 1, isr: alive.map(({ replicaId }) => replicaId), voters: [] };
}

function writesOf(
  name: string,
  topic: Buffer,
  records: readonly PartitionRecord[],
): readonly Write[] {
  const path = paths.topic(name);
  const parent: StoreOperation = { kind: 'create', path: paths.partitions(name), data: EMPTY };
  const partitions = records.map((record, number): StoreOperation => ({
    kind: 'create',
    path: paths.partition(name, number),
    data: partitionRecordCodec.encode(record),
  }));
  const atOnce = inMultis([{ kind: 'create', path, data: topic }, parent, ...partitions]);
  if (atOnce.length === 1) return atOnce;
  return [
    [{ kind: 'create', path, data: EMPTY }, parent],
    ...inMultis(partitions),
    [{ kind: 'set', path, data: topic, version: 0 }],
  ];
}

const EMPTY = Buffer.alloc(0);
