// Push delivery seen by a consumer: the same messages and positions as by pull, whatever happens to brokers and connections.
import { ManualClock } from '@zhumq/base';
import { encodeBatch } from '@zhumq/model';
import type { ReadOptions } from '../api/consumer.js';
import { FakeCluster, advanceUntil, until } from '../testing/fake-cluster.fixture.js';

describe('a consumer by push', () => {
  let cluster: FakeCluster;
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
  });
  afterEach(() => cluster.close());

  function store(values: readonly string[], partition = 0, topic = 't'): void {
    const { log, epoch } = cluster.partition(topic, partition);
    const records = values.map((value) => ({
      timestamp: 1000,
      key: null,
      value: Buffer.from(value),
    }));
    log.store(encodeBatch(records), epoch);
  }

  async function consume(options: ReadOptions = {}, clock?: ManualClock) {
    const mq = await cluster.connect({}, undefined, clock === undefined ? {} : { clock });
    const all = { topic: 't', from: 'earliest', delivery: 'push', ...options } as const;
    const consumer = mq.consumer(all);
    const read: string[] = [];
    const running = consumer.run(({ value }) => void read.push(String(value)));
    running.catch(() => undefined);
    return { consumer, read, running };
  }

  const delivery = (broker = 1) => cluster.brokers[broker - 1].delivery;

  test('reads all partitions from their leaders, each once, and what comes later', async () => {
    cluster.addTopic('t', 3);
    for (const partition of [0, 1, 2]) store([`${partition}a`, `${partition}b`], partition);
    const { read, consumer } = await consume();
    await until(() => read.length === 6);
    store(['1c'], 1);
    await until(() => read.length === 7);
    expect([...read].sort()).toEqual(['0a', '0b', '1a', '1b', '1c', '2a', '2b']);
    expect(consumer.position().map(({ offset }) => offset)).toEqual([2, 3, 2]);
    expect([1, 2].map((id) => delivery(id).calls.filter((call) => call === 'attach'))).toEqual([
      ['attach'],
      ['attach'],
    ]);
  });

  test('sends nothing between deliveries but credit and heartbeats', async () => {
    cluster.addTopic('t');
    delivery().heartbeatMs = 20;
    const { read } = await consume();
    for (let sent = 0; sent < 300; sent++) {
      store([`${sent}`]);
      if (sent % 10 === 0) await until(() => read.length === sent + 1);
    }
    await until(() => read.length === 300 && delivery().calls.includes('heartbeat'));
    expect(delivery().calls[0]).toBe('attach');
    expect(new Set(delivery().calls.slice(1))).toEqual(new Set(['heartbeat', 'grantCredit']));
    // Gathered: not one for each delivery.
    const grants = delivery().calls.filter((call) => call === 'grantCredit').length;
    expect(grants).toBeLessThan(150);
  });

  test('holds no more than its share although it stands still, and its heartbeats go on', async () => {
    cluster.addTopic('t');
    for (let n = 0; n < 200; n++) store(['x'.repeat(1000)]);
    delivery().heartbeatMs = 20;
    const mq = await cluster.connect();
    const consumer = mq.consumer({
      ...{ topic: 't', from: 'earliest', delivery: 'push', prefetchBytes: 20_000 },
    });
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let handled = 0;
    void consumer.run(async () => {
      if (handled++ === 0) await held;
    });
    const beats = (): number => delivery().calls.filter((call) => call === 'heartbeat').length;
    await until(() => handled === 1 && beats() > 5);
    expect(handled).toBe(1);
    // Credit for one message at most, the one that is being handled.
    const taken = Math.max(0, ...delivery().credits.map(({ takenBytes }) => takenBytes));
    expect(taken).toBeLessThan(1200);
    release();
    await until(() => handled === 200);
    expect(Math.max(...delivery().credits.map(({ windowBytes }) => windowBytes))).toBe(20_000);
  });

  test('gives back the credit of control batches, which no program ever takes', async () => {
    cluster.addTopic('t');
    cluster.partition('t').log.appendControl(cluster.partition('t').epoch);
    const { read } = await consume({ prefetchBytes: 20_000 });
    await until(() => delivery().attaches.length === 1);
    // Larger than the window: it comes when all before it is taken, as the control batch is at once.
    store(['x'.repeat(30_000)]);
    await until(() => read.length === 1);
    // Also when nothing but control batches comes for long.
    for (let n = 0; n < 300; n++) {
      cluster.partition('t').log.appendControl(cluster.partition('t').epoch);
    }
    store(['x'.repeat(15_000)]);
    await until(() => read.length === 2);
  });

  test('goes on at its position after its connection was lost, without gap or repetition', async () => {
    cluster.addTopic('t');
    const { read } = await consume();
    const sent: string[] = [];
    for (let round = 0; round < 5; round++) {
      for (let n = 0; n < 20; n++) {
        sent.push(`${round}.${n}`);
        store([`${round}.${n}`]);
      }
      if (round % 2 === 0) await until(() => read.length === sent.length);
      delivery().cut();
    }
    await until(() => read.length === sent.length);
    expect(read).toEqual(sent);
    expect(delivery().attaches.length).toBeGreaterThanOrEqual(3);
  });

  test('follows the leader in the middle of a stream, without gap or repetition', async () => {
    cluster.addTopic('t');
    const { read } = await consume();
    const sent: string[] = [];
    for (let round = 0; round < 6; round++) {
      for (let n = 0; n < 50; n++) {
        sent.push(`${round}.${n}`);
        store([`${round}.${n}`]);
      }
      if (round % 3 === 2) await until(() => read.length === sent.length);
      cluster.moveLeader('t', 0, round % 2 === 0 ? 2 : 1);
    }
    await until(() => read.length === sent.length);
    expect(read).toEqual(sent);
  });

  test('leaves a broker of which nothing is heard, but not one that pings', async () => {
    cluster.addTopic('t');
    delivery().heartbeatMs = 300;
    const clock = new ManualClock();
    const { read } = await consume({}, clock);
    store(['a']);
    await advanceUntil(clock, () => read.length === 1);
    const beats = (): number => delivery().calls.filter((call) => call === 'heartbeat').length;
    for (let beat = 0; beat < 6; beat++) {
      const before = beats();
      delivery().beat();
      await cluster.quiet();
      await advanceUntil(clock, () => beats() > before);
    }
    expect(delivery().attaches.length).toBe(1);
    // From here on not a byte comes; what is there is found by attaching anew.
    delivery().mute = true;
    store(['b']);
    delivery().mute = false;
    await advanceUntil(clock, () => delivery().attaches.length === 2);
    await until(() => read.length === 2);
    expect(read).toEqual(['a', 'b']);
  });

  test('leaves a leader that is silent for the one that was elected, long before its heartbeats are missed', async () => {
    cluster.addTopic('t');
    delivery(1).heartbeatMs = 3000;
    const clock = new ManualClock();
    const { read } = await consume({}, clock);
    store(['a']);
    await advanceUntil(clock, () => read.length === 1);
    delivery(1).mute = true;
    cluster.moveLeader('t', 0, 2);
    store(['b']);
    const before = clock.monotonicMs();
    await advanceUntil(clock, () => read.length === 2);
    expect(clock.monotonicMs() - before).toBeLessThan(8000);
    expect(delivery(2).attaches).toHaveLength(1);
  });

  test('seeks: what was on its way to the old place is not given', async () => {
    cluster.addTopic('t');
    for (let n = 0; n < 50; n++) store([`${n}`]);
    const mq = await cluster.connect();
    const consumer = mq.consumer({ topic: 't', from: 'earliest', delivery: 'push' });
    const [first] = await consumer.fetch({ max: 1, wait: '5s' });
    await consumer.seek(40);
    const rest: string[] = [];
    while (rest.length < 10) {
      for (const { value } of await consumer.fetch({ wait: '5s' })) rest.push(String(value));
    }
    expect([String(first.value), ...rest]).toEqual([
      ...['0', '40', '41', '42', '43', '44', '45', '46', '47', '48', '49'],
    ]);
  });

  test('ends with what can not be cured, as by pull', async () => {
    cluster.addTopic('t');
    store(['a']);
    const { running } = await consume({ from: 7 });
    await expect(running).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
    const lost = await consume({ from: [{ partition: 0, offset: 1, lastEpoch: 99 }] });
    await expect(lost.running).rejects.toMatchObject({ code: 'TRUNCATED' });
  });

  test('says so when the broker can only be pulled from', async () => {
    await cluster.brokers[0].stop();
    cluster.brokers[0].pushes = false;
    await cluster.brokers[0].start();
    cluster.addTopic('t');
    const { running } = await consume();
    await expect(running).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining("delivery 'pull'") as string,
    });
  });
});
