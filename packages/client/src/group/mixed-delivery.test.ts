// Members of one group of which some are pushed to and some pull: partitions go from one kind to the other and back.
import type { Client, Consumer } from '../index.js';
import { FakeCluster, until } from '../testing/fake-cluster.fixture.js';
import { store, textOf } from '../testing/group-world.fixture.js';

const PARTITIONS = 4;
type Delivery = 'push' | 'pull';

describe('a group with members by push and by pull', () => {
  let cluster: FakeCluster;
  let mq: Client;
  let sent = 0;
  let handled: string[];
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
    cluster.groups.intervalMs = 10;
    cluster.addTopic('t', PARTITIONS);
    mq = await cluster.connect();
    sent = 0;
    handled = [];
  });
  afterEach(() => cluster.close());

  function start(delivery: Delivery): {
    consumer: Consumer;
    stop(): Promise<void>;
    seen: string[];
  } {
    const seen: string[] = [];
    const consumer = mq.consumer({ topic: 't', group: 'g', delivery, maxWait: 20 });
    const work = consumer.run(async (message) => {
      const name = `${message.partition} ${textOf(message)}`;
      // A partition that were another one's as well would be seen in the order.
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(name);
      handled.push(name);
    });
    const stop = async (): Promise<void> => {
      await consumer.close();
      await work;
    };
    return { consumer, stop, seen };
  }

  function send(): void {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      store(cluster, [`${sent}`, `${sent + 1}`], partition);
    }
    sent += 2;
  }

  function expected(): string[] {
    const all: string[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for (let number = 0; number < sent; number++) all.push(`${partition} ${number}`);
    }
    return all.sort();
  }

  const orderOf = (partition: number): string[] =>
    handled.filter((name) => name.startsWith(`${partition} `));

  test.each<[Delivery, Delivery]>([
    ['push', 'pull'],
    ['pull', 'push'],
  ])(
    'partitions go from a member by %s to one by %s and back: each message is handled once, in order',
    async (one, other) => {
      const stays = start(one);
      send();
      await until(() => handled.length === expected().length);
      for (let round = 0; round < 4; round++) {
        const guest = start(other);
        send();
        await until(() => guest.consumer.health().partitions === PARTITIONS / 2);
        const before = guest.seen.length;
        send();
        await until(() => handled.length === expected().length);
        expect(guest.seen.length).toBeGreaterThan(before);
        send();
        await guest.stop();
        await until(() => stays.consumer.health().partitions === PARTITIONS);
        send();
        await until(() => handled.length === expected().length);
      }
      await stays.stop();
      expect([...handled].sort()).toEqual(expected());
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const numbers = Array.from({ length: sent }, (_one, number) => `${partition} ${number}`);
        expect(orderOf(partition)).toEqual(numbers);
      }
    },
    30_000,
  );
});
