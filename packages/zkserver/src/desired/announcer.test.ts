// When brokers are told what they must hold, over real connections.
import { ManualClock, SeededRandom, SystemClock, silentLogger } from '@zhumq/base';
import { ChannelPool, brokerService, createRpcServer } from '@zhumq/rpc';
import type { BrokerHandler, DesiredState, DesiredStateReply, RpcServer } from '@zhumq/rpc';
import { FetchWorld, broker } from '../testing/fetch-world.js';
import { until } from '../testing/test-cluster.js';
import { Announcer } from './announcer.js';

const NOTHING: DesiredStateReply = { deletedTopicIds: [] };

class World {
  readonly received: number[] = [];
  readonly deleted: string[] = [];
  readonly clock = new ManualClock();
  version = 1;
  tombstones: DesiredState['tombstones'] = [];
  /** What the broker does with a state. */
  answer: (version: number) => Promise<DesiredStateReply> = () => Promise.resolve(NOTHING);
  announcer!: Announcer;
  private server!: RpcServer;
  private view = new FetchWorld().view;
  private readonly channels = new ChannelPool({
    ...{ clock: new SystemClock(), random: new SeededRandom(1), logger: silentLogger },
  });

  async start(): Promise<this> {
    const reconcile = ({ version }: DesiredState): Promise<DesiredStateReply> => {
      this.received.push(version);
      return this.answer(version);
    };
    const refuse = (): never => {
      throw new Error('not in this test');
    };
    const handler = new Proxy({} as BrokerHandler, {
      get: (_target, method) => (method === 'reconcile' ? reconcile : refuse),
    });
    this.server = createRpcServer({ services: [brokerService(handler)] });
    const address = await this.server.listen(0, '127.0.0.1');
    this.view = { ...this.view, liveBrokers: new Map([[1, broker(1, address)]]) };
    this.announcer = new Announcer({
      ...{ channels: this.channels, clock: this.clock, random: new SeededRandom(1) },
      ...{ logger: silentLogger, timeoutMs: 10_000, onSent: () => undefined },
      stateOf: () => ({
        ...{ controllerEpoch: 1, version: this.version, clusterId: 'c', partitions: [] },
        ...{ tombstones: this.tombstones, brokers: [] },
      }),
      onDeleted: (_id, topicIds) => Promise.resolve(this.deleted.push(...topicIds)),
    });
    return this;
  }

  /** The cluster has changed, for this broker too if a version is given. */
  tell(version = this.version): void {
    this.version = version;
    this.announcer.follow(this.view);
  }

  untilReceived(count: number): Promise<void> {
    return until(() => this.received.length >= count);
  }

  async end(): Promise<void> {
    this.announcer.stop();
    this.channels.close();
    await this.server.close(0);
  }
}

let world: World;
beforeEach(async () => (world = await new World().start()));
afterEach(() => world.end());

const settled = (): boolean => world.announcer.behind.length === 0;

test('a state is told once, however often the cluster changes elsewhere', async () => {
  world.tell();
  await until(settled);
  world.tell();
  world.tell();
  expect(world.announcer.behind).toEqual([]);
  expect(world.received).toEqual([1]);
});

test('a newer state does not wait for the answer to an older one, and no third call is made', async () => {
  const release: (() => void)[] = [];
  world.answer = () => new Promise((resolve) => release.push(() => resolve(NOTHING)));
  world.tell(1);
  await world.untilReceived(1);
  world.tell(2);
  await world.untilReceived(2);
  world.tell(3);
  world.tell(4);
  expect(world.received).toEqual([1, 2]);
  // Whichever answer comes first, the newest state goes out then.
  release[1]();
  await world.untilReceived(3);
  expect(world.received).toEqual([1, 2, 4]);
  expect(world.announcer.behind).toEqual([1]);
  release[0]();
  release[2]();
  await until(settled);
  expect(world.received).toEqual([1, 2, 4]);
});

test('what failed is told again after a while; what is newer is told at once', async () => {
  let isRefused = true;
  world.answer = () => (isRefused ? Promise.reject(new Error('no')) : Promise.resolve(NOTHING));
  world.tell(1);
  await until(() => world.clock.nextDueMs() !== undefined);
  world.tell(1);
  expect(world.received).toEqual([1]);
  world.tell(2);
  await world.untilReceived(2);
  isRefused = false;
  await until(() => {
    world.clock.advance(50);
    return settled();
  });
  expect(world.received.slice(0, 2)).toEqual([1, 2]);
  expect(world.received.at(-1)).toBe(2);
});

test('a deletion that a broker has not confirmed is asked for again, and holds up nothing', async () => {
  world.tombstones = [{ topicId: 'gone', controllerEpoch: 1, topic: 't' }];
  world.tell(1);
  await until(() => world.clock.nextDueMs() !== undefined);
  expect(world.announcer.behind).toEqual([1]);
  world.tell(2);
  await world.untilReceived(2);
  world.answer = () => Promise.resolve({ deletedTopicIds: ['gone'] });
  await until(() => {
    world.clock.advance(50);
    return settled();
  });
  expect(world.deleted).toEqual(['gone']);
});
