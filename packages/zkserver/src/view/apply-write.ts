// What the view is after a write that was done: the same as reading again, without the reads. The bytes that were
// written are decoded, so that view and store can not differ.
import { assert } from '@zhumq/base';
import { nameOf, parentOf, parsePath } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import {
  knownBrokerCodec,
  partitionRecordCodec,
  producerIdsCodec,
  tombstoneCodec,
  topicRecordCodec,
  topicSwitchCodec,
} from '@zhumq/model';
import type {
  KnownBroker,
  MessageCodec,
  PartitionRecord,
  Tombstone,
  TopicSwitch,
} from '@zhumq/model';
import type { ClusterView, TopicNode, Versioned } from './cluster-view.js';

type Change = Exclude<StoreOperation, { readonly kind: 'check' }>;

/** The view given is not changed. */
export function applyWrite(view: ClusterView, operations: readonly StoreOperation[]): ClusterView {
  const draft = new ViewDraft(view);
  for (const operation of operations) if (operation.kind !== 'check') draft.apply(operation);
  return draft.finish();
}

class ViewDraft {
  private readonly topicNodes: Map<string, TopicNode>;
  /** Copied when a topic comes or goes: few writes do that. */
  private topicNames: ReadonlyMap<string, string>;
  /** Of the topics that are touched. */
  private readonly partitions = new Map<string, Map<number, Versioned<PartitionRecord>>>();
  private readonly knownBrokers: Map<number, Versioned<KnownBroker>>;
  private readonly tombstones: Map<string, Versioned<Tombstone>>;
  private readonly topicSwitches: Map<string, Versioned<TopicSwitch>>;
  private producerIds: ClusterView['producerIds'];

  constructor(private readonly view: ClusterView) {
    this.topicNodes = new Map(view.topicNodes);
    this.topicNames = view.topicNames;
    this.knownBrokers = new Map(view.knownBrokers);
    this.tombstones = new Map(view.tombstones);
    this.topicSwitches = new Map(view.topicSwitches);
    this.producerIds = view.producerIds;
  }

  apply(change: Change): void {
    const path = parsePath(change.path);
    switch (path?.kind) {
      case 'topic':
        return this.applyTopic(path.topic, change);
      case 'parent':
        return this.applyPartitionsParent(nameOf(parentOf(change.path)), change);
      case 'partition':
        return applyTo(this.partitionsOf(path.topic), path.partition, change, partitionRecordCodec);
      case 'registered-broker':
        return applyTo(this.knownBrokers, path.brokerId, change, knownBrokerCodec);
      case 'deletion':
        return applyTo(this.tombstones, path.topicId, change, tombstoneCodec);
      case 'topic-switch':
        return applyTo(this.topicSwitches, path.topicId, change, topicSwitchCodec);
      case 'producer-ids':
        this.producerIds = written(change, producerIdsCodec);
        return;
      default:
        assert(false, `the view has no place for ${change.path}`);
    }
  }

  finish(): ClusterView {
    for (const [name, partitions] of this.partitions) {
      const node = this.topicNodes.get(name);
      if (node !== undefined) this.topicNodes.set(name, { ...node, partitions });
    }
    const { topicNodes, topicNames, knownBrokers, tombstones, topicSwitches, producerIds } = this;
    const topics = { topicNodes, topicNames };
    return { ...this.view, ...topics, knownBrokers, tombstones, topicSwitches, producerIds };
  }

  private applyTopic(name: string, change: Change): void {
    const node = this.topicNodes.get(name);
    if (change.kind === 'delete') {
      this.topicNodes.delete(name);
      this.partitions.delete(name);
      this.rename(name, node?.record?.topicId, undefined);
      return;
    }
    const record = change.data.length === 0 ? undefined : topicRecordCodec.decode(change.data);
    this.rename(name, node?.record?.topicId, record?.topicId);
    this.topicNodes.set(name, {
      name,
      version: versionAfter(change),
      record,
      hasPartitionsParent: node?.hasPartitionsParent ?? false,
      partitions: node?.partitions ?? new Map(),
    });
  }

  /** The topic of that name has another identity now, or none. */
  private rename(name: string, before: string | undefined, now: string | undefined): void {
    if (before === now) return;
    const names = new Map(this.topicNames);
    if (before !== undefined) names.delete(before);
    if (now !== undefined) names.set(now, name);
    this.topicNames = names;
  }

  private applyPartitionsParent(name: string, change: Change): void {
    const node = this.topicNodes.get(name);
    assert(node !== undefined, `topic ${name} is not in the view`);
    this.topicNodes.set(name, { ...node, hasPartitionsParent: change.kind !== 'delete' });
  }

  private partitionsOf(name: string): Map<number, Versioned<PartitionRecord>> {
    const own = this.partitions.get(name) ?? new Map(this.topicNodes.get(name)?.partitions);
    this.partitions.set(name, own);
    return own;
  }
}

function applyTo<K, T extends object>(
  map: Map<K, Versioned<T>>,
  key: K,
  change: Change,
  codec: MessageCodec<T>,
): void {
  const value = written(change, codec);
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

/** A created node has version 0, a written one the next. */
function written<T extends object>(
  change: Change,
  codec: MessageCodec<T>,
): Versioned<T> | undefined {
  if (change.kind === 'delete') return undefined;
  return { value: codec.decode(change.data), version: versionAfter(change) };
}

function versionAfter(change: Exclude<Change, { readonly kind: 'delete' }>): number {
  return change.kind === 'set' ? change.version + 1 : 0;
}
