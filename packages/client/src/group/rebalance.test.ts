// Members come, go, crash and are fenced at random; coordinators change. Seeds are fixed.
import { SeededRandom } from '@zhumq/base';
import type { Client, Consumer } from '../index.js';
import { FakeCluster, turns, until } from '../testing/fake-cluster.fixture.js';
import { store, textOf } from '../testing/group-world.fixture.js';

const PARTITIONS = 5;
const STEPS = 120;

interface Running {
  readonly consumer: Consumer;
  readonly work: Promise<void>;
}

class World {
  readonly handled = new Map<string, number>();
  /** Messages being handled; with members that only come and go, never two of a partition. */
  readonly active = new Map<number, number>();
  overlaps = 0;
  sent = 0;
  private members: Running[] = [];

  constructor(
    readonly cluster: FakeCluster,
    private readonly mq: Client,
    private readonly random: SeededRandom,
  ) {}

  join(): void {
    const delivery = this.random.below(2) === 0 ? 'push' : 'pull';
    const consumer = this.mq.consumer({
      ...{ topic: 't', group: 'g', commitInterval: 5, maxWait: 20, delivery },
    });
    const work = consumer.run(
      async (message) => {
        const { partition } = message;
        const active = (this.active.get(partition) ?? 0) + 1;
        this.active.set(partition, active);
        if (active > 1) this.overlaps++;
        await turns(this.random.below(40));
        this.active.set(partition, (this.active.get(partition) ?? 1) - 1);
        const text = textOf(message);
        this.handled.set(text, (this.handled.get(text) ?? 0) + 1);
      },
      { concurrency: 3 },
    );
    this.members.push({ consumer, work });
  }

  async part(): Promise<void> {
    if (this.members.length < 2) return this.join();
    const [{ consumer, work }] = this.members.splice(this.random.below(this.members.length), 1);
    await consumer.close();
    await work;
  }

  expel(): void {
    const ids = [...this.cluster.groups.members.keys()];
    if (ids.length > 0) this.cluster.groups.expel(ids[this.random.below(ids.length)]);
  }

  send(): void {
    for (let more = this.random.below(6); more >= 0; more--) {
      store(this.cluster, [`${this.sent++}`], this.random.below(PARTITIONS));
    }
  }

  /** Some turns, or some heartbeats. */
  async pass(): Promise<void> {
    const { heartbeats } = this.cluster.groups;
    const before = heartbeats.length;
    if (this.random.below(3) > 0 || this.members.length === 0) await turns(this.random.below(10));
    else await until(() => heartbeats.length > before + 3);
  }

  async settled(): Promise<void> {
    if (this.members.length === 0) this.join();
    const ends = Array.from({ length: PARTITIONS }, (_one, partition) => {
      return (): boolean =>
        this.cluster.groups.committed(`t-${partition}`) === this.cluster.log('t', partition).end;
    });
    await until(() => ends.every((reached) => reached()), 20_000);
    await Promise.all(this.members.map(({ consumer }) => consumer.close()));
    await Promise.all(this.members.map(({ work }) => work));
  }
}

describe('a group whose members change all the time', () => {
  let cluster: FakeCluster;
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
    cluster.groups.intervalMs = 10;
    cluster.addTopic('t', PARTITIONS);
  });
  afterEach(() => cluster.close());

  test.each([1, 2, 3])(
    'handles every message once, and one of a partition at a time, when members come and go (seed %i; kafkajs#1720)',
    async (seed) => {
      const random = new SeededRandom(seed);
      const world = new World(cluster, await cluster.connect(), random);
      for (let step = 0; step < STEPS; step++) {
        world.send();
        const dice = random.below(10);
        if (dice < 2) world.join();
        else if (dice < 4) await world.part();
        else if (dice === 4) cluster.groups.move(1 + random.below(2));
        await world.pass();
      }
      await world.settled();
      expect(world.handled.size).toBe(world.sent);
      expect([...world.handled.values()].filter((times) => times > 1)).toEqual([]);
      expect(world.overlaps).toBe(0);
    },
    30_000,
  );

  test.each([4, 5, 6])(
    'leaves no message out when members are fenced and coordinators change (seed %i; platformatic#267)',
    async (seed) => {
      const random = new SeededRandom(seed);
      const world = new World(cluster, await cluster.connect(), random);
      for (let step = 0; step < STEPS; step++) {
        world.send();
        const dice = random.below(10);
        if (dice < 2) world.join();
        else if (dice === 2) await world.part();
        else if (dice < 5) world.expel();
        else if (dice === 5) cluster.groups.move(1 + random.below(2));
        await world.pass();
      }
      await world.settled();
      expect(world.handled.size).toBe(world.sent);
    },
    30_000,
  );
});
