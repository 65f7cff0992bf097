// For tests: brokers and a zkserver that listen on real sockets and keep their partitions in memory. Tests bend single
// answers with `on`: what a real broker would do is `next()`.
import { delay, SystemClock } from '@zhumq/base';
import type { ErrorContext, ManualClock } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import {
  brokerService,
  createRpcServer,
  failureOf,
  groupService,
  ReplicationMode,
  zkServerService,
} from '@zhumq/rpc';
import type {
  BrokerHandler,
  ClusterMetadata,
  CreateTopicRequest,
  MetadataRequest,
  PartitionInfo,
  PartitionBacklog,
  PartitionOffset,
  PartitionPosition,
  PartitionProduceResult,
  PartitionPullResult,
  PartitionTimestamp,
  ProduceRequest,
  ProduceResponse,
  ProducerIdentity,
  PullRequest,
  PullResponse,
  PartitionSwitch,
  ReplicaStatus,
  RpcServer,
  SwitchRequest,
  TopicInfo,
  ZkServerHandler,
} from '@zhumq/rpc';
import type { Client, ConnectOptions } from '../api/client.js';
import { connectClient } from '../client.js';
import type { ClientEnvironment } from '../client.js';
import { FakeCoordinator } from './fake-coordinator.fixture.js';
import { FakeDelivery } from './fake-delivery.fixture.js';
import { MemoryLog, checkRead } from './memory-log.fixture.js';

const HOST = '127.0.0.1';
const CLUSTER_ID = 'c'.repeat(32);
const clock = new SystemClock();

export interface FakePartition {
  leader: number;
  epoch: number;
  mode: ReplicationMode;
  generation: number;
  /** Takes no records: it is being switched. */
  sealed: boolean;
  /** What metadata says besides. */
  info: Partial<PartitionInfo>;
  readonly log: MemoryLog;
}

export interface FakeTopic {
  topicId: string;
  config: Record<string, string>;
  readonly partitions: FakePartition[];
}

/** What a test puts in the way of a method. */
type Hook<Request, Response> = (
  broker: FakeBroker,
  request: Request,
  next: () => Promise<Response>,
) => Promise<Response> | Response;

export class FakeBroker {
  server: RpcServer | undefined;
  port = 0;
  alive = true;
  readonly delivery = new FakeDelivery(this);
  /** False: a broker of before push delivery, once it is started anew. */
  pushes = true;
  private stopping = new AbortController();
  private thawed: Promise<void> | undefined;
  private endFreeze: () => void = () => undefined;

  constructor(
    readonly id: number,
    private readonly cluster: FakeCluster,
  ) {}

  async start(): Promise<void> {
    const { on } = this.cluster;
    const handler: BrokerHandler = {
      produce: (request) => on.produce(this, request, () => this.produce(request)),
      produceOneway: (request) => void this.produce({ ...request, acks: 1 }),
      pull: (request) => on.pull(this, request, () => this.pull(request)),
      listOffsets: (items) => items.map((item) => this.offsetOf(item)),
      backlogs: (items) => items.map((item) => this.backlogOf(item)),
      metadata: (request) =>
        on.metadata(this, request, async () => this.cluster.metadata(request.topics)),
      initProducer: () => on.initProducer(this, undefined, async () => this.cluster.nextProducer()),
      describeReplicas: (topic) => this.replicas(topic),
      transferLeadership: (topic, partition, toBroker) =>
        on.transferLeadership(topic, partition, toBroker),
      reconcile: () => ({ deletedTopicIds: [] }),
      ...{ replicaEnds: refuse, sealPartition: refuse, closePartition: refuse },
    };
    const groups = this.cluster.groups.handlerOf(this);
    this.server = createRpcServer({
      services: [
        brokerService(this.freezable(handler)),
        groupService(this.freezable(groups)),
        ...(this.pushes ? [this.delivery.service()] : []),
      ],
    });
    ({ port: this.port } = await this.server.listen(this.port, HOST));
    this.alive = true;
    this.stopping = new AbortController();
  }

  /** From here until thaw() it takes connections and requests, and does nothing with them. */
  freeze(): void {
    this.thawed ??= new Promise((resolve) => (this.endFreeze = resolve));
  }

  thaw(): void {
    this.thawed = undefined;
    this.endFreeze();
  }

  private freezable<H extends object>(handler: H): H {
    type Method = (...values: unknown[]) => unknown;
    const methods = Object.entries(handler).map(([name, method]): [string, Method] => [
      name,
      (...values) => {
        const serve = (): unknown => (method as Method)(...values);
        return this.thawed === undefined ? serve() : this.thawed.then(serve);
      },
    ]);
    return Object.fromEntries(methods) as H;
  }

  async stop(): Promise<void> {
    this.thaw();
    this.alive = false;
    this.stopping.abort();
    await this.server?.close(0);
  }

  async produce(request: ProduceRequest): Promise<ProduceResponse> {
    this.cluster.produceRequests.push({ broker: this.id, request });
    const partitions = request.partitions.map((item): PartitionProduceResult => {
      const { topic, partition, batch } = item;
      const { mode } = this.cluster.topics.get(topic)?.partitions[partition] ?? {};
      const common = { topic, partition, logStart: 0, mode: mode ?? ReplicationMode.RAFT };
      try {
        const { log, epoch, sealed } = this.led(topic, partition);
        if (sealed) throw zhumqError('PARTITION_SEALED', `${topic}-${partition} is sealed`);
        const max = Number(this.cluster.topics.get(topic)?.config['max.message.bytes'] ?? 1 << 20);
        return { ...common, ...log.append(batch as Buffer, epoch, max) };
      } catch (error) {
        return { ...common, failure: failureOf(error), baseOffset: -1, duplicate: false };
      }
    });
    return { partitions };
  }

  async pull(request: PullRequest): Promise<PullResponse> {
    const deadlineMs = clock.monotonicMs() + request.maxWaitMs;
    for (;;) {
      const results = request.partitions.map((item): PartitionPullResult => {
        const { topic, partition, offset, maxBytes, lastEpoch } = item;
        const common = { topic, partition, highWatermark: -1, logStart: -1 };
        try {
          const { log } = this.led(topic, partition);
          checkRead(log, offset, lastEpoch ?? -1);
          const batches = log.read(offset, maxBytes);
          return { ...common, highWatermark: log.end, logStart: log.logStart, batches };
        } catch (error) {
          return { ...common, failure: failureOf(error), batches: Buffer.alloc(0) };
        }
      });
      const telling = results.filter((one) => one.failure !== undefined || one.batches.length > 0);
      if (telling.length > 0) return { partitions: telling };
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0 || this.stopping.signal.aborted) return { partitions: results };
      const logs = request.partitions.map(
        ({ topic, partition }) => this.cluster.partition(topic, partition).log,
      );
      const enough = new AbortController();
      const ended = AbortSignal.any([enough.signal, this.stopping.signal]);
      const late = delay(clock, leftMs, ended).catch(() => undefined);
      await Promise.race([late, ...logs.map((log) => log.grown())]);
      enough.abort();
    }
  }

  private offsetOf({ topic, partition, timestamp }: PartitionTimestamp): PartitionOffset {
    const found = { topic, partition, timestamp: -1, epoch: -1 };
    try {
      const { log } = this.led(topic, partition);
      if (timestamp === -2) return { ...found, offset: log.logStart };
      const record = log.records().find((one) => one.timestamp >= timestamp);
      if (timestamp === -1 || record === undefined) return { ...found, offset: log.end };
      return { ...found, offset: record.offset, timestamp: record.timestamp };
    } catch (error) {
      return { ...found, failure: failureOf(error), offset: -1 };
    }
  }

  private backlogOf({ topic, partition, offset }: PartitionPosition): PartitionBacklog {
    try {
      const { log } = this.led(topic, partition);
      const { logStart, end: highWatermark } = log;
      const first = log.records().find((one) => one.offset >= offset);
      const unread = {
        unreadFrom: first?.offset ?? highWatermark,
        timestamp: first?.timestamp ?? -1,
      };
      return { topic, partition, logStart, highWatermark, ...unread };
    } catch (error) {
      const unknown = { logStart: -1, highWatermark: -1, unreadFrom: -1, timestamp: -1 };
      return { topic, partition, ...unknown, failure: failureOf(error) };
    }
  }

  led(topic: string, partition: number): FakePartition {
    const found = this.cluster.partition(topic, partition);
    if (found.leader === this.id) return found;
    const leader = this.cluster.brokers.find(({ id }) => id === found.leader);
    const context: ErrorContext =
      leader === undefined ? {} : { leader: leader.id, host: HOST, port: leader.port };
    throw zhumqError('NOT_LEADER', `broker ${this.id} does not lead`, context);
  }

  /** What a replica here says of its role, where it is not what the leader of the partition tells. */
  role: string | undefined;

  private replicas(topic: string): ReplicaStatus[] {
    if (topic === '') return [...this.cluster.topics.keys()].flatMap((name) => this.replicas(name));
    const partitions = this.cluster.topics.get(topic)?.partitions ?? [];
    return partitions.map(({ leader, epoch, log, mode, generation, sealed }, partition) => ({
      ...{ topic, partition, broker: this.id, replicaId: replicaId(partition, this.id) },
      role: this.role ?? (leader === this.id ? 'leader' : 'follower'),
      ...{ epoch, logStart: log.logStart },
      ...{ logEnd: log.end, durableEnd: log.end, highWatermark: log.end, leader },
      ...{ bytes: 0, problem: '', mode, generation },
      ...(sealed && leader === this.id ? { sealedBy: 'intent' } : {}),
    }));
  }
}

export class FakeCluster {
  readonly brokers: FakeBroker[] = [];
  readonly topics = new Map<string, FakeTopic>();
  readonly groups = new FakeCoordinator(this);
  readonly produceRequests: { broker: number; request: ProduceRequest }[] = [];
  controllerEpoch = 1;
  zkPort = 0;
  /** What the zkserver says of switches: tests set it. */
  switches: {
    begin: (request: SwitchRequest) => PartitionSwitch[];
    describe: (topic: string) => PartitionSwitch[];
  } = { begin: refuse, describe: refuse };
  /** What the zkserver says of the cluster, when it has not heard the latest. */
  stored: ClusterMetadata | undefined;
  readonly on: {
    produce: Hook<ProduceRequest, ProduceResponse>;
    pull: Hook<PullRequest, PullResponse>;
    metadata: Hook<MetadataRequest, ClusterMetadata>;
    initProducer: Hook<undefined, ProducerIdentity>;
    transferLeadership: (topic: string, partition: number, broker: number) => void;
  } = {
    produce: (_broker, _request, next) => next(),
    pull: (_broker, _request, next) => next(),
    metadata: (_broker, _request, next) => next(),
    initProducer: (_broker, _request, next) => next(),
    transferLeadership: (...to) => this.moveLeader(...to),
  };
  private readonly clients: Client[] = [];
  private other: Promise<Client> | undefined;
  private zkserver: RpcServer | undefined;
  private producers = 0;

  static async start(brokers: number): Promise<FakeCluster> {
    const cluster = new FakeCluster();
    for (let id = 1; id <= brokers; id++) {
      const broker = new FakeBroker(id, cluster);
      cluster.brokers.push(broker);
      await broker.start();
    }
    const zkserver = createRpcServer({ services: [zkServerService(cluster.zkHandler())] });
    cluster.zkserver = zkserver;
    ({ port: cluster.zkPort } = await zkserver.listen(0, HOST));
    return cluster;
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close({ timeout: 100 })));
    await Promise.all(this.brokers.map((broker) => broker.stop()));
    await this.zkserver?.close(0);
  }

  get bootstrap(): string {
    return `zhumq://${this.brokers.map(({ port }) => `${HOST}:${port}`).join(',')}`;
  }

  async connect(
    options: ConnectOptions = {},
    bootstrap = this.bootstrap,
    environment: ClientEnvironment = {},
  ): Promise<Client> {
    const client = await connectClient(bootstrap, options, environment);
    this.clients.push(client);
    return client;
  }

  /** Resolves when whatever clients and brokers do without waiting for time has been done: other questions were answered meanwhile. */
  async quiet(): Promise<void> {
    this.other ??= this.connect();
    const admin = (await this.other).admin();
    for (let n = 0; n < 5; n++) await admin.describeCluster();
  }

  /** Partition n is led by broker n + 1, in turns. */
  addTopic(
    name: string,
    partitions = 1,
    config: Record<string, string> = {},
    mode = ReplicationMode.RAFT,
  ): FakeTopic {
    const topic: FakeTopic = {
      topicId: name.padEnd(32, '0'),
      config,
      partitions: Array.from({ length: partitions }, (_one, index) => ({
        leader: this.brokers[index % this.brokers.length].id,
        ...{ epoch: 1, mode, generation: 1, sealed: false, info: {} },
        log: new MemoryLog(),
      })),
    };
    this.topics.set(name, topic);
    return topic;
  }

  partition(topic: string, partition = 0): FakePartition {
    const found = this.topics.get(topic);
    if (found === undefined) throw zhumqError('UNKNOWN_TOPIC', `no topic ${topic}`);
    if (partition < found.partitions.length) return found.partitions[partition];
    throw zhumqError('UNKNOWN_PARTITION', `no partition ${topic}-${partition}`);
  }

  log(topic: string, partition = 0): MemoryLog {
    return this.partition(topic, partition).log;
  }

  moveLeader(topic: string, partition: number, broker: number): void {
    const found = this.partition(topic, partition);
    found.leader = broker;
    found.epoch++;
    found.log.appendControl(found.epoch);
  }

  /** From here until publish() the partition takes no records. */
  seal(topic: string, partition: number): void {
    this.partition(topic, partition).sealed = true;
  }

  /** The next generation begins, in this mode and under this leader; it takes records again. */
  publish(topic: string, partition: number, mode: ReplicationMode, leader: number): void {
    const found = this.partition(topic, partition);
    Object.assign(found, { mode, generation: found.generation + 1, sealed: false });
    this.moveLeader(topic, partition, leader);
  }

  nextProducer(): ProducerIdentity {
    return { producerId: ++this.producers, producerEpoch: 0 };
  }

  metadata(topics: readonly string[] | undefined): ClusterMetadata {
    const names = (topics ?? [...this.topics.keys()]).filter((name) => this.topics.has(name));
    return {
      clusterId: CLUSTER_ID,
      brokers: this.brokers.map(({ id, port, alive }) => ({
        endpoint: { id, host: HOST, port },
        ...{ rack: '', weight: 1, incarnation: 1, directoryId: `${id}`.repeat(32), alive },
      })),
      zkservers: [{ id: 1, host: HOST, port: this.zkPort }],
      controller: 1,
      controllerEpoch: this.controllerEpoch,
      topics: names.map((name) => this.infoOf(name)),
    };
  }

  infoOf(name: string): TopicInfo {
    const topic = this.topics.get(name) as FakeTopic;
    return {
      ...{ name, topicId: topic.topicId, replicationFactor: this.brokers.length },
      config: topic.config,
      partitions: topic.partitions.map(({ leader, epoch, mode, generation, info }, partition) => ({
        ...{ partition, leader, epoch, mode, generation, isr: [] },
        replicas: this.brokers.map(({ id }) => ({
          ...{ broker: id, replicaId: replicaId(partition, id), directoryId: `${id}`.repeat(32) },
        })),
        ...info,
      })),
    };
  }

  private zkHandler(): ZkServerHandler {
    return {
      ...{ changeIsr: refuse, resignLeaders: refuse, ensureInternalTopic: refuse },
      switchMode: (request) => this.switches.begin(request),
      describeSwitch: (topic) => this.switches.describe(topic),
      electLeader: (topic, partition, toBroker) => this.moveLeader(topic, partition, toBroker),
      metadata: ({ topics }) => this.stored ?? this.metadata(topics),
      createTopic: (request) => this.create(request),
      deleteTopic: (name) => {
        if (!this.topics.delete(name)) throw zhumqError('UNKNOWN_TOPIC', `no topic ${name}`);
      },
      alterTopic: (name, config) => {
        const topic = this.topics.get(name);
        if (topic === undefined) throw zhumqError('UNKNOWN_TOPIC', `no topic ${name}`);
        Object.assign(topic.config, config);
        return this.infoOf(name);
      },
      dumpStore: (path) => [{ path, version: 3, ephemeral: false, json: '{"a":1}' }],
      desiredState: refuse,
      reportLeaders: refuse,
      allocateProducerIds: refuse,
    } as ZkServerHandler;
  }

  private create({ name, partitions, config, mode }: CreateTopicRequest): TopicInfo {
    if (this.topics.has(name)) throw zhumqError('TOPIC_EXISTS', `topic ${name} exists`);
    this.addTopic(name, partitions, config, mode);
    return this.infoOf(name);
  }
}

export function replicaId(partition: number, broker: number): string {
  return `${partition}${broker}`.padEnd(32, '0');
}

/** Waits for a condition. */
export async function until(condition: () => boolean, withinMs = 5000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Work that takes so many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves a clock on until the condition holds. */
export async function advanceUntil(clock: ManualClock, condition: () => boolean): Promise<void> {
  await until(() => {
    if (condition()) return true;
    clock.advance(5);
    return false;
  });
}

/** How a promise ended. */
export async function failureFrom(
  work: Promise<unknown>,
): Promise<{ code: string; outcome: string; message: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error && 'outcome' in error) return error as never;
    throw error;
  }
  throw new Error('it did not fail');
}

function refuse(): never {
  throw zhumqError('UNSUPPORTED', 'not in this fixture');
}
