// Which broker coordinates a group: the leader of the partition of `__groups` that the group's name gives. Brokers find it;
// clients only ask them.
import { GROUPS_TOPIC, keyHash, zhumqError } from '@zhumq/model';
import type { BrokerInfo, ClusterMetadata, Endpoint } from '@zhumq/rpc';
import type { ZkServerLink } from '../membership/zkserver-link.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { RaftTransport } from '../replication/raft/raft-transport.js';

export interface CoordinatorLookupOptions {
  readonly registry: PartitionRegistry;
  readonly transport: Pick<RaftTransport, 'brokerOf'>;
  readonly link: Pick<ZkServerLink, 'callAny' | 'callActiveWithin'>;
  /** The brokers as this one was last told. */
  readonly brokers: () => readonly BrokerInfo[];
  /** Aborted when the broker stops. */
  readonly stopping: AbortSignal;
}

export class CoordinatorLookup {
  /** Never changes once the topic is there. */
  private partitions: number | undefined;
  private counting: Promise<number> | undefined;

  constructor(private readonly options: CoordinatorLookupOptions) {}

  /** The partition of `__groups` that holds a group; the topic is made when it is not there. Throws STORE_UNAVAILABLE. */
  async partitionOf(group: string): Promise<number> {
    this.partitions ??= await this.count();
    return keyHash(Buffer.from(group)) % this.partitions;
  }

  /** As partitionOf(), without asking anybody; undefined before that was answered once. */
  knownPartitionOf(group: string): number | undefined {
    return this.partitions && keyHash(Buffer.from(group)) % this.partitions;
  }

  /** Throws LEADER_NOT_AVAILABLE, STORE_UNAVAILABLE. */
  async find(group: string): Promise<Endpoint> {
    const partition = await this.partitionOf(group);
    const found = this.leaderKnownHere(partition) ?? leaderIn(await this.metadata(), partition);
    if (found !== undefined) return found;
    const text = `group "${group}" has no coordinator at present: partition ${GROUPS_TOPIC}-${partition} has no leader`;
    throw zhumqError('LEADER_NOT_AVAILABLE', text, { group, topic: GROUPS_TOPIC, partition });
  }

  /** The leader as the replica here knows it, which hears of elections before any zkserver; undefined without one. */
  leaderKnownHere(partition: number): Endpoint | undefined {
    const { registry, transport, brokers } = this.options;
    const replica = registry.find(GROUPS_TOPIC, partition)?.replicator.leaderReplica;
    const broker = replica === undefined ? undefined : transport.brokerOf(replica);
    return brokers().find(({ endpoint }) => endpoint.id === broker)?.endpoint;
  }

  /** Of many that ask at once one call. */
  private count(): Promise<number> {
    this.counting ??= this.ask().finally(() => (this.counting = undefined));
    return this.counting;
  }

  private async ask(): Promise<number> {
    const { link, stopping } = this.options;
    // Any zkserver knows a topic that is there, also while none is active.
    const known = await this.metadata().catch(() => undefined);
    const topic = known?.topics.find(({ name }) => name === GROUPS_TOPIC);
    if (topic !== undefined) return topic.partitions.length;
    const options = { timeoutMs: ENSURE_TIMEOUT_MS };
    const made = await link.callActiveWithin(
      ENSURE_TIMEOUT_MS,
      (zkServer) => zkServer.ensureInternalTopic(GROUPS_TOPIC, options),
      stopping,
    );
    return made.partitions.length;
  }

  private metadata(): Promise<ClusterMetadata> {
    const options = { timeoutMs: METADATA_TIMEOUT_MS };
    return this.options.link.callAny((zkServer) =>
      zkServer.metadata({ topics: [GROUPS_TOPIC] }, options),
    );
  }
}

const METADATA_TIMEOUT_MS = 1_000;
const ENSURE_TIMEOUT_MS = 5_000;

function leaderIn({ topics, brokers }: ClusterMetadata, partition: number): Endpoint | undefined {
  const info = topics.find(({ name }) => name === GROUPS_TOPIC)?.partitions[partition];
  return brokers.find(({ endpoint }) => endpoint.id === info?.leader)?.endpoint;
}
