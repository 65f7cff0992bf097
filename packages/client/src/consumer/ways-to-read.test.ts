// run(), for await, batches() and fetch() are four ways to the same messages; and what ends run().
import { zhumqError } from '@zhumq/model';
import type { Client, Consumer, ReadOptions } from '../index.js';
import { FakeCluster, failureFrom, until } from '../testing/fake-cluster.fixture.js';
import { gate, numbers, store, textOf } from '../testing/group-world.fixture.js';

const COUNT = 300;

describe('a consumer', () => {
  let cluster: FakeCluster;
  let mq: Client;
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
    cluster.groups.intervalMs = 20;
    mq = await cluster.connect();
  });
  afterEach(() => cluster.close());

  function consume(options: ReadOptions = {}): Consumer {
    return mq.consumer({ topic: 't', from: 'earliest', maxWait: 50, ...options });
  }

  /** Each gives the texts of so many messages. */
  const ways: Record<string, (consumer: Consumer, count: number) => Promise<string[]>> = {
    'run()': async (consumer, count) => {
      const seen: string[] = [];
      const stop = new AbortController();
      await consumer.run(
        (message) => {
          if (seen.push(textOf(message)) === count) stop.abort();
        },
        { signal: stop.signal },
      );
      return seen;
    },
    'for await': async (consumer, count) => {
      const seen: string[] = [];
      for await (const message of consumer) if (seen.push(textOf(message)) === count) break;
      return seen;
    },
    'batches()': async (consumer, count) => {
      const seen: string[] = [];
      for await (const batch of consumer.batches({ wait: 5 })) {
        seen.push(...batch.messages.map(textOf));
        await batch.ack();
        if (seen.length === count) break;
      }
      return seen;
    },
    'fetch()': async (consumer, count) => {
      const seen: string[] = [];
      while (seen.length < count) seen.push(...(await consumer.fetch()).map(textOf));
      return seen;
    },
  };

  test.each(Object.keys(ways))(
    'reads by %s everything once and in order (kafkajs#298)',
    async (way) => {
      cluster.addTopic('t');
      for (let n = 0; n < COUNT; n += 50) store(cluster, numbers(50, n));
      for (const options of [{}, { delivery: 'push' as const }, { group: 'g' }]) {
        const consumer = consume(options);
        expect(await ways[way](consumer, COUNT)).toEqual(numbers(COUNT));
        await consumer.close();
      }
    },
  );

  test('gives as many as `max` says, neither fewer that are there nor more (confluent#286: never more than 32)', async () => {
    cluster.addTopic('t');
    store(cluster, numbers(250));
    const consumer = consume();
    await until(() => consumer.health().bufferedBytes > 0);
    for (const max of [1, 33, 100]) expect(await consumer.fetch({ max })).toHaveLength(max);
    const sizes: number[] = [];
    for await (const { messages, ack } of consumer.batches({ max: 50, wait: '5s' })) {
      sizes.push(messages.length);
      if (sizes.length === 2) break;
      void ack;
    }
    expect(sizes).toEqual([50, 50]);
  });

  test('one partition that is slow takes no more than its share, and delays no other (platformatic#128, #260)', async () => {
    for (const delivery of ['pull', 'push'] as const) {
      cluster.addTopic('t', 2);
      for (let n = 0; n < 40; n++) store(cluster, ['x'.repeat(1000)], 0);
      const hold = gate();
      const seen: string[] = [];
      const consumer = consume({ delivery, prefetchBytes: 10_000, maxPartitionBytes: 2000 });
      const work = consumer.run(
        async (message) => {
          if (message.partition === 0) await hold.opened;
          else seen.push(textOf(message));
        },
        { concurrency: 2 },
      );
      await until(() => consumer.health().handling === 1);
      for (let n = 0; n < 50; n++) {
        store(cluster, [`${n}`], 1);
        await until(() => seen.length === n + 1);
        expect(consumer.health().bufferedBytes).toBeLessThanOrEqual(10_000);
      }
      hold.open();
      await consumer.close();
      await work;
    }
  });

  describe('run()', () => {
    test('goes on through everything that passes, and says nothing of it (kafkajs#1445, #1443, #1271)', async () => {
      cluster.addTopic('t');
      store(cluster, numbers(3));
      const troubles = [
        ...(['NOT_LEADER', 'LEADER_NOT_AVAILABLE', 'TIMEOUT', 'OVERLOADED'] as const),
        ...(['UNKNOWN_TOPIC', 'PARTITION_SEALED', 'STOPPING', 'CONNECTION_LOST'] as const),
      ];
      let pulls = 0;
      cluster.on.pull = (_broker, _request, next) => {
        const code = troubles.at(pulls++);
        if (code !== undefined) throw zhumqError(code, 'for a while');
        return next();
      };
      const seen: string[] = [];
      const consumer = consume();
      let ended = false;
      const work = consumer.run((message) => void seen.push(textOf(message)));
      void work.finally(() => (ended = true));
      await until(() => seen.length === 3, 20_000);
      expect(pulls).toBeGreaterThan(troubles.length);
      expect(ended).toBe(false);
      await consumer.close();
      await work;
    }, 30_000);

    test('rejects with what no waiting can cure, and can be run again when that is cured (kafkajs#1721)', async () => {
      cluster.addTopic('t');
      store(cluster, numbers(5));
      const consumer = consume({ from: 99 });
      expect((await failureFrom(consumer.run(() => undefined))).code).toBe('OFFSET_OUT_OF_RANGE');
      expect(consumer.health().state).toBe('stalled');
      await consumer.seek('earliest');
      const seen: string[] = [];
      const failing = consumer.run((message) => {
        seen.push(textOf(message));
        if (seen.length === 2) throw new Error('the handler failed');
      });
      await expect(failing).rejects.toThrow('the handler failed');
      const work = consumer.run((message) => void seen.push(textOf(message)));
      await until(() => seen.length === 6);
      // The message that failed comes again.
      expect(seen).toEqual(['0', '1', '1', '2', '3', '4']);
      await consumer.close();
      await work;
    });

    test('goes on when none of the addresses that the client was given is there any more (platformatic#228)', async () => {
      const other = await FakeCluster.start(3);
      try {
        other.addTopic('t');
        other.partition('t').leader = 2;
        const only = `zhumq://127.0.0.1:${other.brokers[0].port}`;
        const client = await other.connect({}, only);
        const seen: string[] = [];
        const consumer = client.consumer({ topic: 't', from: 'earliest', maxWait: 50 });
        const work = consumer.run((message) => void seen.push(textOf(message)));
        store(other, ['a']);
        await until(() => seen.length === 1);
        await other.brokers[0].stop();
        other.moveLeader('t', 0, 3);
        await other.brokers[1].stop();
        store(other, ['b']);
        await until(() => seen.length === 2, 20_000);
        await consumer.close();
        await work;
      } finally {
        await other.close();
      }
    }, 30_000);
  });
});
