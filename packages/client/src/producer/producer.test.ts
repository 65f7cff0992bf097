import { keyHash, zhumqError } from '@zhumq/model';
import { sendOutcomes } from '../index.js';
import { FakeCluster, failureFrom, turns, until } from '../testing/fake-cluster.fixture.js';

describe('a producer', () => {
  let cluster: FakeCluster;
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
  });
  afterEach(() => cluster.close());

  const numbers = (count: number): string[] => Array.from({ length: count }, (_one, n) => `${n}`);

  test('gathers what is sent together into few batches, in order', async () => {
    cluster.addTopic('t');
    const producer = (await cluster.connect()).producer();
    const receipts = await Promise.all(
      numbers(5000).map((value) => producer.send('t', { value, key: 'k' })),
    );
    expect(cluster.log('t').values()).toEqual(numbers(5000));
    expect(receipts.map(({ offset }) => offset)).toEqual(numbers(5000).map(Number));
    expect(cluster.produceRequests.length).toBeLessThan(5);
  });

  test('fills batches while a request is under way, although it does not linger', async () => {
    cluster.addTopic('t');
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let underWay = false;
    cluster.on.produce = async (_broker, _request, next) => {
      underWay = true;
      await held;
      return next();
    };
    const producer = (await cluster.connect()).producer();
    const sends = [producer.send('t', { value: 'first' })];
    await until(() => underWay);
    for (let n = 0; n < 50; n++) {
      sends.push(producer.send('t', { value: `${n}` }));
      await turns(1);
    }
    release();
    await Promise.all(sends);
    expect(cluster.log('t').batches).toHaveLength(2);
  });

  test('health() says why messages wait, until they do not any more', async () => {
    cluster.addTopic('t');
    let refuse = true;
    cluster.on.produce = (_broker, _request, next) => {
      if (refuse) throw zhumqError('NOT_ENOUGH_REPLICAS', 'one replica is in sync');
      return next();
    };
    const producer = (await cluster.connect()).producer();
    expect(producer.health()).toEqual({ state: 'running', reasons: [] });
    const sent = producer.send('t', { value: 'x' });
    await until(() => producer.health().state === 'stalled');
    expect(producer.health().reasons).toEqual([
      expect.stringMatching(/^t-0: .*one replica is in sync/),
    ]);
    refuse = false;
    await sent;
    expect(producer.health()).toEqual({ state: 'running', reasons: [] });
    cluster.on.initProducer = () => {
      throw zhumqError('STOPPING', 'the broker is stopping');
    };
    const nameless = (await cluster.connect()).producer();
    void nameless.send('t', { value: 'x' }).catch(() => undefined);
    await until(() => nameless.health().state === 'stalled');
    expect(nameless.health().reasons[0]).toContain('t-0: no broker gives a producer id');
    await producer.close();
    expect(producer.health().state).toBe('closed');
  });

  test('puts the batches of many partitions into one request to their broker', async () => {
    cluster.addTopic('t', 8);
    const producer = (await cluster.connect()).producer();
    await Promise.all(
      numbers(80).map((value, n) => producer.send('t', { value, partition: n % 8 })),
    );
    expect(cluster.produceRequests).toHaveLength(2);
    expect(cluster.produceRequests.map(({ request }) => request.partitions.length)).toEqual([4, 4]);
  });

  test('sends to the partition that was asked for, else to that of the key', async () => {
    cluster.addTopic('t', 5);
    const producer = (await cluster.connect()).producer();
    for (const key of ['a', 'bb', 'ccc', 'user-4711']) {
      const receipt = await producer.send('t', { key, value: null });
      expect(receipt.partition).toBe(keyHash(Buffer.from(key)) % 5);
    }
    expect((await producer.send('t', { key: 'a', value: 'x', partition: 3 })).partition).toBe(3);
    const error = await failureFrom(producer.send('t', { value: 'x', partition: 5 }));
    expect(error).toMatchObject({ code: 'UNKNOWN_PARTITION', outcome: 'rejected' });
  });

  test('keeps messages without a key together, and uses all partitions in the long run', async () => {
    cluster.addTopic('t', 4);
    const producer = (await cluster.connect()).producer();
    for (let round = 0; round < 8; round++) {
      const sent = numbers(20).map((value) => producer.send('t', { value }));
      const used = new Set((await Promise.all(sent)).map(({ partition }) => partition));
      expect(used.size).toBe(1);
    }
    for (let partition = 0; partition < 4; partition++) {
      expect(cluster.log('t', partition).end).toBe(40);
    }
  });

  test('leaves out a partition without a leader where any will do', async () => {
    const { partitions } = cluster.addTopic('t', 3);
    partitions[1].leader = -1;
    const producer = (await cluster.connect()).producer();
    for (let n = 0; n < 10; n++) {
      expect((await producer.send('t', { value: 'x' })).partition).not.toBe(1);
    }
  });

  test('holds no more bytes than it may and lets send() wait', async () => {
    cluster.addTopic('t');
    const producer = (await cluster.connect()).producer({
      maxBuffered: '64KiB',
      batchBytes: '8KiB',
    });
    const value = Buffer.alloc(1000);
    let most = 0;
    cluster.on.produce = (_broker, _request, next) => {
      most = Math.max(most, producer.bufferedBytes);
      return next();
    };
    const sends = numbers(500).map((key) => producer.send('t', { key, value, partition: 0 }));
    const receipts = await Promise.all(sends);
    expect(most).toBeLessThanOrEqual(64 * 1024);
    expect(most).toBeGreaterThan(32 * 1024);
    expect(receipts.map(({ offset }) => offset)).toEqual(numbers(500).map(Number));
    expect(
      cluster
        .log('t')
        .records()
        .map(({ key }) => String(key)),
    ).toEqual(numbers(500));
    expect(producer.bufferedBytes).toBe(0);
  });

  test('refuses what it has no room for when it was told not to wait', async () => {
    cluster.addTopic('t');
    const mq = await cluster.connect();
    const producer = mq.producer({ maxBuffered: 3000, whenFull: 'throw' });
    const sends = numbers(5).map(() => producer.send('t', { value: Buffer.alloc(1000) }));
    const ends = await Promise.allSettled(sends);
    const refused = ends.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatchObject({ reason: { code: 'QUEUE_FULL', outcome: 'rejected' } });
    const huge = producer.send('t', { value: Buffer.alloc(5000) });
    expect((await failureFrom(huge)).code).toBe('MESSAGE_TOO_LARGE');
  });

  test('gets batches out that linger when others wait for their room', async () => {
    cluster.addTopic('t');
    const producer = (await cluster.connect()).producer({ linger: '1h', maxBuffered: 4000 });
    const sends = numbers(10).map(() => producer.send('t', { value: Buffer.alloc(1000) }));
    await Promise.all(sends.slice(0, 6));
    await producer.flush();
    await Promise.all(sends);
  });

  test('lingers as long as it was told to, and leaves at once at flush()', async () => {
    cluster.addTopic('t');
    const producer = (await cluster.connect()).producer({ linger: 100 });
    const startedMs = performance.now();
    await Promise.all([producer.send('t', { value: 'a' }), producer.send('t', { value: 'b' })]);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(99);
    expect(cluster.log('t').batches).toHaveLength(1);
    const long = (await cluster.connect()).producer({ linger: '1h' });
    let settled = false;
    void long.send('t', { value: 'c' }).then(() => (settled = true));
    await long.flush();
    expect(settled).toBe(true);
  });

  test.each(['lz4', 'gzip'] as const)('compresses with %s', async (compression) => {
    cluster.addTopic('t');
    const producer = (await cluster.connect()).producer({ compression });
    const value = 'long and repetitive '.repeat(2000);
    await Promise.all(numbers(10).map((key) => producer.send('t', { key, value, partition: 0 })));
    expect(cluster.log('t').values()).toEqual(numbers(10).map(() => value));
    expect(cluster.log('t').batches[0].length).toBeLessThan(20_000);
  });

  test('knows no offsets with acks none', async () => {
    cluster.addTopic('t');
    const producer = (await cluster.connect()).producer({ acks: 'none' });
    const receipt = await producer.send('t', { value: 'x' });
    expect(receipt).toMatchObject({ offset: -1, duplicate: false });
    await until(() => cluster.log('t').end === 1);
    const mq = await cluster.connect();
    expect(() => mq.producer({ acks: 'none', idempotent: true })).toThrow('idempotent');
  });

  test('loses nothing with acks none when the client is closed at once', async () => {
    cluster.addTopic('t', 2);
    const value = Buffer.alloc(100_000);
    for (let round = 1; round <= 20; round++) {
      const mq = await cluster.connect({}, `127.0.0.1:${cluster.brokers[0].port}`);
      const producer = mq.producer({ acks: 'none' });
      const sends = [0, 1].map((partition) => producer.send('t', { value, partition }));
      if (round % 2 === 0) await Promise.all(sends);
      await mq.close();
      await Promise.all(sends);
      expect([cluster.log('t', 0).end, cluster.log('t', 1).end]).toEqual([round, round]);
    }
  });

  test('knows with acks none what did not leave: it goes to the next leader', async () => {
    cluster.addTopic('t', 2);
    const mq = await cluster.connect({}, `127.0.0.1:${cluster.brokers[0].port}`);
    const producer = mq.producer({ acks: 'none' });
    await producer.send('t', { value: 'x', partition: 0 });
    await cluster.brokers[1].stop();
    const send = producer.send('t', { value: 'y', partition: 1 });
    cluster.moveLeader('t', 1, 1);
    await send;
    await mq.close();
    expect(cluster.log('t', 1).values()).toEqual(['y']);
  });

  test('says with acks none what never left', async () => {
    cluster.addTopic('t', 2);
    const mq = await cluster.connect({}, `127.0.0.1:${cluster.brokers[0].port}`);
    const producer = mq.producer({ acks: 'none', deliveryTimeout: 200 });
    await producer.send('t', { value: 'x', partition: 0 });
    await cluster.brokers[1].stop();
    const error = await failureFrom(producer.send('t', { value: 'y', partition: 1 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'rejected' });
  });

  test('refuses a record that the topic can not hold before it is sent', async () => {
    cluster.addTopic('t', 1, { 'max.message.bytes': '2048' });
    const producer = (await cluster.connect()).producer();
    const error = await failureFrom(producer.send('t', { value: Buffer.alloc(2048) }));
    expect(error).toMatchObject({ code: 'MESSAGE_TOO_LARGE', outcome: 'rejected' });
    expect(error.message).toContain('2048');
    expect(cluster.produceRequests).toHaveLength(0);
    await producer.send('t', { value: Buffer.alloc(1900) });
  });

  test('splits a batch for which the topic became too small, and keeps the order', async () => {
    const topic = cluster.addTopic('t');
    const producer = (await cluster.connect()).producer();
    await producer.send('t', { value: 'first' });
    topic.config = { 'max.message.bytes': '3000' };
    const values = numbers(100).map((n) => n.padEnd(500, '.'));
    const receipts = await Promise.all(values.map((value) => producer.send('t', { value })));
    expect(cluster.log('t').values()).toEqual(['first', ...values]);
    expect(receipts.map(({ offset }) => offset)).toEqual(numbers(100).map((n) => Number(n) + 1));
    const alone = producer.send('t', { value: Buffer.alloc(4000) });
    expect((await failureFrom(alone)).code).toBe('MESSAGE_TOO_LARGE');
    await producer.send('t', { value: 'and on' });
    expect(producer.bufferedBytes).toBe(0);
  });

  test('tells of each message of an array what became of it', async () => {
    cluster.addTopic('t', 1, { 'max.message.bytes': '2048' });
    const producer = (await cluster.connect()).producer();
    const work = producer.send('t', [
      { value: 'good' },
      { value: Buffer.alloc(3000) },
      { value: 'good, too' },
    ]);
    const error = await work.catch((caught: unknown) => caught);
    expect(sendOutcomes(error)).toMatchObject([
      { offset: 0 },
      { code: 'MESSAGE_TOO_LARGE' },
      { offset: 1 },
    ]);
    expect(await producer.send('t', [])).toEqual([]);
  });

  test('says soon that a topic does not exist, to all who wait for it', async () => {
    const producer = (await cluster.connect()).producer({ deliveryTimeout: 400 });
    const sends = numbers(20).map((value) => failureFrom(producer.send('nowhere', { value })));
    const errors = await Promise.all(sends);
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['UNKNOWN_TOPIC']));
    expect(producer.bufferedBytes).toBe(0);
  });

  test('waits for a topic that is just being created', async () => {
    const producer = (await cluster.connect()).producer();
    let asked = 0;
    cluster.on.metadata = (_broker, { topics }, next) => {
      if (topics?.includes('new')) asked++;
      return next();
    };
    const sends = numbers(3).map((value) => producer.send('new', { value }));
    await until(() => asked >= 2);
    cluster.addTopic('new');
    await Promise.all(sends);
    expect(cluster.log('new').values()).toEqual(numbers(3));
  });

  test('ends the waiting of a send by timeout and by signal', async () => {
    cluster.addTopic('t');
    cluster.on.produce = () => new Promise(() => undefined);
    const producer = (await cluster.connect()).producer();
    const late = await failureFrom(producer.send('t', { value: 'x' }, { timeout: 50 }));
    expect(late).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    const stop = new AbortController();
    const aborted = failureFrom(producer.send('t', { value: 'x' }, { signal: stop.signal }));
    stop.abort();
    expect(await aborted).toMatchObject({ code: 'ABORTED', outcome: 'unknown' });
    const before = failureFrom(producer.send('t', { value: 'x' }, { signal: stop.signal }));
    expect(await before).toMatchObject({ code: 'ABORTED', outcome: 'rejected' });
    await producer.close({ timeout: 50 });
    expect(producer.bufferedBytes).toBe(0);
  });

  test('a signal may be shared by many sends', async () => {
    cluster.addTopic('t');
    const { signal } = new AbortController();
    const producer = (await cluster.connect()).producer();
    await Promise.all(numbers(50).map((value) => producer.send('t', { value }, { signal })));
    // Node warns of the eleventh listener unless this is 0; jest hides its warnings, and events.getMaxListeners from signals.
    const limit = Object.getOwnPropertySymbols(signal).find(
      ({ description }) => description === 'events.maxEventTargetListeners',
    );
    expect((signal as unknown as Record<symbol, unknown>)[limit as symbol]).toBe(0);
  });

  test('rejects a message that it can not read, and sends nothing of its array', async () => {
    cluster.addTopic('t');
    const producer = (await cluster.connect()).producer();
    const error = await failureFrom(
      producer.send('t', [{ value: 'x' }, { value: 7 as unknown as string }]),
    );
    expect(error).toMatchObject({ code: 'VALIDATION_FAILED', outcome: 'rejected' });
    const forgotten = {} as { value: string };
    expect((await failureFrom(producer.send('t', forgotten))).message).toContain('undefined');
    await producer.flush();
    expect(cluster.produceRequests).toHaveLength(0);
  });
});
