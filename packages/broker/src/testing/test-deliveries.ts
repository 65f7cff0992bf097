// Push delivery of a test cluster's broker, served on a real socket.
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metrics, silentLogger } from '@zhumq/base';
import { createRpcServer, deliveryService } from '@zhumq/rpc';
import type { PartitionAttach, RpcServer } from '@zhumq/rpc';
import { Deliveries } from '../delivery/delivery-handler.js';
import type { DeliveriesOptions } from '../delivery/delivery-handler.js';
import { BrokerMetrics } from '../metrics.js';
import type { TestBroker } from './test-broker.js';
import type { Outcome, TestCluster } from './test-cluster.js';
import { batchOf, produce } from './test-cluster.js';
import { TestConsumer } from './test-consumer.js';

export const KIB = 1024;
export const MIB = 1024 * KIB;

let made = 0;

export class TestDeliveries {
  readonly metrics = new Metrics();
  readonly deliveries: Deliveries;
  readonly consumers: TestConsumer[] = [];
  port = 0;
  private server: RpcServer | undefined;
  private narrow: Server | undefined;
  private readonly path = join(tmpdir(), `deliveries-${process.pid}-${++made}`);

  constructor(
    private readonly cluster: TestCluster,
    readonly broker: TestBroker,
    options: Partial<DeliveriesOptions['options']> = {},
  ) {
    this.deliveries = new Deliveries({
      registry: broker.registry,
      clock: cluster.clock,
      logger: silentLogger,
      metrics: new BrokerMetrics(this.metrics),
      options: {
        'delivery.attachments.max': 1000,
        'delivery.buffer.bytes': MIB,
        'delivery.buffers.bytes': 16 * MIB,
        'delivery.heartbeat.ms': 60_000,
        'pull.buffer.bytes': 16 * MIB,
        ...options,
      },
    });
  }

  async listen(): Promise<this> {
    let onSocket: (socket: Socket) => void = () => undefined;
    this.server = createRpcServer({
      services: [deliveryService(this.deliveries.handler())],
      listenerFactory: (listener) => createServer((onSocket = listener)),
    });
    ({ port: this.port } = await this.server.listen(0, '127.0.0.1'));
    // Here the kernel holds little: what a broker holds itself is soon reached.
    this.narrow = createServer(onSocket).listen(this.path);
    await new Promise((resolve) => this.narrow?.once('listening', resolve));
    return this;
  }

  consumer(): TestConsumer {
    return this.add(new TestConsumer(() => connect(this.port, '127.0.0.1')));
  }

  /** A consumer on a connection that takes little without being read. */
  narrowConsumer(): TestConsumer {
    return this.add(new TestConsumer(() => connect(this.path)));
  }

  private add(consumer: TestConsumer): TestConsumer {
    this.consumers.push(consumer);
    return consumer;
  }

  async close(): Promise<void> {
    for (const { channel } of this.consumers) channel.close();
    this.deliveries.close();
    await this.server?.close(0);
    await new Promise((resolve) => this.narrow?.close(resolve));
  }

  /** The whole of a partition, from its beginning. */
  from(partition: number, windowBytes: number, change: Partial<PartitionAttach> = {}) {
    const { topic } = this.broker;
    return { topic, partition, stretch: 1, offset: 0, lastEpoch: -1, windowBytes, ...change };
  }

  /** Commits so many bytes, in batches of one record. */
  async fill(partition: number, bytes: number, batchBytes = 16 * KIB): Promise<void> {
    const text = 'x'.repeat(batchBytes - 100);
    for (let sent = 0; sent < bytes;) {
      const outcomes: Outcome[] = [];
      for (; sent < bytes && outcomes.length < 16; sent += batchBytes) {
        outcomes.push(produce(this.broker.partition(partition), batchOf(text)));
      }
      await this.cluster.until(() => outcomes.every(({ done }) => done));
      const failure = outcomes.find(({ error }) => error !== undefined)?.error;
      if (failure !== undefined) throw failure;
    }
  }

  /** The value of a metric without labels. */
  async metric(name: string): Promise<number> {
    const text = await this.metrics.render();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1],
    );
  }
}

/** So many partitions on a single broker, which leads them. */
export async function withPartitions(cluster: TestCluster, count: number): Promise<TestBroker> {
  const broker = cluster.broker(1);
  const state = cluster.state();
  const [first] = state.partitions;
  const partitions = Array.from({ length: count }, (_one, partition) => ({
    ...first,
    info: {
      ...first.info,
      partition,
      replicas: first.info.replicas.map((replica) => ({
        ...replica,
        replicaId: partition === 0 ? replica.replicaId : `${partition}f`.padStart(32, '0'),
      })),
    },
  }));
  await broker.apply({ ...state, partitions });
  const led = (number: number): boolean => {
    const { leads, replicator } = broker.partition(number);
    return leads && replicator.established;
  };
  await cluster.until(() => partitions.every(({ info }) => led(info.partition)));
  return broker;
}

/** Waits, in real time, for what sockets bring. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  withinMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
