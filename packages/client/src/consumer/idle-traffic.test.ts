// What a consumer says and hears while nothing is to be read (platformatic#99: a hundred times the traffic), in bytes on the
// sockets.
import { Socket } from 'node:net';
import type { Client, Consumer } from '../index.js';
import { FakeCluster, until } from '../testing/fake-cluster.fixture.js';
import { store, textOf } from '../testing/group-world.fixture.js';

const PARTITIONS = 10;

describe('an idle consumer', () => {
  let cluster: FakeCluster;
  let mq: Client;
  /** Everything goes over sockets of this process: what one end writes the other reads. */
  let written: number;
  let spy: jest.SpyInstance;
  beforeEach(async () => {
    cluster = await FakeCluster.start(1);
    cluster.addTopic('t', PARTITIONS);
    mq = await cluster.connect();
    written = 0;
    const write = Socket.prototype.write as (this: Socket, ...values: unknown[]) => boolean;
    spy = jest.spyOn(Socket.prototype, 'write').mockImplementation(function (
      this: Socket,
      ...values: unknown[]
    ): boolean {
      if (values[0] instanceof Uint8Array) written += values[0].length;
      return write.apply(this, values);
    } as never);
  });
  afterEach(async () => {
    spy.mockRestore();
    await cluster.close();
  });

  /** Reads one message of each partition, and then nothing. */
  async function becomesIdle(consumer: Consumer): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) store(cluster, ['a'], partition);
    const seen: string[] = [];
    void consumer.run((message) => void seen.push(textOf(message)));
    await until(() => seen.length === PARTITIONS);
  }

  test('by pull asks once per maxWait for each of its partitions, in less than 200 bytes there and back', async () => {
    const maxWait = 100;
    let asked = 0;
    cluster.on.pull = (_broker, request, next) => {
      asked += request.partitions.length;
      return next();
    };
    await becomesIdle(mq.consumer({ topic: 't', from: 'earliest', maxWait }));
    const [fromBytes, fromAsked, fromMs] = [written, asked, performance.now()];
    await until(() => asked >= fromAsked + 10 * PARTITIONS);
    const rounds = (performance.now() - fromMs) / maxWait;
    expect((asked - fromAsked) / PARTITIONS).toBeLessThan(rounds + 2);
    expect(written - fromBytes).toBeLessThan((asked - fromAsked) * 200);
  });

  test('by push says and hears nothing but heartbeats of less than 100 bytes', async () => {
    const { delivery } = cluster.brokers[0];
    delivery.heartbeatMs = 20;
    await becomesIdle(mq.consumer({ topic: 't', from: 'earliest', delivery: 'push' }));
    await until(() => delivery.calls.filter((call) => call === 'heartbeat').length > 2);
    const [fromBytes, fromCalls] = [written, delivery.calls.length];
    for (let beat = 1; beat <= 10; beat++) {
      delivery.beat();
      await until(() => delivery.calls.length >= fromCalls + beat);
    }
    const calls = delivery.calls.slice(fromCalls);
    expect(new Set(calls)).toEqual(new Set(['heartbeat']));
    expect(written - fromBytes).toBeLessThan((calls.length + 10) * 100);
  });
});
