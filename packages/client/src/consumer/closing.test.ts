// close() ends in time, whatever hangs, and nothing happens after it.
import type { Client, Consumer, ReadOptions } from '../index.js';
import { FakeCluster, failureFrom, until } from '../testing/fake-cluster.fixture.js';
import { gate, numbers, store, textOf } from '../testing/group-world.fixture.js';

describe('close()', () => {
  let cluster: FakeCluster;
  let mq: Client;
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
    cluster.groups.intervalMs = 20;
    cluster.addTopic('t', 2);
    mq = await cluster.connect();
  });
  afterEach(async () => {
    for (const broker of cluster.brokers) broker.thaw();
    await cluster.close();
  });

  function consume(options: ReadOptions = {}): Consumer {
    return mq.consumer({ topic: 't', from: 'earliest', maxWait: 50, ...options });
  }

  /** It, its commit and its good-bye may take a second each beyond the timeout. */
  async function closesInTime(consumer: Consumer): Promise<void> {
    const startedMs = performance.now();
    await consumer.close({ timeout: 100 });
    expect(performance.now() - startedMs).toBeLessThan(4000);
    expect(consumer.health().state).toBe('closed');
  }

  const frozen = (): void => cluster.brokers.forEach((broker) => broker.freeze());

  test.each(['pull', 'push'] as const)(
    'keeps its deadline where a handler hangs and no broker answers (kafkajs#918, #1017; bullmq: close() without one; by %s)',
    async (delivery) => {
      store(cluster, numbers(3));
      const consumer = consume({ group: 'g', delivery });
      const work = consumer.run(() => new Promise(() => undefined));
      void work.catch(() => undefined);
      await until(() => consumer.health().handling === 1);
      frozen();
      await closesInTime(consumer);
    },
    15_000,
  );

  test('keeps its deadline where a commit is under way that nobody answers', async () => {
    store(cluster, numbers(3));
    cluster.groups.on.commit = () => new Promise(() => undefined);
    const consumer = consume({ group: 'g', autoCommit: false });
    expect(await consumer.fetch()).toHaveLength(3);
    const committing = failureFrom(consumer.commit(undefined, { timeout: '1h' }));
    void committing.catch(() => undefined);
    await cluster.quiet();
    await closesInTime(consumer);
    const auto = consume({ group: 'g', commitInterval: 10 });
    const work = auto.run(() => undefined);
    await until(() => auto.position().some(({ offset }) => offset === 3));
    await cluster.quiet();
    await closesInTime(auto);
    await work;
  }, 15_000);

  test('keeps its deadline where the group was never joined', async () => {
    frozen();
    const consumer = consume({ group: 'g' });
    const reading = failureFrom(consumer.fetch({ wait: '1m' }));
    await closesInTime(consumer);
    expect((await reading).code).toBe('CLOSED');
  }, 15_000);

  test('ends every way to read', async () => {
    const readers: Record<string, (consumer: Consumer) => Promise<unknown>> = {
      run: (consumer) => consumer.run(() => undefined),
      loop: async (consumer) => {
        for await (const message of consumer) void message;
      },
      batches: async (consumer) => {
        for await (const batch of consumer.batches()) void batch;
      },
      fetch: (consumer) => failureFrom(consumer.fetch({ wait: '1m' })),
      ready: (consumer) => consumer.ready().then(() => consumer.fetch({ wait: 0 })),
    };
    for (const read of Object.values(readers)) {
      for (const options of [{}, { group: 'g' }]) {
        const consumer = consume(options);
        const reading = read(consumer);
        await until(() => consumer.position().length === 2);
        await consumer.close();
        await reading;
        expect((await failureFrom(consumer.fetch())).code).toBe('CLOSED');
      }
    }
  }, 15_000);

  test.each([{}, { group: 'g' }, { delivery: 'push' as const }])(
    'is the end: no handler begins after it, no message is given, no request is sent (kafkajs#1438, #1593; %j)',
    async (options) => {
      for (let n = 0; n < 100; n++) store(cluster, [`${n}`]);
      const seen: string[] = [];
      const hold = gate();
      const consumer = consume(options);
      const work = consumer.run(async (message) => {
        seen.push(textOf(message));
        if (seen.length === 10) await hold.opened;
      });
      await until(() => seen.length === 10);
      const closing = consumer.close();
      await cluster.quiet();
      // It waits for the handler, and gives no more meanwhile.
      expect(seen).toHaveLength(10);
      hold.open();
      await closing;
      await work;
      let calls = 0;
      cluster.on.pull = (_broker, _request, next) => (calls++, next());
      cluster.groups.on.heartbeat = (_request, next) => (calls++, next());
      cluster.groups.on.commit = (_request, next) => (calls++, next());
      const attached = cluster.brokers.map(({ delivery }) => delivery.calls.length);
      store(cluster, ['late']);
      await cluster.quiet();
      expect(seen).toHaveLength(10);
      expect(calls).toBe(0);
      expect(cluster.brokers.map(({ delivery }) => delivery.calls.length)).toEqual(attached);
      if ('group' in options) expect(cluster.groups.committed('t-0')).toBe(10);
    },
  );

  test.each([{}, { group: 'g' }])(
    'gives no batch that was being gathered: it comes again (%j)',
    async (options) => {
      store(cluster, numbers(3));
      const consumer = consume(options);
      const given: string[] = [];
      const reading = (async () => {
        for await (const { messages } of consumer.batches({ max: 100, wait: '1h' })) {
          given.push(...messages.map(textOf));
        }
      })();
      await until(() => consumer.health().handling === 3);
      await consumer.close();
      await reading;
      expect(given).toEqual([]);
    },
  );

  test('twice is once, and a second close() ends with the first', async () => {
    const consumer = consume({ group: 'g' });
    await consumer.ready();
    await Promise.all([consumer.close(), consumer.close(), consumer[Symbol.asyncDispose]()]);
    expect(cluster.groups.heartbeats.filter(({ leaving }) => leaving)).toHaveLength(1);
  });
});
