// A partition in the view as the decisions on switches need it: by the identity of its topic, because a topic that was
// created again under the same name is another one.
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import { partitionRecordCodec } from '@zhumq/model';
import type { PartitionRecord, Transition } from '@zhumq/model';
import type { PartitionRef } from '@zhumq/rpc';
import { topicById } from '../view/cluster-view.js';
import type { ClusterView, Topic } from '../view/cluster-view.js';
import type { SagaRef } from './switch-events.js';

export interface SwitchedPartition {
  readonly topic: Topic;
  readonly number: number;
  readonly record: PartitionRecord;
  readonly version: number;
}

export function partitionIn(topic: Topic, number: number): SwitchedPartition | undefined {
  const node = topic.partitions.get(number);
  return node && { topic, number, record: node.value, version: node.version };
}

export interface UnderWay extends SwitchedPartition {
  readonly transition: Transition;
}

/** undefined when that saga has ended, also when it goes on in a later generation. */
export function underWay(view: ClusterView, saga: SagaRef): UnderWay | undefined {
  const topic = topicById(view, saga.topicId);
  const found = topic && partitionIn(topic, saga.partition);
  const { transition, generation } = found?.record ?? {};
  if (found === undefined || transition === undefined) return undefined;
  if (transition.id !== saga.transitionId || generation !== saga.generation) return undefined;
  return { ...found, transition };
}

/** How brokers are told which partition, and on which record a call is based. */
export function partitionRefOf(
  { topic, number, record, version }: SwitchedPartition,
  controllerEpoch: number,
): PartitionRef {
  const { topicId } = topic.record;
  return { topicId, partition: number, generation: record.generation, controllerEpoch, version };
}

/** Conditional on the version read, as every write is; fields that are not named stay as they are (rule 35). */
export function changeRecord(
  { topic, number, record, version }: SwitchedPartition,
  change: Partial<PartitionRecord>,
): StoreOperation {
  const data = partitionRecordCodec.encode({ ...record, ...change });
  return { kind: 'set', path: paths.partition(topic.name, number), data, version };
}

export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}
