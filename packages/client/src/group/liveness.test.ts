import type { Client, Consumer } from '../index.js';
import { FakeCluster, advanceUntil, until } from '../testing/fake-cluster.fixture.js';
import {
  BlockableClock,
  eventsOf,
  gate,
  numbers,
  store,
  textOf,
} from '../testing/group-world.fixture.js';

const INTERVAL_MS = 3000;

describe('the membership of a consumer', () => {
  let cluster: FakeCluster;
  let clock: BlockableClock;
  let mq: Client;
  let consumer: Consumer;
  let events: string[];
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
    clock = new BlockableClock();
    cluster.groups.clock = clock;
    cluster.groups.intervalMs = INTERVAL_MS;
    cluster.addTopic('t');
    cluster.partition('t').leader = 2;
    mq = await cluster.connect({}, undefined, { clock });
    consumer = mq.consumer({ topic: 't', group: 'g', maxWait: 1 });
    events = eventsOf(consumer);
  });
  afterEach(async () => {
    for (const broker of cluster.brokers) broker.thaw();
    await cluster.close();
  });

  /** So many heartbeats go by. */
  async function beats(count: number): Promise<void> {
    const { heartbeats } = cluster.groups;
    for (let beat = 0; beat < count; beat++) {
      const before = heartbeats.length;
      clock.advance(INTERVAL_MS - 100);
      await until(() => {
        if (heartbeats.length > before) return true;
        clock.advance(10);
        return false;
      });
    }
  }

  test('outlives a handler of ten minutes, and its health tells (kafkajs#1396: evicted, duplicates; #1010: health by progress)', async () => {
    store(cluster, numbers(2));
    const done = gate();
    const seen: string[] = [];
    const work = consumer.run(async (message) => {
      seen.push(textOf(message));
      if (seen.length === 1) await done.opened;
    });
    await advanceUntil(clock, () => seen.length === 1);
    await beats(200);
    expect(clock.monotonicMs()).toBeGreaterThan(570_000);
    expect(consumer.health().state).toBe('stalled');
    expect(consumer.health().reasons).toEqual([
      '1 messages are being handled, and none has been finished',
    ]);
    done.open();
    await advanceUntil(clock, () => cluster.groups.committed('t-0') === 2);
    expect(seen).toEqual(['0', '1']);
    expect(consumer.health().state).toBe('running');
    expect(events).toEqual(['assigned 0']);
    await consumer.close();
    await work;
  }, 30_000);

  test('is in doubt after the event loop stood still: nothing is handled before it is known (nats.node#41)', async () => {
    store(cluster, numbers(10));
    const seen: string[] = [];
    let joins = 0;
    cluster.groups.on.heartbeat = (request, next) => {
      if (request.memberEpoch === undefined) joins++;
      // Handled so far, when the cluster says that the member is not one any more.
      if (joins === 1 && seen.length > 2) expect(seen).toEqual(['0', '1', '2']);
      return next();
    };
    const work = consumer.run((message) => {
      seen.push(textOf(message));
      if (seen.length === 3) clock.block(12_000);
    });
    await advanceUntil(clock, () => events.length === 5);
    expect(events[0]).toBe('assigned 0');
    const blockedMs = Number(/^blocked (\d+)$/.exec(events[1])?.[1]);
    expect(blockedMs).toBeGreaterThan(9_000);
    expect(blockedMs).toBeLessThan(12_001);
    expect(events.slice(2)).toEqual(['lost 0', 'fenced UNKNOWN_MEMBER', 'assigned 0']);
    expect(joins).toBe(2);
    await advanceUntil(clock, () => cluster.groups.committed('t-0') === 10);
    // What was not committed before is handled again, from the group's position on.
    expect(seen.slice(-10)).toEqual(numbers(10));
    await consumer.close();
    await work;
  });

  test('goes on without loss or repetition where the doubt was for nothing', async () => {
    store(cluster, numbers(5));
    const seen: string[] = [];
    const work = consumer.run((message) => {
      seen.push(textOf(message));
      if (seen.length !== 3) return;
      clock.block(12_000);
      // The coordinator has changed as well, and gives everybody a new session.
      cluster.groups.move(2);
    });
    await advanceUntil(clock, () => cluster.groups.committed('t-0') === 5);
    expect(seen).toEqual(numbers(5));
    expect(events).toHaveLength(2);
    expect(events[1]).toContain('blocked');
    await consumer.close();
    await work;
  });

  test('a coordinator that is frozen: another one is found, and until then nothing new is handled for longer than the session', async () => {
    const seen: string[] = [];
    const work = consumer.run((message) => void seen.push(textOf(message)));
    await advanceUntil(clock, () => events.length === 1);
    cluster.brokers[0].freeze();
    await until(() => {
      clock.advance(20);
      return consumer.health().state === 'stalled';
    }, 20_000);
    expect(consumer.health().lastHeartbeatMs).toBeGreaterThan(10_000);
    store(cluster, ['late']);
    for (let n = 0; n < 10; n++) {
      clock.advance(20);
      await cluster.quiet();
    }
    expect(seen).toEqual([]);
    cluster.groups.move(2);
    await advanceUntil(clock, () => cluster.groups.committed('t-0') === 1);
    expect(seen).toEqual(['late']);
    expect(events.filter((event) => !event.startsWith('commitFailed'))).toEqual(['assigned 0']);
    expect(consumer.health().state).toBe('running');
    await consumer.close();
    await work;
  }, 30_000);

  test('comes back by itself after all brokers were away, run() goes on (bullmq#2964: never resumes and says it runs; kafkajs#1445)', async () => {
    const seen: string[] = [];
    const work = consumer.run((message) => void seen.push(textOf(message)));
    store(cluster, ['a']);
    await advanceUntil(clock, () => cluster.groups.committed('t-0') === 1);
    await Promise.all(cluster.brokers.map((broker) => broker.stop()));
    await until(() => {
      clock.advance(50);
      return consumer.health().state === 'stalled';
    }, 20_000);
    expect(consumer.health().reasons.length).toBeGreaterThan(0);
    for (const broker of cluster.brokers) await broker.start();
    store(cluster, ['b']);
    await advanceUntil(clock, () => cluster.groups.committed('t-0') === 2);
    expect(seen).toEqual(['a', 'b']);
    await advanceUntil(clock, () => consumer.health().state === 'running');
    await consumer.close();
    await work;
  }, 30_000);

  test('a consumer that is closed says what it gave up before the coordinator hears of it', async () => {
    const work = consumer.run(() => undefined);
    await advanceUntil(clock, () => events.length === 1);
    let heardAfter: readonly string[] = [];
    cluster.groups.on.heartbeat = (request, next) => {
      if (request.leaving) heardAfter = [...events];
      return next();
    };
    await consumer.close();
    await work;
    expect(heardAfter).toEqual(['assigned 0', 'revoked 0']);
  });

  test('what it gives up in doubt others may have already: a consumer that is closed then calls it lost', async () => {
    const work = consumer.run(() => undefined);
    await advanceUntil(clock, () => events.length === 1);
    cluster.brokers[0].freeze();
    await until(() => {
      clock.advance(20);
      return consumer.health().state === 'stalled';
    }, 20_000);
    const closing = consumer.close({ timeout: 100 });
    await advanceUntil(clock, () => events.at(-1) === 'lost 0');
    cluster.brokers[0].thaw();
    await closing;
    await work;
  }, 30_000);

  test('no heartbeat, commit or pull after close() (kafkajs#879, #1438)', async () => {
    const work = consumer.run(() => undefined);
    store(cluster, ['a']);
    await advanceUntil(clock, () => cluster.groups.committed('t-0') === 1);
    await consumer.close();
    await work;
    expect(cluster.groups.heartbeats.at(-1)?.leaving).toBe(true);
    let calls = 0;
    cluster.on.pull = (_broker, _request, next) => (calls++, next());
    cluster.groups.on.heartbeat = (_request, next) => (calls++, next());
    cluster.groups.on.commit = (_request, next) => (calls++, next());
    for (let n = 0; n < 10; n++) {
      clock.advance(5000);
      await cluster.quiet();
    }
    expect(calls).toBe(0);
    expect(consumer.health().state).toBe('closed');
  });
});
