// Reads the cluster from the metadata store, leaving watches. A view is whole or not at all: a node that can not be
// decoded, or a partition that is missing, throws, because brokers set aside what a view does not name.
import { childOf, nameOf, paths } from '@zhumq/metadata';
import type { MetadataStore, StoreNode, Watch } from '@zhumq/metadata';
import {
  brokerRegistrationCodec,
  clusterIdentityCodec,
  knownBrokerCodec,
  partitionRecordCodec,
  producerIdsCodec,
  tombstoneCodec,
  topicRecordCodec,
  topicSwitchCodec,
  zhumqError,
  zkServerRegistrationCodec,
} from '@zhumq/model';
import type { MessageCodec, PartitionRecord } from '@zhumq/model';
import { namesById } from './cluster-view.js';
import type { ClusterView, TopicNode, Versioned } from './cluster-view.js';

/** Reads that are under way at once. */
const PARALLEL_READS = 64;

/**
 * Watches on topics and partitions at most; changes of further ones are seen at the next reading. The store's limit is
 * in bytes of paths (512 KiB in all).
 */
const MAX_TOPIC_WATCHES = 1500;

/** What is left behind as a hint to read again. */
export interface ViewWatches {
  /** Brokers or zkservers came or went. */
  readonly members: Watch;
  /** Topics came, went or changed; undefined: the caller makes all changes of topics itself. */
  readonly topics: Watch | undefined;
}

export type Members = Pick<ClusterView, 'zkservers' | 'liveBrokers'>;

export class ViewReader {
  private topicWatches = 0;

  constructor(
    private readonly store: MetadataStore,
    private readonly watches: ViewWatches,
  ) {}

  /** Sees everything that was written before the call. */
  async readAll(): Promise<ClusterView> {
    const identity = await this.store.get(paths.clusterId, { fresh: true });
    if (identity === undefined) throw missing(paths.clusterId);
    const [members, topicNodes, knownBrokers, tombstones, topicSwitches, producerIds] =
      await Promise.all([
        this.readMembers(),
        this.readTopics(),
        this.readNumbered(paths.brokerRegistry, knownBrokerCodec),
        this.readNamed(paths.deletions, tombstoneCodec),
        this.readNamed(paths.switches, topicSwitchCodec),
        this.store.get(paths.producerIds),
      ]);
    return {
      clusterId: clusterIdentityCodec.decode(identity.data).clusterId,
      ...members,
      topicNodes,
      topicNames: namesById(topicNodes.values()),
      knownBrokers,
      tombstones,
      topicSwitches,
      producerIds: producerIds && decoded(producerIds, producerIdsCodec),
    };
  }

  /** The part that others than the active zkserver write. */
  async readMembers(): Promise<Members> {
    const [brokers, zkservers] = await Promise.all([
      this.readChildren(paths.brokerIds, this.watches.members),
      this.readChildren(paths.candidates, this.watches.members),
    ]);
    const live = brokers.map(({ node }) => brokerRegistrationCodec.decode(node.data));
    return {
      liveBrokers: new Map(live.map((broker) => [broker.id, broker])),
      zkservers: zkservers.map(({ node }) => zkServerRegistrationCodec.decode(node.data)),
    };
  }

  private async readTopics(): Promise<ReadonlyMap<string, TopicNode>> {
    this.topicWatches = 0;
    const names = (await this.store.children(paths.topics, { watch: this.watches.topics })) ?? [];
    const nodes = new Map<string, TopicNode>();
    const read = await inParallel(names, (name) => this.readTopic(name));
    for (const node of read) if (node !== undefined) nodes.set(node.name, node);
    return nodes;
  }

  /** undefined when it vanished meanwhile. */
  private async readTopic(name: string): Promise<TopicNode | undefined> {
    const node = await this.store.get(paths.topic(name), { watch: this.topicWatch() });
    if (node === undefined) return undefined;
    const parent = paths.partitions(name);
    const numbers = await this.store.children(parent);
    const read = await inParallel(numbers ?? [], async (number) => {
      const path = childOf(parent, number);
      const partition = await this.store.get(path, { watch: this.topicWatch() });
      return partition && ([Number(number), decoded(partition, partitionRecordCodec)] as const);
    });
    const partitions = new Map(read.filter((entry) => entry !== undefined));
    const record = node.data.length === 0 ? undefined : topicRecordCodec.decode(node.data);
    if (record !== undefined && !isComplete(record.partitions, partitions)) {
      // A deletion that happened between the two reads takes the payload away first.
      const again = await this.store.get(paths.topic(name));
      if (again?.version === node.version) throw missing(`${parent} (some of its children)`);
      return again && this.readTopic(name);
    }
    return {
      name,
      version: node.version,
      record,
      hasPartitionsParent: numbers !== undefined,
      partitions,
    };
  }

  private topicWatch(): Watch | undefined {
    return this.topicWatches++ < MAX_TOPIC_WATCHES ? this.watches.topics : undefined;
  }

  private async readNumbered<T extends object>(
    parent: string,
    codec: MessageCodec<T>,
  ): Promise<ReadonlyMap<number, Versioned<T>>> {
    const named = await this.readNamed(parent, codec);
    return new Map(Array.from(named, ([name, value]) => [Number(name), value]));
  }

  private async readNamed<T extends object>(
    parent: string,
    codec: MessageCodec<T>,
  ): Promise<ReadonlyMap<string, Versioned<T>>> {
    const children = await this.readChildren(parent);
    return new Map(children.map(({ path, node }) => [nameOf(path), decoded(node, codec)]));
  }

  private async readChildren(parent: string, watch?: Watch): Promise<readonly Child[]> {
    const names = (await this.store.children(parent, { watch })) ?? [];
    const children = await inParallel(names, async (name) => {
      const path = childOf(parent, name);
      const node = await this.store.get(path);
      return node && { path, node };
    });
    return children.filter((child) => child !== undefined);
  }
}

interface Child {
  readonly path: string;
  readonly node: StoreNode;
}

function decoded<T extends object>(node: StoreNode, codec: MessageCodec<T>): Versioned<T> {
  return { value: codec.decode(node.data), version: node.version };
}

function isComplete(
  count: number,
  partitions: ReadonlyMap<number, Versioned<PartitionRecord>>,
): boolean {
  return Array.from({ length: count }, (_, number) => number).every((n) => partitions.has(n));
}

async function inParallel<T, R>(items: readonly T[], read: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += PARALLEL_READS) {
    const slice = items.slice(start, start + PARALLEL_READS);
    results.push(...(await Promise.all(slice.map(read))));
  }
  return results;
}

function missing(path: string): Error {
  const message = `${path} is missing in the metadata store; nothing is changed until it is restored`;
  return zhumqError('DATA_CORRUPT', message, { path });
}
