// health() tells whether anything gets done, not whether anything is connected.
import { ManualClock } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { Client, Consumer, ReadOptions } from '../index.js';
import { FakeCluster, advanceUntil, until } from '../testing/fake-cluster.fixture.js';
import { gate, numbers, store } from '../testing/group-world.fixture.js';

describe('the health of a consumer', () => {
  let cluster: FakeCluster;
  let clock: ManualClock;
  let mq: Client;
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
    clock = new ManualClock();
    cluster.addTopic('t', 2);
    mq = await cluster.connect({ requestTimeout: '1h' }, undefined, { clock });
  });
  afterEach(() => cluster.close());

  function consume(options: ReadOptions = {}): Consumer {
    // Brokers of the fixture wait by the clock of the wall.
    return mq.consumer({ topic: 't', from: 'earliest', maxWait: 1, ...options });
  }

  const isReady = (consumer: Consumer): boolean => consumer.position().length === 2;

  /** Time goes on, and what it brings about is done. */
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      await cluster.quiet();
    }
  }

  test('is good while there is nothing to do, by pull and by push', async () => {
    const consumers = [consume(), consume({ delivery: 'push' })];
    for (const { delivery } of cluster.brokers) delivery.heartbeatMs = 1e9;
    for (const consumer of consumers) void consumer.run(() => undefined);
    await advanceUntil(clock, () => consumers.every(isReady));
    for (let n = 0; n < 40; n++) {
      await pass(1000);
      for (const { delivery } of cluster.brokers) delivery.beat();
      await cluster.quiet();
      expect(consumers.map((consumer) => consumer.health().reasons)).toEqual([[], []]);
    }
    expect(consumers.map((consumer) => consumer.health().state)).toEqual(['running', 'running']);
  }, 30_000);

  test('is bad while messages wait that nobody reads, and good again when somebody does (kafkajs#1010, #452)', async () => {
    store(cluster, numbers(3));
    const consumer = consume();
    await advanceUntil(clock, () => consumer.health().bufferedBytes > 0);
    expect(consumer.health().state).toBe('running');
    await pass(31_000);
    expect(consumer.health()).toMatchObject({
      ...{ state: 'stalled', reasons: ['messages wait, and nobody reads'] },
    });
    const reading = consumer.fetch();
    await advanceUntil(clock, () => consumer.health().bufferedBytes === 0);
    expect(await reading).toHaveLength(3);
    expect(consumer.health().state).toBe('running');
  }, 30_000);

  test('is bad while a handler never ends (bullmq#36: stalled and said to be running)', async () => {
    store(cluster, numbers(3));
    const hold = gate();
    const consumer = consume();
    const work = consumer.run(() => hold.opened);
    await advanceUntil(clock, () => consumer.health().handling === 1);
    await pass(31_000);
    expect(consumer.health().reasons).toEqual([
      '1 messages are being handled, and none has been finished',
    ]);
    hold.open();
    await advanceUntil(clock, () => consumer.position()[0].offset === 3);
    await advanceUntil(clock, () => consumer.health().state === 'running');
    await consumer.close();
    await work;
  }, 30_000);

  test.each(['pull', 'push'] as const)(
    'is bad when brokers fall silent, although the connection stands (confluent#476: stops in silence; by %s)',
    async (delivery) => {
      for (const broker of cluster.brokers) broker.delivery.heartbeatMs = 1e9;
      let mute = false;
      const silence = gate();
      cluster.on.pull = async (_broker, _request, next) => {
        if (mute) await silence.opened;
        return next();
      };
      const consumer = consume({ delivery });
      const work = consumer.run(() => undefined);
      await advanceUntil(clock, () => isReady(consumer));
      mute = true;
      for (const broker of cluster.brokers) broker.delivery.mute = true;
      await pass(33_000);
      expect(consumer.health()).toMatchObject({
        state: 'stalled',
        reasons: ['no broker has answered for long, not even that there is nothing to read'],
      });
      mute = false;
      silence.open();
      for (const broker of cluster.brokers) {
        broker.delivery.mute = false;
        broker.delivery.beat();
      }
      await until(() => consumer.health().state === 'running');
      await consumer.close();
      await work;
    },
    30_000,
  );

  test('is bad while the group can not be joined for long, and says why (kafkajs#885)', async () => {
    cluster.groups.clock = clock;
    let full = true;
    cluster.groups.on.heartbeat = (_request, next) => {
      if (full) throw zhumqError('GROUP_FULL', 'group "g" has 3 members, the most', { limit: 3 });
      return next();
    };
    const consumer = consume({ group: 'g' });
    const work = consumer.run(() => undefined);
    await cluster.quiet();
    expect(consumer.health().state).toBe('joining');
    await pass(31_000);
    expect(consumer.health()).toMatchObject({
      state: 'stalled',
      reasons: ['can not join its group: group "g" has 3 members, the most'],
    });
    full = false;
    await advanceUntil(clock, () => consumer.health().state === 'running');
    await consumer.close();
    await work;
  }, 30_000);

  test('is good while everything is paused, however long', async () => {
    const consumer = consume();
    void consumer.run(() => undefined);
    await advanceUntil(clock, () => isReady(consumer));
    consumer.pause();
    await pass(40_000);
    expect(consumer.health().reasons).toEqual([]);
    consumer.resume();
    expect(consumer.health().reasons).toEqual([]);
  }, 30_000);
});
