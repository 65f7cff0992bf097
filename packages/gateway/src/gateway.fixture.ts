// A gateway before a real broker of this process: the calls come over sockets, the clock of the gateway is the test's.
import { ManualClock, Metrics, silentLogger } from '@zhumq/base';
import {
  connectChannel,
  createRpcServer,
  recordClient,
  recordListenerService,
  recordService,
} from '@zhumq/rpc';
import type {
  Failure,
  ReceivedRecord,
  RecordClient,
  RecordId,
  RpcChannel,
  RpcServer,
} from '@zhumq/rpc';
import { startTestBroker } from '@zhumq/testing';
import type { TestBroker } from '@zhumq/testing';
import { RecordGateway } from './record-gateway.js';
import type { GatewayOptions } from './record-gateway.js';

const WAIT_MS = 30_000;

export const OPTIONS: GatewayOptions = {
  'record.members.max': 16,
  'record.unacked.max': 100,
  'record.prefetch.bytes': 256 * 1024,
  'record.send.bytes': 64 * 2 ** 20,
  'record.send.connection.bytes': 16 * 2 ** 20,
  'delivery.heartbeat.ms': 1_000,
  'request.max.bytes': 16 * 2 ** 20,
};

/** A program at the other end. */
export class Program {
  readonly channel: RpcChannel;
  readonly client: RecordClient;
  readonly delivered: ReceivedRecord[] = [];
  readonly refused: RecordId[] = [];
  readonly closed: Failure[] = [];
  pings = 0;
  reason: Failure | undefined;
  /** What it does with records that are pushed. */
  onDeliver: (records: readonly ReceivedRecord[]) => void = () => undefined;

  constructor(port: number) {
    const listener = recordListenerService({
      deliver: (records) => {
        this.delivered.push(...records);
        this.onDeliver(records);
      },
      ping: () => void this.pings++,
      refused: (records, reason) => {
        this.refused.push(...records);
        this.reason = reason;
      },
      closed: (reason) => void this.closed.push(reason),
    });
    this.channel = connectChannel({ host: '127.0.0.1', port, services: [listener] });
    this.client = recordClient(this.channel);
  }

  async send(topic: string, value: string, more: object = {}): Promise<number> {
    const record = { topic, value: Buffer.from(value), ...more };
    return (await this.client.send(record, {})).offset;
  }

  /** Until there is something, or `rounds` answers were empty. */
  async receive(
    group: string,
    topic: string,
    more: object = {},
    rounds = 30,
  ): Promise<ReceivedRecord[]> {
    for (let round = 0; round < rounds; round++) {
      const request = { group, topics: [topic], waitMs: 500, ...more };
      const records = await this.client.receive(request);
      if (records.length > 0) return records;
    }
    return [];
  }
}

export class World {
  readonly clock = new ManualClock();
  readonly metrics = new Metrics();
  private readonly programs: Program[] = [];

  private constructor(
    readonly broker: TestBroker,
    readonly gateway: RecordGateway,
    private readonly server: RpcServer,
    private readonly port: number,
    clock: ManualClock,
    metrics: Metrics,
  ) {
    this.clock = clock;
    this.metrics = metrics;
  }

  static async start(options: Partial<GatewayOptions> = {}): Promise<World> {
    const broker = await startTestBroker({ topics: [{ topic: 't', partitions: 1 }] });
    const [host, port] = broker.bootstrap.split(':');
    const [clock, metrics] = [new ManualClock(), new Metrics()];
    const gateway = new RecordGateway({
      ...{ clock, metrics, logger: silentLogger, options: { ...OPTIONS, ...options } },
      address: () => ({ host, port: Number(port) }),
      ofClient: {},
    });
    const server = createRpcServer({ services: [recordService(gateway.handler)] });
    const listening = await server.listen(0, '127.0.0.1');
    return new World(broker, gateway, server, listening.port, clock, metrics);
  }

  program(): Program {
    const program = new Program(this.port);
    this.programs.push(program);
    return program;
  }

  async stop(): Promise<void> {
    for (const { channel } of this.programs) channel.close();
    await this.gateway.close(2_000);
    await this.server.close(0);
    await this.broker.stop();
  }

  async gauge(name: string): Promise<number> {
    const line = (await this.metrics.render())
      .split('\n')
      .find((one) => one.startsWith(`${name} `));
    return Number(line?.split(' ')[1]);
  }
}

/** Waits for a condition. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never true: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function idsOf(records: readonly ReceivedRecord[]): RecordId[] {
  return records.map(({ topic, partition, offset }) => ({ topic, partition, offset }));
}

export function textsOf(records: readonly ReceivedRecord[]): string[] {
  return records.map(({ value }) => String(value));
}

export function numbered(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_one, index) => `m${from + index}`);
}
