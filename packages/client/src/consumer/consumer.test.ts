import { ManualClock } from '@zhumq/base';
import { readBatchHeader, encodeBatch, zhumqError } from '@zhumq/model';
import type { Message } from '../index.js';
import { defineTopic, json } from '../index.js';
import { FakeCluster, advanceUntil, failureFrom, until } from '../testing/fake-cluster.fixture.js';
import type { FakePartition } from '../testing/fake-cluster.fixture.js';

const numbers = (count: number): string[] => Array.from({ length: count }, (_one, n) => `${n}`);

describe('a consumer', () => {
  let cluster: FakeCluster;
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
  });
  afterEach(() => cluster.close());

  /** Stores one batch with these values. */
  function store(values: readonly string[], topic = 't', partition = 0): void {
    const { log, epoch } = cluster.partition(topic, partition);
    const records = values.map((value) => ({
      timestamp: 1000,
      key: null,
      value: Buffer.from(value),
    }));
    log.store(encodeBatch(records), epoch);
  }

  async function read(source: AsyncIterable<Message>, count: number): Promise<Message[]> {
    const messages: Message[] = [];
    for await (const message of source) {
      messages.push(message);
      if (messages.length === count) break;
    }
    return messages;
  }

  const valuesOf = (messages: readonly Message[]): string[] =>
    messages.map(({ value }) => String(value));

  test('begins inside a batch without what is before', async () => {
    cluster.addTopic('t');
    store(numbers(10));
    store(['10', '11']);
    const mq = await cluster.connect();
    const consumer = mq.consumer({ topic: 't', from: 7 });
    const messages = await read(consumer, 5);
    expect(messages.map(({ offset }) => offset)).toEqual([7, 8, 9, 10, 11]);
    expect(consumer.position()).toEqual([{ partition: 0, offset: 12, lastEpoch: 1 }]);
  });

  test('passes over control batches, and its position with it', async () => {
    cluster.addTopic('t');
    cluster.log('t').appendControl(1);
    store(['a']);
    cluster.moveLeader('t', 0, 2);
    cluster.moveLeader('t', 0, 1);
    store(['b']);
    cluster.log('t').appendControl(3);
    const consumer = (await cluster.connect()).consumer({ topic: 't', from: 'earliest' });
    const messages = await read(consumer, 2);
    expect(messages.map(({ offset }) => offset)).toEqual([1, 4]);
    await until(() => consumer.position()[0].offset === 6);
    expect(consumer.position()[0].lastEpoch).toBe(3);
    expect((await consumer.lag()).messages).toBe(0);
  });

  test('two empty pulls in a row that stop the consumer: it pulls on', async () => {
    cluster.addTopic('t');
    let empty = 0;
    cluster.on.pull = async (_broker, request, next) => {
      const response = await next();
      if (response.partitions[0].batches.length === 0) empty++;
      expect(request.maxWaitMs).toBe(50);
      return response;
    };
    const consumer = (await cluster.connect()).consumer({
      topic: 't',
      from: 'earliest',
      maxWait: 50,
    });
    const reading = read(consumer, 2);
    await until(() => empty >= 3);
    store(['a']);
    await until(() => empty >= 6);
    store(['b']);
    expect(valuesOf(await reading)).toEqual(['a', 'b']);
  });

  test('a consumer that spins or stops after its first batch: it does neither', async () => {
    cluster.addTopic('t');
    let pulls = 0;
    let busy = false;
    cluster.on.pull = (_broker, request, next) => {
      pulls++;
      // A server that does not wait.
      return busy
        ? {
            partitions: request.partitions.map((one) => ({
              ...one,
              highWatermark: 1,
              logStart: 0,
              batches: Buffer.alloc(0),
            })),
          }
        : next();
    };
    store(['a']);
    const clock = new ManualClock();
    const mq = await cluster.connect({}, undefined, { clock });
    const consumer = mq.consumer({ topic: 't', from: 'earliest', maxWait: '1m' });
    const read: string[] = [];
    const reading = consumer.run(({ value }) => void read.push(String(value)));
    await advanceUntil(clock, () => read.length === 1 && pulls === 2);
    await cluster.quiet();
    expect(pulls).toBe(2);
    busy = true;
    store(['b']);
    await until(() => read.length === 2 && pulls === 3);
    for (let pull = 4; pull < 10; pull++) {
      await cluster.quiet();
      expect(pulls).toBe(pull - 1);
      clock.advance(50);
      await until(() => pulls === pull);
    }
    busy = false;
    store(['c']);
    await advanceUntil(clock, () => read.length === 3);
    await consumer.close();
    await reading;
  });

  test('is not held up in one partition by the silence of another', async () => {
    cluster.addTopic('t', 4);
    const mq = await cluster.connect();
    const consumer = mq.consumer({ topic: 't', from: 'earliest', maxWait: '10s' });
    const iterator = consumer[Symbol.asyncIterator]();
    const startedMs = performance.now();
    for (let n = 0; n < 50; n++) {
      store([`${n}`], 't', 2);
      expect(String((await iterator.next()).value?.value)).toBe(`${n}`);
    }
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  test('gives every partition its turn', async () => {
    cluster.addTopic('t', 2);
    for (let n = 0; n < 50; n++) store(numbers(100), 't', 0);
    store(['rare'], 't', 1);
    const consumer = (await cluster.connect()).consumer({ topic: 't', from: 'earliest' });
    const messages = await read(consumer, 1000);
    expect(valuesOf(messages)).toContain('rare');
  });

  test('holds no more than its prefetch, and one batch of each partition', async () => {
    cluster.addTopic('t', 2);
    const value = '.'.repeat(1000);
    for (let n = 0; n < 200; n++) store([value], 't', n % 2);
    const mq = await cluster.connect();
    const consumer = mq.consumer({ topic: 't', from: 'earliest', prefetchBytes: '20KiB' });
    let given = 0;
    cluster.on.pull = async (_broker, _request, next) => {
      const response = await next();
      for (const { batches } of response.partitions) given += batches.length;
      return response;
    };
    await until(() => given > 10_000);
    await cluster.quiet();
    expect(given).toBeLessThan(22 * 1024);
    expect(await read(consumer, 200)).toHaveLength(200);
  });

  test('begins at the end, at the beginning, at a time, at positions', async () => {
    cluster.addTopic('t', 2);
    const log = cluster.log('t');
    const at = (timestamp: number, value: string): number =>
      log.store(encodeBatch([{ timestamp, key: null, value: Buffer.from(value) }]), 1);
    [1000, 2000, 3000].forEach((timestamp) => at(timestamp, `${timestamp}`));
    const mq = await cluster.connect();
    const offsetFrom = async (from: Parameters<typeof mq.consumer>[0]['from']): Promise<number> => {
      const consumer = mq.consumer({ topic: 't', partitions: [0], from });
      await consumer.ready();
      const [{ offset }] = consumer.position();
      await consumer.close();
      return offset;
    };
    expect(await offsetFrom('latest')).toBe(3);
    expect(await offsetFrom(undefined)).toBe(3);
    expect(await offsetFrom('earliest')).toBe(0);
    expect(await offsetFrom(new Date(1500))).toBe(1);
    expect(await offsetFrom(new Date(9000))).toBe(3);
    expect(await offsetFrom([{ partition: 0, offset: 2, lastEpoch: 1 }])).toBe(2);
    expect(await offsetFrom([{ partition: 1, offset: 2, lastEpoch: 1 }])).toBe(3);
  });

  test('reads partitions that are added later from their beginning', async () => {
    const { partitions } = cluster.addTopic('t', 1);
    const clock = new ManualClock();
    const mq = await cluster.connect({ metadataMaxAge: '1m' }, undefined, { clock });
    const consumer = mq.consumer({ topic: 't' });
    let ready = false;
    void consumer.ready().then(() => (ready = true));
    await advanceUntil(clock, () => ready);
    const assigned: (readonly number[])[] = [];
    consumer.on('assigned', (event) => assigned.push(event.partitions));
    const log = new (cluster.log('t').constructor as new () => FakePartition['log'])();
    partitions.push({ ...partitions[0], leader: 2, log });
    store(['new'], 't', 1);
    await mq.producer().send('t', { value: 'x', partition: 0 });
    const iterator = consumer[Symbol.asyncIterator]();
    expect(String((await iterator.next()).value?.value)).toBe('x');
    expect(assigned).toEqual([]);
    clock.advance(60_001);
    await mq.producer().send('t', { value: 'y', partition: 0 });
    await advanceUntil(clock, () => assigned.length > 0);
    expect(assigned).toEqual([[1]]);
    const more = [await iterator.next(), await iterator.next()];
    expect(more.map(({ value }) => String(value?.value)).sort()).toEqual(['new', 'y']);
  });

  test('fetches what is there, waits for the first, and gives nothing when none came', async () => {
    cluster.addTopic('t');
    const consumer = (await cluster.connect()).consumer({ topic: 't', from: 'earliest' });
    const startedMs = performance.now();
    expect(await consumer.fetch({ wait: 100 })).toEqual([]);
    expect(performance.now() - startedMs).toBeGreaterThan(95);
    const waiting = consumer.fetch({ max: 3, wait: '5s' });
    await cluster.quiet();
    store(numbers(5));
    expect(valuesOf(await waiting)).toEqual(['0', '1', '2']);
    expect(valuesOf(await consumer.fetch({ wait: '5s' }))).toEqual(['3', '4']);
    const stop = new AbortController();
    const aborted = consumer.fetch({ wait: '1h', signal: stop.signal });
    stop.abort();
    expect((await failureFrom(aborted)).code).toBe('ABORTED');
  });

  test('is read in one way at a time', async () => {
    cluster.addTopic('t');
    const consumer = (await cluster.connect()).consumer({ topic: 't' });
    const fetching = consumer.fetch({ wait: 100 });
    expect((await failureFrom(consumer.fetch())).code).toBe('INVALID_REQUEST');
    expect((await failureFrom(consumer.run(() => undefined))).message).toContain('fetch()');
    await fetching;
    await consumer.fetch({ wait: 1 });
  });

  test('goes on after a leader moved, at the broker that the old one names', async () => {
    cluster.addTopic('t');
    store(['a']);
    const consumer = (await cluster.connect()).consumer({ topic: 't', from: 'earliest' });
    expect(valuesOf(await read(consumer, 1))).toEqual(['a']);
    cluster.moveLeader('t', 0, 2);
    store(['b']);
    expect(valuesOf(await read(consumer, 1))).toEqual(['b']);
    expect(consumer.position()[0].lastEpoch).toBe(2);
  });

  test('goes on by itself after its broker was away, and tells of both', async () => {
    cluster.addTopic('t');
    const consumer = (await cluster.connect()).consumer({ topic: 't', from: 'earliest' });
    const events: string[] = [];
    consumer.on('stalled', ({ partition }) => events.push(`stalled ${partition}`));
    consumer.on('reconnected', ({ partition }) => events.push(`reconnected ${partition}`));
    const reading = read(consumer, 2);
    store(['a']);
    await until(() => consumer.position()[0]?.offset === 1);
    await cluster.brokers[0].stop();
    await until(() => events.length === 1, 10_000);
    store(['b']);
    await cluster.brokers[0].start();
    expect(valuesOf(await reading)).toEqual(['a', 'b']);
    expect(events).toEqual(['stalled 0', 'reconnected 0']);
  }, 20_000);

  test('asks again for a batch that came damaged, and never gives it', async () => {
    cluster.addTopic('t');
    store(['good']);
    store(['precious']);
    let damaged = 0;
    cluster.on.pull = async (_broker, _request, next) => {
      const response = await next();
      const [first] = response.partitions;
      if (damaged++ >= 2 || first.batches.length === 0) return response;
      const batches = Buffer.from(first.batches);
      batches[batches.length - 3] ^= 1;
      return { partitions: [{ ...first, batches }] };
    };
    const consumer = (await cluster.connect()).consumer({ topic: 't', from: 'earliest' });
    expect(valuesOf(await read(consumer, 2))).toEqual(['good', 'precious']);
    expect(damaged).toBeGreaterThan(2);
  });

  test('an offset out of range ends reading with an error until seek()', async () => {
    cluster.addTopic('t');
    store(numbers(3));
    const consumer = (await cluster.connect()).consumer({ topic: 't', from: 99 });
    expect((await failureFrom(read(consumer, 1))).code).toBe('OFFSET_OUT_OF_RANGE');
    expect((await failureFrom(consumer.fetch())).code).toBe('OFFSET_OUT_OF_RANGE');
    await consumer.seek(1);
    expect(valuesOf(await read(consumer, 2))).toEqual(['1', '2']);
  });

  test.each(['earliest', 'latest'] as const)(
    'an offset out of range leads to the %s, if so wished',
    async (onOutOfRange) => {
      cluster.addTopic('t');
      store(numbers(3));
      const consumer = (await cluster.connect()).consumer({ topic: 't', from: 99, onOutOfRange });
      const events: unknown[] = [];
      consumer.on('outOfRange', (event) => events.push(event));
      const reading = read(consumer, 1);
      await until(() => events.length === 1);
      store(['last']);
      expect(valuesOf(await reading)).toEqual([onOutOfRange === 'earliest' ? '0' : 'last']);
      const resumedAt = onOutOfRange === 'earliest' ? 0 : 3;
      expect(events).toEqual([{ topic: 't', partition: 0, offset: 99, resumedAt }]);
    },
  );

  describe('after a loss', () => {
    /** a, b and c were read; then b and c are lost and other messages take their offsets. */
    async function lose(): Promise<void> {
      const log = cluster.log('t');
      log.truncate(1);
      cluster.partition('t').epoch = 2;
      store(['B']);
      store(['C']);
      store(['D']);
    }

    beforeEach(() => {
      cluster.addTopic('t');
      for (const value of ['a', 'b', 'c']) store([value]);
    });

    test('reading ends with TRUNCATED, never with other messages at the same offsets', async () => {
      const mq = await cluster.connect();
      const consumer = mq.consumer({ topic: 't', from: 'earliest', maxWait: 50 });
      expect(valuesOf(await read(consumer, 3))).toEqual(['a', 'b', 'c']);
      await lose();
      const error = await failureFrom(read(consumer, 1));
      expect(error).toMatchObject({ code: 'TRUNCATED', context: { agreed: '1' } });
      const [position] = consumer.position();
      const other = mq.consumer({ topic: 't', from: [position] });
      expect((await failureFrom(read(other, 1))).code).toBe('TRUNCATED');
      await consumer.seek(1);
      expect(valuesOf(await read(consumer, 3))).toEqual(['B', 'C', 'D']);
    });

    test('reading goes on where the logs agree, if so wished', async () => {
      const mq = await cluster.connect();
      const consumer = mq.consumer({
        topic: 't',
        from: 'earliest',
        maxWait: 50,
        onTruncated: 'resume',
      });
      const events: unknown[] = [];
      consumer.on('truncated', (event) => events.push(event));
      await read(consumer, 3);
      await lose();
      expect(valuesOf(await read(consumer, 3))).toEqual(['B', 'C', 'D']);
      expect(events).toEqual([{ topic: 't', partition: 0, offset: 3, resumedAt: 1 }]);
    });

    test('what was pulled ahead and lost is not given', async () => {
      const mq = await cluster.connect();
      const consumer = mq.consumer({ topic: 't', from: 'earliest', maxWait: 50 });
      let pulls = 0;
      cluster.on.pull = (_broker, _request, next) => (pulls++, next());
      expect(valuesOf(await read(consumer, 1))).toEqual(['a']);
      // The second pull begins behind c: a, b and c are there.
      await until(() => pulls >= 2);
      await lose();
      const before = pulls;
      await until(() => pulls >= before + 3);
      expect(valuesOf(await read(consumer, 3))).toEqual(['B', 'C', 'D']);
    });
  });

  test('a topic that was created again under its name is not read on', async () => {
    const topic = cluster.addTopic('t');
    store(['a']);
    const named = new Set<string | undefined>();
    cluster.on.pull = (_broker, { partitions }, next) => (named.add(partitions[0].topicId), next());
    const mq = await cluster.connect({ metadataMaxAge: 10 });
    const consumer = mq.consumer({ topic: 't', from: 'earliest', maxWait: 50 });
    await read(consumer, 1);
    // The broker refuses what belongs to the old one, also before the new metadata are here.
    expect([...named]).toEqual([topic.topicId]);
    topic.topicId = 'e'.repeat(32);
    cluster.moveLeader('t', 0, 2);
    const error = await failureFrom(read(consumer, 1));
    expect(error.message).toContain('created again');
  });

  test('says that a topic does not exist, and finds it when it does later', async () => {
    const consumer = (await cluster.connect()).consumer({ topic: 'later', from: 'earliest' });
    expect((await failureFrom(consumer.fetch())).code).toBe('UNKNOWN_TOPIC');
    cluster.addTopic('later');
    store(['x'], 'later');
    expect(valuesOf(await consumer.fetch({ wait: '5s' }))).toEqual(['x']);
  }, 15_000);

  test('pauses and resumes partitions', async () => {
    cluster.addTopic('t', 2);
    store(['0'], 't', 0);
    store(['1'], 't', 1);
    const consumer = (await cluster.connect()).consumer({ topic: 't', from: 'earliest' });
    await consumer.ready();
    consumer.pause([0]);
    expect(valuesOf(await consumer.fetch({ wait: 200 }))).toEqual(['1']);
    expect(await consumer.fetch({ wait: 50 })).toEqual([]);
    consumer.resume();
    expect(valuesOf(await consumer.fetch({ wait: '5s' }))).toEqual(['0']);
  });

  test('counts its lag', async () => {
    cluster.addTopic('t', 2);
    store(numbers(5), 't', 0);
    store(numbers(3), 't', 1);
    const consumer = (await cluster.connect()).consumer({ topic: 't', from: 'earliest' });
    const lag = await consumer.lag();
    expect(lag).toEqual({
      ...{ messages: 8, seconds: Math.max(...lag.partitions.map(({ seconds }) => seconds)) },
      partitions: [
        { partition: 0, messages: 5, seconds: expect.any(Number) as number },
        { partition: 1, messages: 3, seconds: expect.any(Number) as number },
      ],
    });
    // Of records that were written in 1970.
    expect(lag.seconds).toBeGreaterThan(1e9);
    await read(consumer, 6);
    expect((await consumer.lag()).messages).toBe(2);
    await read(consumer, 2);
    expect(await consumer.lag()).toMatchObject({ messages: 0, seconds: 0 });
  });

  test('refuses what it can not read', async () => {
    const topic = defineTopic('t', { value: json<{ a: number }>() });
    cluster.addTopic('t');
    store(['{"a":1}', 'no json', '{"a":2}']);
    const mq = await cluster.connect();
    const consumer = mq.consumer({ topic, from: 'earliest' });
    const [first] = await consumer.fetch();
    expect(first.value?.a).toBe(1);
    const error = await failureFrom(consumer.fetch());
    expect(error).toMatchObject({
      code: 'VALIDATION_FAILED',
      context: { topic: 't', partition: 0, offset: 1 },
    });
    await consumer.seek(2);
    expect((await consumer.fetch()).map(({ value }) => value?.a)).toEqual([2]);
  });

  test('reads what is compressed, also when it is unpacked elsewhere', async () => {
    cluster.addTopic('t');
    const mq = await cluster.connect();
    const value = Buffer.alloc(300_000, 'some text that is not all the same ');
    for (let n = 0; n < value.length; n += 7) value[n] = (n * 31) & 0xff;
    for (const compression of ['gzip', 'lz4'] as const) {
      await mq
        .producer({ compression, batchBytes: '1MiB' })
        .send('t', [{ value }, { value: 'end' }]);
    }
    const consumer = mq.consumer({ topic: 't', from: 'earliest' });
    const messages = await read(consumer, 4);
    expect(messages.map((message) => message.value?.length)).toEqual([300_000, 3, 300_000, 3]);
    expect(messages[2].value?.equals(value)).toBe(true);
    expect(readBatchHeader(cluster.log('t').batches[0]).attributes).toBe(1);
  });

  test('ends its loops when it is closed', async () => {
    cluster.addTopic('t');
    const consumer = (await cluster.connect()).consumer({ topic: 't' });
    const reading = read(consumer, 1);
    await consumer.ready();
    await consumer.close();
    expect(await reading).toEqual([]);
    expect((await failureFrom(consumer.fetch())).code).toBe('CLOSED');
    let pulls = 0;
    cluster.on.pull = (_broker, _request, next) => (pulls++, next());
    await cluster.quiet();
    expect(pulls).toBe(0);
    expect(zhumqError('CLOSED', '').code).toBe('CLOSED');
  });
});
