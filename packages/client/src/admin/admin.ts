// Administration: questions to any server, changes to the active zkserver.
import { delay } from '@zhumq/base';
import { checkTopicName, isError, isInternalTopic, zhumqError } from '@zhumq/model';
import type { ClusterMetadata, CreateTopicRequest, TopicInfo } from '@zhumq/rpc';
import type {
  Admin,
  AlterTopic,
  ClusterDescription,
  ClusterHealth,
  CreatedTopic,
  CreateTopic,
  DeleteTopic,
  ListOffsets,
  PartitionDetails,
  PartitionOffsetAt,
  StoreNodeDescription,
  TopicDescription,
} from '../api/admin.js';
import type { CallOptions } from '../api/client.js';
import type {
  DeleteGroup,
  GroupDetails,
  GroupLag,
  GroupList,
  OffsetReset,
  ResetOffsets,
} from '../api/groups.js';
import type { PartitionSwitch, SwitchMode } from '../api/mode-switch.js';
import type { Cluster } from '../cluster/cluster.js';
import { EARLIEST, LATEST, listOffsets } from '../cluster/list-offsets.js';
import { forGood } from '../errors.js';
import { durationOption, integerOption } from '../option-values.js';
import { modeNumber } from '../replication-mode.js';
import { retrying, withinSignal } from '../retry.js';
import type { RetryLimits } from '../retry.js';
import { callController, limitsOf } from './controller-calls.js';
import { describeBroker, describeDetails, describeTopic } from './descriptions.js';
import { deleteGroup, describeGroup } from './group-calls.js';
import { groupLag } from './group-lag.js';
import { listGroups } from './group-list.js';
import { healthOf } from './health.js';
import { electLeader } from './leadership.js';
import { describeSwitch, switchMode, watchSwitch } from './mode-switch.js';
import { replicaStatuses } from './replica-statuses.js';
import type { ReplicaStatuses } from './replica-statuses.js';
import { resetOffsets } from './reset-offsets.js';

const DEFAULT_REPLICAS = 3;
const READY_WAIT = '15s';
const READY_POLL_MS = 50;
const MAX_PARTITIONS = 100_000;
/** Of describeReplicas. */
const ALL_TOPICS = '';

export class ClusterAdmin implements Admin {
  constructor(private readonly cluster: Cluster) {}

  // ---- topics -----------------------------------------------------------------------------------------------------

  async createTopic(topic: CreateTopic, options: CallOptions = {}): Promise<CreatedTopic> {
    checkTopicName(topic.topic);
    const waitMs = durationOption('wait', topic.wait, READY_WAIT);
    const limits = this.limits(options, `topic ${topic.topic} could not be created`);
    const { info, created } = await this.create(topic, limits);
    const description = (latest: TopicInfo): TopicDescription =>
      describeTopic(latest, this.cluster.view.brokers);
    if (topic.dryRun === true) return { created: false, ready: false, topic: description(info) };
    const latest = await this.waitForLeaders(info, waitMs, options.signal);
    return { created, ready: isReady(latest), topic: description(latest) };
  }

  async deleteTopic(
    topic: DeleteTopic,
    options: CallOptions = {},
  ): Promise<{ readonly deleted: boolean }> {
    const limits = this.limits(options, `topic ${topic.topic} could not be deleted`);
    const dryRun = topic.dryRun ?? false;
    const deleted = await callController(
      this.cluster,
      limits,
      async (client, timeoutMs, earlierMayHaveWorked) => {
        try {
          await client.deleteTopic(topic.topic, dryRun, { timeoutMs, signal: options.signal });
          return true;
        } catch (error) {
          if (!isError(error, 'UNKNOWN_TOPIC')) throw error;
          // An earlier attempt without an answer may be the reason why it is gone.
          if (earlierMayHaveWorked) return true;
          if (topic.ifExists === true) return false;
          throw forGood(error);
        }
      },
    );
    if (deleted && !dryRun) await this.cluster.refresh([topic.topic]).catch(() => undefined);
    return { deleted: deleted && !dryRun };
  }

  async alterTopic(topic: AlterTopic, options: CallOptions = {}): Promise<TopicDescription> {
    const limits = this.limits(options, `topic ${topic.topic} could not be altered`);
    const config = texts(topic.config);
    const info = await callController(this.cluster, limits, async (client, timeoutMs) => {
      try {
        const call = { timeoutMs, signal: options.signal };
        return await client.alterTopic(topic.topic, config, topic.dryRun ?? false, call);
      } catch (error) {
        throw isError(error, 'UNKNOWN_TOPIC') ? forGood(error) : error;
      }
    });
    return describeTopic(info, this.cluster.view.brokers);
  }

  async listTopics(options: CallOptions & { readonly internal?: boolean } = {}): Promise<string[]> {
    const { topics } = await this.metadata(undefined, options);
    const names = topics.map(({ name }) => name);
    return names.filter((name) => options.internal === true || !isInternalTopic(name)).toSorted();
  }

  async describeTopics(
    topics?: readonly string[],
    options: CallOptions = {},
  ): Promise<TopicDescription[]> {
    const metadata = await this.metadata(topics, options);
    const found = new Map(metadata.topics.map((info) => [info.name, info]));
    const names = topics ?? [...found.keys()].toSorted();
    return names.map((name) => {
      const info = found.get(name);
      if (info === undefined) throw unknownTopic(name);
      return describeTopic(info, metadata.brokers);
    });
  }

  // ---- partitions -------------------------------------------------------------------------------------------------

  async describePartitions(topic: string, options: CallOptions = {}): Promise<PartitionDetails[]> {
    const metadata = await this.metadata([topic], options);
    const info = metadata.topics.find(({ name }) => name === topic);
    if (info === undefined) throw unknownTopic(topic);
    const holders = new Set(
      info.partitions.flatMap(({ replicas }) => replicas.map((r) => r.broker)),
    );
    const { statuses, failures } = await this.askReplicas(topic, metadata, holders, options);
    return info.partitions.map((one) =>
      describeDetails(topic, one, metadata.brokers, statuses, failures),
    );
  }

  electLeader(
    choice: { readonly topic: string; readonly partition: number; readonly broker: number },
    options: CallOptions = {},
  ): Promise<void> {
    return electLeader(this.cluster, choice, options);
  }

  switchMode(wanted: SwitchMode, options: CallOptions = {}): Promise<readonly PartitionSwitch[]> {
    return switchMode(this.cluster, wanted, options);
  }

  describeSwitch(
    which: { readonly topic: string; readonly partition?: number },
    options: CallOptions = {},
  ): Promise<readonly PartitionSwitch[]> {
    return describeSwitch(this.cluster, which, options);
  }

  watchSwitch(
    wanted: SwitchMode,
    options: CallOptions = {},
  ): AsyncIterable<readonly PartitionSwitch[]> {
    return watchSwitch(this.cluster, wanted, options);
  }

  async listOffsets(query: ListOffsets, options: CallOptions = {}): Promise<PartitionOffsetAt[]> {
    const { topic, at = 'latest' } = query;
    const limits = this.limits(options, `offsets of topic ${topic} could not be read`);
    const view = await this.cluster.loadTopic(topic, limits.deadline, options.signal);
    const timestamp = at === 'latest' ? LATEST : at === 'earliest' ? EARLIEST : at.getTime();
    const partitions = query.partitions ?? [...view.partitions.keys()];
    const range = { min: 0, max: view.partitions.length - 1 };
    for (const partition of partitions) integerOption('partitions', partition, 0, range);
    const queries = partitions.map((partition) => ({ partition, timestamp }));
    const found = await listOffsets(this.cluster, topic, queries, limits);
    return partitions.map((partition) => {
      const answer = found.get(partition);
      const { offset = -1, timestamp: time = -1, epoch = -1 } = answer ?? {};
      return { partition, offset, timestamp: time, epoch };
    });
  }

  // ---- groups -----------------------------------------------------------------------------------------------------

  listGroups(options: CallOptions = {}): Promise<GroupList> {
    return listGroups(this.cluster, options);
  }

  describeGroup(group: string, options: CallOptions = {}): Promise<GroupDetails> {
    return describeGroup(this.cluster, group, options);
  }

  groupLag(group: string, options: CallOptions = {}): Promise<GroupLag> {
    return groupLag(this.cluster, group, options);
  }

  deleteGroup(
    group: DeleteGroup,
    options: CallOptions = {},
  ): Promise<{ readonly deleted: boolean }> {
    return deleteGroup(this.cluster, group, options);
  }

  resetOffsets(reset: ResetOffsets, options: CallOptions = {}): Promise<OffsetReset[]> {
    return resetOffsets(this.cluster, reset, options);
  }

  // ---- cluster ----------------------------------------------------------------------------------------------------

  async describeCluster(options: CallOptions = {}): Promise<ClusterDescription> {
    const { clusterId, controller, controllerEpoch, zkservers, brokers } = await this.metadata(
      [],
      options,
    );
    return {
      ...{ clusterId, controller, controllerEpoch },
      zkservers: zkservers.map(({ id, host, port }) => ({ id, host, port })),
      brokers: brokers.map(describeBroker),
    };
  }

  async clusterHealth(options: CallOptions = {}): Promise<ClusterHealth> {
    const metadata = await this.metadata(undefined, options);
    const { brokers } = metadata;
    const alive = brokers.filter((one) => one.alive).map(({ endpoint }) => endpoint.id);
    const replicas = await this.askReplicas(ALL_TOPICS, metadata, new Set(alive), options);
    return healthOf({ ...metadata, replicas });
  }

  async dumpStore(path: string, options: CallOptions = {}): Promise<StoreNodeDescription[]> {
    const limits = this.limits(options, `the metadata store could not be read below ${path}`);
    const nodes = await callController(this.cluster, limits, (client, timeoutMs) =>
      client.dumpStore(path, { timeoutMs, signal: options.signal }),
    );
    return nodes.map(({ json, ...node }) => ({ ...node, data: parsed(json) }));
  }

  // ---- the parts --------------------------------------------------------------------------------------------------

  private limits(options: CallOptions, failing: string): RetryLimits {
    return limitsOf(this.cluster, options, failing);
  }

  private askReplicas(
    topic: string,
    { brokers }: ClusterMetadata,
    holders: ReadonlySet<number>,
    { timeout, signal }: CallOptions,
  ): Promise<ReplicaStatuses> {
    const { clock, requestTimeoutMs } = this.cluster.options;
    const timeoutMs = Math.min(
      durationOption('timeout', timeout, requestTimeoutMs),
      requestTimeoutMs,
    );
    const asking = replicaStatuses(clock, brokers, holders, ({ endpoint }, late) =>
      this.cluster.broker(endpoint).describeReplicas(topic, -1, { timeoutMs, signal: late }),
    );
    return withinSignal(asking, signal);
  }

  private metadata(
    topics: readonly string[] | undefined,
    options: CallOptions,
  ): Promise<ClusterMetadata> {
    const limits = this.limits(options, 'metadata could not be read');
    return withinSignal(
      retrying(() => this.cluster.fetchMetadata(topics), limits),
      options.signal,
    );
  }

  private async create(
    topic: CreateTopic,
    limits: RetryLimits,
  ): Promise<{ info: TopicInfo; created: boolean }> {
    const request: CreateTopicRequest = {
      name: topic.topic,
      partitions: topic.partitions ?? 1,
      replicationFactor: topic.replicas ?? (await this.defaultReplicas()),
      mode: modeNumber(topic.mode ?? 'raft'),
      config: texts(topic.config ?? {}),
      dryRun: topic.dryRun ?? false,
    };
    integerOption('partitions', request.partitions, 1, { min: 1, max: MAX_PARTITIONS });
    return callController(this.cluster, limits, async (client, timeoutMs, earlierMayHaveWorked) => {
      try {
        const info = await client.createTopic(request, { timeoutMs, signal: limits.signal });
        return { info, created: true };
      } catch (error) {
        if (!isError(error, 'TOPIC_EXISTS')) throw error;
        if (topic.ifNotExists !== true && !earlierMayHaveWorked) throw error;
        const info = await this.existing(topic.topic);
        const ours = earlierMayHaveWorked && info.partitions.length === request.partitions;
        if (topic.ifNotExists !== true && !ours) throw error;
        return { info, created: ours };
      }
    });
  }

  private async existing(topic: string): Promise<TopicInfo> {
    const { topics } = await this.cluster.fetchMetadata([topic]);
    if (topics.length > 0) return topics[0];
    throw unknownTopic(topic);
  }

  private async defaultReplicas(): Promise<number> {
    await this.cluster.refresh([]);
    const alive = this.cluster.view.brokers.filter((broker) => broker.alive).length;
    return Math.max(1, Math.min(DEFAULT_REPLICAS, alive));
  }

  /** The topic as it is when all partitions have leaders, or when the time is over. */
  private async waitForLeaders(
    created: TopicInfo,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<TopicInfo> {
    const { clock } = this.cluster.options;
    const untilMs = clock.monotonicMs() + waitMs;
    let latest = created;
    while (!isReady(latest) && clock.monotonicMs() < untilMs) {
      await delay(clock, READY_POLL_MS, signal);
      latest = await this.existing(created.name).catch(() => latest);
    }
    return latest;
  }
}

function isReady({ partitions }: TopicInfo): boolean {
  return partitions.every(({ leader }) => leader >= 0);
}

function texts(config: Readonly<Record<string, string | number | null>>): Record<string, string> {
  const entries = Object.entries(config);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value === null ? '' : `${value}`]),
  );
}

/** As the server decoded it; digits of what it could not are a JSON string, too. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return json;
  }
}

function unknownTopic(topic: string): Error {
  return forGood(zhumqError('UNKNOWN_TOPIC', `topic ${topic} does not exist`, { topic }));
}
