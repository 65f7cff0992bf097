import type { Client, Consumer } from '../index.js';
import { FakeCluster, failureFrom, turns, until } from '../testing/fake-cluster.fixture.js';
import { eventsOf, gate, numbers, store, textOf } from '../testing/group-world.fixture.js';

describe('commits of a group', () => {
  let cluster: FakeCluster;
  let mq: Client;
  beforeEach(async () => {
    cluster = await FakeCluster.start(1);
    cluster.groups.intervalMs = 20;
    cluster.addTopic('t', 2);
    mq = await cluster.connect();
  });
  afterEach(() => cluster.close());

  const member = (options: object = {}): Consumer =>
    mq.consumer({ topic: 't', group: 'g', commitInterval: '1h', maxWait: 50, ...options });
  const committed = (): number => cluster.groups.committed('t-0');

  test('go behind the last message that was handled without a gap', async () => {
    store(cluster, numbers(6));
    const consumer = member();
    const hold = gate();
    let handled = 0;
    const work = consumer.run(
      async ({ offset }) => {
        if (offset === 2) await hold.opened;
        handled++;
      },
      { concurrency: 6, order: 'none' },
    );
    await until(() => handled === 5);
    await consumer.commit();
    expect(committed()).toBe(2);
    hold.open();
    await until(() => handled === 6);
    await consumer.commit();
    expect(committed()).toBe(6);
    await consumer.close();
    await work;
  });

  test('of more partitions than one request may name are sent in several', async () => {
    cluster.addTopic('wide', 20_001);
    const consumer = mq.consumer({ topic: 'wide', group: 'g', autoCommit: false });
    let owned = 0;
    consumer.on('assigned', ({ partitions }) => (owned += partitions.length));
    const fetching = consumer.fetch({ wait: 10 });
    await until(() => owned === 20_001, 20_000);
    await fetching;
    await consumer.commit(
      Array.from({ length: owned }, (_, partition) => ({ partition, offset: 0, lastEpoch: -1 })),
    );
    expect(cluster.groups.commits.map(({ positions }) => positions.length)).toEqual([20_000, 1]);
    await consumer.close();
  }, 30_000);

  test('are made by themselves every so often, and after so many messages', async () => {
    store(cluster, numbers(3));
    const often = member({ commitInterval: 10 });
    const work = often.run(() => undefined);
    await until(() => committed() === 3);
    await often.close();
    await work;
    store(cluster, numbers(3, 3));
    const many = member({ commitEvery: 2 });
    const more = many.run(() => undefined);
    await until(() => committed() >= 5);
    await many.close();
    await more;
  });

  test('are left to the program with autoCommit false, also at close()', async () => {
    store(cluster, numbers(3));
    const consumer = member({ autoCommit: false, commitInterval: 10 });
    let handled = 0;
    const work = consumer.run(() => void handled++);
    await until(() => handled === 3);
    await turns(20);
    await consumer.close();
    await work;
    expect(cluster.groups.commits).toEqual([]);
  });

  test('a handler that throws: what was handled before is committed, and the rest comes again', async () => {
    store(cluster, numbers(5));
    const consumer = member();
    const work = consumer.run(({ offset }) => {
      if (offset === 3) throw new Error('poison');
    });
    await expect(work).rejects.toThrow('poison');
    expect(committed()).toBe(3);
    const seen: number[] = [];
    const stop = new AbortController();
    await consumer.run(
      ({ offset }) => {
        seen.push(offset);
        if (offset === 4) stop.abort();
      },
      { signal: stop.signal },
    );
    expect(seen).toEqual([3, 4]);
    expect(committed()).toBe(5);
  });

  test('refused because another member has the partition: an event, an error, and nothing in silence (platformatic#267)', async () => {
    store(cluster, numbers(3));
    const consumer = member({ autoCommit: false });
    const events = eventsOf(consumer);
    let handled = 0;
    const work = consumer.run(() => void handled++);
    await until(() => handled === 3);
    cluster.groups.on.heartbeat = (request, next) => {
      // The member hears of it by its commit first.
      if (request.memberId === 'm1' && cluster.groups.commits.length === 0) {
        return {
          memberId: 'm1',
          memberEpoch: request.memberEpoch ?? { term: 0, counter: 0 },
          heartbeatIntervalMs: 20,
          assigned: request.owned,
        };
      }
      return next();
    };
    cluster.groups.expel('m1');
    const error = await failureFrom(consumer.commit());
    expect(error).toMatchObject({ code: 'FENCED_MEMBER', outcome: 'rejected' });
    expect(events.slice(0, 3)).toEqual(['assigned 0 1', 'lost 0 1', 'fenced UNKNOWN_MEMBER']);
    expect(committed()).toBe(-1);
    // Somebody handles them again.
    await until(() => handled === 6);
    await consumer.commit();
    expect(committed()).toBe(3);
    await consumer.close();
    await work;
  });

  test('lost by a heartbeat: the next commit() says so', async () => {
    store(cluster, numbers(3));
    const consumer = member({ autoCommit: false });
    const events = eventsOf(consumer);
    const messages = await consumer.fetch({ wait: '5s' });
    expect(messages).toHaveLength(3);
    cluster.groups.expel('m1');
    await until(() => events.includes('fenced UNKNOWN_MEMBER'));
    await consumer.ready();
    const again = await consumer.fetch({ wait: '5s' });
    expect(again.map(textOf)).toEqual(numbers(3));
    const told = await failureFrom(consumer.commit());
    expect(told).toMatchObject({ code: 'FENCED_MEMBER', context: { partitions: 't-0' } });
    await consumer.commit();
    expect(committed()).toBe(3);
    const more = consumer.batches({ wait: 10 });
    store(cluster, numbers(2, 3));
    for await (const batch of more) {
      const events2 = events.length;
      cluster.groups.expel('m2');
      await until(() => events.length > events2);
      const error = await failureFrom(batch.ack());
      expect(error.code).toBe('FENCED_MEMBER');
      expect(error.message).toContain('t-0');
      break;
    }
    expect(committed()).toBe(3);
  });

  test('a refusal that only crossed a new epoch is no loss: the commit is made again (platformatic#267)', async () => {
    store(cluster, numbers(3));
    const consumer = member({ autoCommit: false });
    const events = eventsOf(consumer);
    let handled = 0;
    const work = consumer.run(() => void handled++);
    await until(() => handled === 3);
    const epochs: (number | undefined)[] = [];
    cluster.groups.on.commit = (request, next) => {
      epochs.push(request.memberEpoch.counter);
      // A heartbeat that was served just before it.
      const m1 = cluster.groups.members.get('m1');
      if (epochs.length === 1 && m1 !== undefined) m1.epoch = { term: 1, counter: 99 };
      return next();
    };
    await consumer.commit();
    expect(epochs).toEqual([expect.any(Number), 99]);
    expect(committed()).toBe(3);
    expect(events).toEqual(['assigned 0 1']);
    await consumer.close();
    await work;
  });

  test('an ack after the partition came back is not taken for the new reading (node-amqp-connection-manager#58)', async () => {
    store(cluster, numbers(4));
    const consumer = member({ autoCommit: false });
    const events = eventsOf(consumer);
    const iterator = consumer.batches({ max: 4, wait: 10 })[Symbol.asyncIterator]();
    const before = (await iterator.next()).value;
    cluster.groups.expel('m1');
    await until(() => events.filter((event) => event === 'assigned 0 1').length === 2);
    const after = (await iterator.next()).value;
    expect(after?.messages.map(textOf)).toEqual(numbers(4));
    expect((await failureFrom(before?.ack() ?? Promise.resolve())).code).toBe('FENCED_MEMBER');
    // Where it began, and no further.
    expect(committed()).toBe(0);
    await after?.ack();
    expect(committed()).toBe(4);
    await iterator.return?.();
  });

  test('an ack whose commit waits for another one is refused when the partition is lost meanwhile', async () => {
    store(cluster, numbers(4));
    const consumer = member({ autoCommit: false });
    const events = eventsOf(consumer);
    const iterator = consumer.batches({ max: 2, wait: 10 })[Symbol.asyncIterator]();
    const hold = gate();
    let held = 0;
    cluster.groups.on.commit = async (_request, next) => {
      held++;
      await hold.opened;
      return next();
    };
    const [first, second] = [(await iterator.next()).value, (await iterator.next()).value];
    expect(second?.messages.map(textOf)).toEqual(['2', '3']);
    const acks = [first, second].map((batch) => failureFrom(batch?.ack() ?? Promise.resolve()));
    await until(() => held === 1);
    cluster.groups.expel('m1');
    await until(() => events.filter((event) => event === 'assigned 0 1').length === 2);
    hold.open();
    expect((await Promise.all(acks)).map(({ code }) => code)).toEqual([
      'FENCED_MEMBER',
      'FENCED_MEMBER',
    ]);
    expect(committed()).toBe(-1);
    await iterator.return?.();
  });

  test.each(['commit()', 'commit(positions)'])(
    '%s is refused when the partition goes to another member while it waits',
    async (way) => {
      store(cluster, numbers(4));
      const consumer = member({ autoCommit: false });
      const events = eventsOf(consumer);
      expect((await consumer.fetch({ max: 4 })).map(textOf)).toEqual(numbers(4));
      const hold = gate();
      let held = 0;
      cluster.groups.on.commit = async (_request, next) => {
        held++;
        await hold.opened;
        return next();
      };
      const first = consumer.commit([{ partition: 0, offset: 1, lastEpoch: -1 }]);
      await until(() => held === 1);
      const at = way === 'commit()' ? undefined : [{ partition: 0, offset: 3, lastEpoch: -1 }];
      const second = failureFrom(consumer.commit(at));
      const refused = failureFrom(first);
      cluster.groups.expel('m1');
      await until(() => events.filter((event) => event === 'assigned 0 1').length === 2);
      hold.open();
      expect((await refused).code).toBe('FENCED_MEMBER');
      expect(await second).toMatchObject({ code: 'FENCED_MEMBER' });
      expect(committed()).toBe(-1);
      await consumer.close();
    },
  );

  test('a loop has handled a message when it asks for the next one', async () => {
    store(cluster, numbers(4));
    const consumer = member({ commitInterval: 10 });
    let taken = 0;
    for await (const message of consumer) {
      taken++;
      if (taken === 3) {
        await until(() => committed() === 2);
        await turns(10);
        expect(committed()).toBe(2);
        // By hand: this one, too.
        await consumer.commit();
        expect(committed()).toBe(3);
      }
      if (textOf(message) === '3') break;
    }
    await consumer.close();
    // Nobody said that the last one was handled.
    expect(committed()).toBe(3);
  });

  test('a partition waits for the loop that has a message of it', async () => {
    store(cluster, ['0'], 1);
    const consumer = member({ commitInterval: 10 });
    const iterator = consumer[Symbol.asyncIterator]();
    expect((await iterator.next()).value?.partition).toBe(1);
    const other = member();
    const events = eventsOf(other);
    await until(() => cluster.groups.members.size === 2);
    await until(() => cluster.groups.heartbeats.length > 20);
    expect(events).toEqual([]);
    const next = iterator.next();
    await until(() => events.length === 1);
    expect(cluster.groups.committed('t-1')).toBe(1);
    await consumer.close();
    await next;
  });

  test('batches: acked ones are committed, the others come again in the next loop', async () => {
    store(cluster, numbers(10));
    const consumer = member({ autoCommit: false });
    const seen: string[][] = [];
    for await (const batch of consumer.batches({ max: 4, wait: 10 })) {
      seen.push(batch.messages.map(textOf));
      if (seen.length === 2) break;
      await batch.ack();
      await batch.ack();
      expect(committed()).toBe(4);
    }
    for await (const batch of consumer.batches({ max: 100, wait: 10 })) {
      seen.push(batch.messages.map(textOf));
      await batch.ack();
      break;
    }
    expect(seen).toEqual([numbers(4), numbers(4, 4), numbers(6, 4)]);
    expect(committed()).toBe(10);
  });

  test('batches without a group move the position', async () => {
    store(cluster, numbers(5));
    const consumer = mq.consumer({ topic: 't', partitions: [0], from: 'earliest' });
    for await (const batch of consumer.batches({ wait: 10, max: 3 })) {
      expect(consumer.position()[0].offset).toBe(0);
      await batch.ack();
      expect(consumer.position()[0].offset).toBe(3);
      break;
    }
    expect((await failureFrom(consumer.commit())).code).toBe('INVALID_REQUEST');
  });

  test('close() waits for handlers, commits, leaves; and keeps its deadline where a handler hangs (kafkajs#918: hangs)', async () => {
    store(cluster, numbers(2), 0);
    store(cluster, numbers(2), 1);
    const consumer = member();
    const hold = gate();
    let handled = 0;
    const work = consumer.run(
      async ({ partition }) => {
        handled++;
        if (partition === 0) await hold.opened;
      },
      { concurrency: 2 },
    );
    await until(() => handled === 3);
    let closed = false;
    const closing = consumer.close().then(() => (closed = true));
    await cluster.quiet();
    expect(closed).toBe(false);
    hold.open();
    await closing;
    await work;
    expect([committed(), cluster.groups.committed('t-1')]).toEqual([1, 2]);
    expect(cluster.groups.story.at(-2)).toBe('left m1');
    expect(cluster.groups.members.size).toBe(0);

    const other = member();
    void other.run(() => new Promise(() => undefined));
    await until(() => other.health().handling === 1);
    const startedMs = performance.now();
    await other.close({ timeout: 100 });
    expect(performance.now() - startedMs).toBeLessThan(1000);
    expect(cluster.groups.members.size).toBe(0);
    expect(committed()).toBe(1);
  });

  test('a slow handler does not make memory grow: prefetchBytes holds', async () => {
    const value = '.'.repeat(1000);
    for (let n = 0; n < 300; n++) store(cluster, [value], n % 2);
    let given = 0;
    cluster.on.pull = async (_broker, _request, next) => {
      const response = await next();
      for (const { batches } of response.partitions) given += batches.length;
      return response;
    };
    const consumer = member({ prefetchBytes: '20KiB' });
    const hold = gate();
    let handled = 0;
    const work = consumer.run(
      async () => {
        handled++;
        await hold.opened;
      },
      { concurrency: 4, order: 'key' },
    );
    await until(() => given > 10_000 && handled === 4);
    await cluster.quiet();
    expect(given).toBeLessThan(30 * 1024);
    expect(consumer.health().bufferedBytes).toBeLessThanOrEqual(20 * 1024);
    hold.open();
    await until(() => handled === 300);
    await consumer.close();
    await work;
  });
});
