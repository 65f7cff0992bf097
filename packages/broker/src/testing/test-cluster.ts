// Several test brokers that hold one topic with one partition, "orders", and a zkserver's part: telling them so.
import { ManualClock } from '@zhumq/base';
import { encodeBatch } from '@zhumq/model';
import type { EncodeOptions } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { DesiredState, PartitionAssignment, PartitionInfo, PartitionRef } from '@zhumq/rpc';
import type { Partition, ProduceResult } from '../partition/partition.js';
import { Network } from './network.js';
import { CLUSTER_ID, TICK_MS, TestBroker } from './test-broker.js';
import { TestZkServer } from './test-zkserver.js';

/** What became of a produced batch. */
export interface Outcome {
  done: boolean;
  error: Error | undefined;
  result: ProduceResult | undefined;
}

export interface TopicChoice {
  /** "orders" unless another one is given. */
  readonly name?: string;
  readonly topicId?: string;
  /** Makes the ids of its replicas. */
  readonly replicaDigit?: string;
  readonly config?: Readonly<Record<string, string>>;
  readonly generation?: number;
  readonly mode?: ReplicationMode;
}

export class TestCluster {
  readonly clock = new ManualClock(START_MS);
  readonly network = new Network();
  readonly brokers: readonly TestBroker[];
  topic: Required<Omit<TopicChoice, 'mode' | 'name'>> & Pick<TopicChoice, 'mode' | 'name'> = {
    topicId: TOPIC_ID,
    replicaDigit: 'a',
    config: {},
    generation: 1,
  };
  /** Decides who leads, in mode fetch. */
  readonly zkServer = new TestZkServer(this, this.clock);
  /** What the record says besides: leader, epoch, seal, transition, version. */
  record: Partial<PartitionInfo> = {};
  private version = 0;

  private constructor(count: number) {
    const ids = Array.from({ length: count }, (_, index) => index + 1);
    this.brokers = ids.map(
      (id) => new TestBroker(id, this.clock, this.network, (broker) => this.zkServer.link(broker)),
    );
  }

  /** `sleepTicks`: quiet ticks before groups sleep; 0: never. */
  static async start(count = 3, topic: TopicChoice = {}, sleepTicks = 0): Promise<TestCluster> {
    const cluster = new TestCluster(count);
    Object.assign(cluster.topic, topic);
    for (const broker of cluster.brokers) {
      broker.sleepTicks = sleepTicks;
      broker.topic = cluster.topicName;
      await broker.start();
    }
    await cluster.tellAll();
    return cluster;
  }

  /** In mode fetch: broker 1 leads, all are in sync, and what it commits arrives. */
  static async fetching(count = 3, topic: TopicChoice = {}): Promise<TestCluster> {
    const cluster = await TestCluster.start(count, { ...topic, mode: ReplicationMode.FETCH });
    await cluster.zkServer.elect(1, { isr: cluster.brokers.map(({ id }) => id) });
    await cluster.leader();
    return cluster;
  }

  broker(id: number): TestBroker {
    return this.brokers[id - 1];
  }

  get topicName(): string {
    return this.topic.name ?? 'orders';
  }

  replicaId(broker: number): string {
    return `${broker}${this.topic.replicaDigit}`.repeat(16);
  }

  /** The state that a zkserver would send now. */
  state(change: Partial<DesiredState> = {}): DesiredState {
    const { topicId, config, generation, mode = ReplicationMode.RAFT } = this.topic;
    const assignment: PartitionAssignment = {
      topic: this.topicName,
      topicId,
      config: { ...config },
      info: {
        partition: 0,
        replicas: this.brokers.map(({ id }) => ({
          broker: id,
          replicaId: this.replicaId(id),
          directoryId: this.directoryIds.get(id) ?? '',
        })),
        leader: -1,
        epoch: 0,
        mode,
        generation,
        isr: [],
        ...(mode === ReplicationMode.FETCH ? this.zkServer.info : {}),
        ...this.record,
      },
    };
    const brokers = this.brokers.map(({ id }) => ({
      endpoint: { id, host: `broker-${id}`, port: 9000 },
      rack: '',
      weight: 1,
      incarnation: 1,
      directoryId: '',
      alive: true,
    }));
    return {
      controllerEpoch: 1,
      version: ++this.version,
      clusterId: CLUSTER_ID,
      partitions: [assignment],
      tombstones: [],
      brokers,
      ...change,
    };
  }

  /** The partition as a zkserver names it in a call. */
  ref(change: Partial<PartitionRef> = {}): PartitionRef {
    const { topicId, generation } = this.topic;
    const version = this.record.version ?? 0;
    return { topicId, partition: 0, generation, controllerEpoch: 1, version, ...change };
  }

  async tellAll(): Promise<void> {
    for (const { id, store } of this.brokers) {
      if (!this.directoryIds.has(id)) this.directoryIds.set(id, store.directoryId);
    }
    for (const broker of this.brokers)
      if (broker.alive && !broker.cutFromZkServer) await broker.apply(this.state());
  }

  /** The replica of that broker is to be made in the directory that it has now. */
  adoptDirectory({ id, store }: TestBroker): void {
    this.directoryIds.set(id, store.directoryId);
  }

  /** Starts a broker again and tells it what to hold. */
  async restart(id: number): Promise<TestBroker> {
    const broker = this.broker(id);
    await broker.start();
    await broker.apply(this.state());
    return broker;
  }

  /** Time passes, in ticks, with room for disks and messages in between. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      this.clock.advance(TICK_MS);
      await settle();
    }
  }

  async until(condition: () => boolean, limitMs = 20_000): Promise<void> {
    for (let passed = 0; !condition(); passed += TICK_MS) {
      if (passed > limitMs) throw new Error(`still not so: ${condition.toString()}`);
      await this.pass(TICK_MS);
    }
  }

  /** The broker that leads and has committed in its term. */
  async leader(except: readonly number[] = []): Promise<TestBroker> {
    const find = (): TestBroker | undefined =>
      this.brokers.find(
        ({ id, registry }) =>
          !except.includes(id) &&
          registry.find(this.topicName, 0)?.leads === true &&
          registry.get(this.topicName, 0).replicator.established,
      );
    await this.until(() => find() !== undefined);
    return find() as TestBroker;
  }

  others(broker: TestBroker): readonly TestBroker[] {
    return this.brokers.filter((one) => one !== broker);
  }

  isolate(broker: TestBroker): void {
    this.network.isolate(
      broker.id,
      this.others(broker).map(({ id }) => id),
    );
  }

  private readonly directoryIds = new Map<number, string>();
}

/** Wall time at which clusters begin. */
const START_MS = Date.UTC(2026, 0, 1);
const TOPIC_ID = '7'.repeat(32);

/** Lets ticks, syncs, messages and what follows them happen. */
export async function settle(turns = 12): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A batch as a producer sends it. */
export function batchOf(text: string, options: EncodeOptions = {}): Buffer {
  return encodeBatch([{ timestamp: START_MS, key: null, value: Buffer.from(text) }], options);
}

export function produce(partition: Partition, batch: Buffer, acks = -1, deadlineMs = 1e9): Outcome {
  const outcome: Outcome = { done: false, error: undefined, result: undefined };
  partition.produce(batch, acks, deadlineMs, (error, result) => {
    if (outcome.done) throw new Error('answered twice');
    Object.assign(outcome, { done: true, error, result });
  });
  return outcome;
}

/** Everything that consumers may read of a log, as bytes. */
export async function readAll(partition: Partition): Promise<Buffer> {
  const { log, highWatermark } = partition;
  const parts: Buffer[] = [];
  for (let at = log.logStart; at < highWatermark;) {
    const slice = await log.read(at, highWatermark, 1 << 20);
    parts.push(...slice.buffers);
    at = slice.endOffset;
  }
  return Buffer.concat(parts);
}
