import type { Client, Consumer } from '../index.js';
import { FakeCluster, failureFrom, turns, until } from '../testing/fake-cluster.fixture.js';
import { eventsOf, gate, numbers, store, textOf } from '../testing/group-world.fixture.js';

describe('a member of a group', () => {
  let cluster: FakeCluster;
  let mq: Client;
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
    cluster.groups.intervalMs = 20;
    mq = await cluster.connect();
  });
  afterEach(() => cluster.close());

  const member = (options: object = {}): Consumer =>
    mq.consumer({ topic: 't', group: 'billing', commitInterval: 20, maxWait: 50, ...options });

  /** Handles what comes, and keeps it. */
  function handle(
    consumer: Consumer,
    options: object = {},
  ): { seen: string[]; work: Promise<void> } {
    const seen: string[] = [];
    const work = consumer.run((message) => void seen.push(textOf(message)), options);
    return { seen, work };
  }

  test('begins at the beginning, commits by itself, and goes on there after a restart', async () => {
    cluster.addTopic('t', 2);
    store(cluster, numbers(5), 0);
    store(cluster, numbers(5, 5), 1);
    const first = member();
    const { seen, work } = handle(first);
    await until(() => seen.length === 10);
    await until(
      () => cluster.groups.committed('t-0') === 5 && cluster.groups.committed('t-1') === 5,
    );
    await first.close();
    await work;
    store(cluster, ['new'], 0);
    const second = handle(member());
    await until(() => second.seen.length > 0);
    await turns(20);
    expect(second.seen).toEqual(['new']);
  });

  test('begins where `from` says when the group has no position, and the group stays there', async () => {
    cluster.addTopic('t');
    store(cluster, numbers(5));
    const first = member({ from: 'latest' });
    await first.ready();
    await until(() => cluster.groups.committed('t-0') === 5);
    // Dies before it has read anything: what is sent meanwhile is not passed over.
    cluster.groups.expel(cluster.groups.heartbeats.at(-1)?.memberId ?? '');
    await first.close();
    store(cluster, ['meanwhile']);
    const second = handle(member({ from: 'latest' }));
    await until(() => second.seen.length === 1);
    expect(second.seen).toEqual(['meanwhile']);
  });

  test('two members share; what does not move is never paused (kafkajs#1771, #922: stop-the-world)', async () => {
    cluster.addTopic('t', 4);
    const first = member();
    const events = eventsOf(first);
    const hold = gate();
    const handled: number[] = [];
    const work = first.run(
      async (message) => {
        // Partitions 2 and 3 are slow to give up.
        if (message.partition >= 2) await hold.opened;
        handled.push(message.partition);
      },
      { concurrency: 4 },
    );
    await until(() => events.includes('assigned 0 1 2 3'));
    for (const partition of [2, 3]) store(cluster, ['slow'], partition);
    await until(() => first.health().handling === 2);
    const second = member();
    const seen = handle(second).seen;
    await until(() => cluster.groups.members.size === 2);
    for (let n = 0; n < 50; n++) {
      store(cluster, [`${n}`], n % 2);
      await until(() => handled.length === n + 1);
    }
    expect(events).toEqual(['assigned 0 1 2 3']);
    expect(seen).toEqual([]);
    hold.open();
    await until(() => events.length === 3);
    expect(events.slice(1).sort()).toEqual(['revoked 2', 'revoked 3']);
    store(cluster, ['moved'], 2);
    await until(() => seen.length === 1);
    expect(seen).toEqual(['moved']);
    expect(handled.filter((partition) => partition >= 2)).toEqual([2, 3]);
    await first.close();
    await work;
  });

  test('a partition is released after its handlers have ended and their work is committed, each on its own', async () => {
    cluster.addTopic('t', 2);
    store(cluster, numbers(3), 0);
    store(cluster, numbers(3), 1);
    const first = member({ commitInterval: '1h' });
    const hold = gate();
    let started = 0;
    const work = first.run(
      async ({ partition, offset }) => {
        if (offset === 1) {
          started++;
          if (partition === 1) await hold.opened;
        }
      },
      { concurrency: 2 },
    );
    await until(() => started === 2);
    const other = handle(member({ commitInterval: '1h' }));
    await until(() => cluster.groups.members.size === 2);
    await until(() => cluster.groups.heartbeats.length > 20);
    expect(cluster.groups.story.filter((line) => line.startsWith('released'))).toEqual([]);
    hold.open();
    await until(() => other.seen.length === 1);
    expect(other.seen).toEqual(['2']);
    const of1 = cluster.groups.story.filter((line) => line.includes('t-1'));
    expect(of1).toEqual([
      'granted t-1 to m1',
      'committed t-1 2 by m1',
      'released t-1 by m1',
      'granted t-1 to m2',
    ]);
    await first.close();
    await work;
  });

  test('handlers that do not end in time are told, and their messages are handled elsewhere', async () => {
    cluster.addTopic('t', 2);
    store(cluster, numbers(2), 1);
    const first = member({ drainTimeout: 50 });
    let told = false;
    const work = first.run(
      (_message, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            told = true;
            reject(new Error('gave up'));
          });
        }),
    );
    await until(() => first.health().handling === 1);
    const other = handle(member());
    await until(() => other.seen.length === 2);
    expect([told, other.seen]).toEqual([true, ['0', '1']]);
    // The failure of a handler whose partition is gone does not end the others.
    let ended = false;
    void work.then(() => (ended = true));
    await cluster.quiet();
    expect(ended).toBe(false);
    await first.close();
    await work;
  });

  test('an expelled member loses everything at once, its handlers are told, and it joins anew by itself', async () => {
    cluster.addTopic('t', 2);
    store(cluster, ['a'], 0);
    const consumer = member();
    const events = eventsOf(consumer);
    let lost = 0;
    let calls = 0;
    const work = consumer.run(async (_message, { signal }) => {
      if (++calls > 1) return;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      lost++;
    });
    await until(() => calls === 1);
    cluster.groups.expel('m1');
    await until(() => calls === 2);
    expect(events.filter((event) => !event.startsWith('commitFailed'))).toEqual([
      ...['assigned 0 1', 'lost 0 1', 'fenced UNKNOWN_MEMBER', 'assigned 0 1'],
    ]);
    expect(lost).toBe(1);
    await until(() => cluster.groups.committed('t-0') === 1);
    await consumer.close();
    await work;
  });

  test.each(['stopped', 'moved'])(
    'goes on at the next coordinator when the first one has %s (nats.node#570: dead after one node restarts)',
    async (how) => {
      cluster.addTopic('t');
      cluster.partition('t').leader = 2;
      const consumer = member();
      const events = eventsOf(consumer);
      const { seen, work } = handle(consumer);
      await until(() => events.length === 1);
      if (how === 'stopped') await cluster.brokers[0].stop();
      const before = cluster.groups.heartbeats.length;
      const startedMs = performance.now();
      cluster.groups.move(2);
      await until(() => cluster.groups.heartbeats.length > before + 2, 10_000);
      expect(performance.now() - startedMs).toBeLessThan(3000);
      store(cluster, ['a']);
      await until(() => cluster.groups.committed('t-0') > 0);
      expect(seen).toEqual(['a']);
      expect(events).toEqual(['assigned 0']);
      await consumer.close();
      await work;
    },
    20_000,
  );

  test('a static member has its partitions again after a restart, and nobody else got them meanwhile', async () => {
    cluster.addTopic('t', 2);
    const first = member({ instanceId: 'one' });
    await first.ready();
    const other = member({ instanceId: 'two' });
    const events = eventsOf(other);
    await until(() => events.length === 1);
    await first.close();
    const again = member({ instanceId: 'one' });
    await again.ready();
    await cluster.quiet();
    expect(again.position().map(({ partition }) => partition)).toEqual([0]);
    expect(events).toEqual(['assigned 1']);
  });

  test('two programs with one instance id: the former one ends with an error', async () => {
    cluster.addTopic('t');
    const first = member({ instanceId: 'one' });
    const { work } = handle(first);
    await first.ready();
    await member({ instanceId: 'one' }).ready();
    expect((await failureFrom(work)).code).toBe('FENCED_INSTANCE');
    expect(first.health()).toMatchObject({ state: 'stalled', partitions: 0 });
    expect((await failureFrom(first.fetch())).code).toBe('FENCED_INSTANCE');
  });

  test('reads several topics; positions say which', async () => {
    cluster.addTopic('t');
    cluster.addTopic('u');
    store(cluster, ['a']);
    const { log } = cluster.partition('u');
    log.store(cluster.log('t').batches[0], 1);
    const consumer = mq.consumer({ topics: ['t', 'u'], group: 'g', commitInterval: 20 });
    const seen: string[] = [];
    const work = consumer.run(({ topic }) => void seen.push(topic));
    await until(() => seen.length === 2);
    expect(seen.sort()).toEqual(['t', 'u']);
    await until(() => cluster.groups.committed('u-0') === 1);
    expect(consumer.position().map(({ topic, offset }) => `${topic} ${offset}`)).toEqual([
      't 1',
      'u 1',
    ]);
    expect(await consumer.lag()).toEqual({
      ...{ messages: 0, seconds: 0 },
      partitions: [
        { topic: 't', partition: 0, messages: 0, seconds: 0, committed: 1 },
        { topic: 'u', partition: 0, messages: 0, seconds: 0, committed: 1 },
      ],
    });
    await consumer.close();
    await work;
  });

  test('a member that no partition is left for waits, and steps in (kafkajs#1720, confluent#476: never resumes)', async () => {
    cluster.addTopic('t');
    const first = member();
    await first.ready();
    const spare = handle(member());
    await until(() => cluster.groups.members.size === 2);
    await first.close();
    for (let round = 0; round < 10; round++) {
      store(cluster, [`${round}`]);
      await until(() => spare.seen.length === round + 1);
    }
  });

  test('refuses options that make no sense', async () => {
    cluster.addTopic('t');
    expect(() => member({ partitions: [0] })).toThrow('partitions');
    expect(() => member({ from: [{ partition: 0, offset: 1, lastEpoch: -1 }] })).toThrow('from');
    expect(() => member({ sessionTimeout: 5 })).toThrow('1s to 30m');
    expect(() => mq.consumer({ topic: 't', autoCommit: false })).toThrow('group');
    expect(() => mq.consumer({ topics: [], group: 'g' })).toThrow('one topic');
  });
});
