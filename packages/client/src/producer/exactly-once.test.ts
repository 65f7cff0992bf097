import { ManualClock, SeededRandom } from '@zhumq/base';
import { readBatchHeader, zhumqError } from '@zhumq/model';
import {
  FakeCluster,
  advanceUntil,
  failureFrom,
  turns,
  until,
} from '../testing/fake-cluster.fixture.js';

const SEED = Number(process.env.SEED ?? 42);
const numbers = (count: number): string[] => Array.from({ length: count }, (_one, n) => `${n}`);

describe('an idempotent producer', () => {
  let cluster: FakeCluster;
  beforeEach(async () => {
    cluster = await FakeCluster.start(3);
  });
  afterEach(() => cluster.close());

  test('stores each message once and in order when requests and answers are lost and leaders move', async () => {
    cluster.addTopic('t', 3);
    const random = new SeededRandom(SEED);
    let trouble = true;
    let lost = 0;
    cluster.on.produce = async (_broker, _request, next) => {
      const dice = trouble ? random.fraction() : 1;
      if (dice < 0.25) lost++;
      if (dice < 0.1) throw zhumqError('CONNECTION_LOST', 'the request was lost');
      if (dice < 0.12) cluster.moveLeader('t', random.below(3), 1 + random.below(3));
      const response = await next();
      if (dice < 0.25) throw zhumqError('CONNECTION_LOST', 'the answer was lost');
      // Answers come in any order.
      if (dice < 0.6) await turns(random.below(10));
      return response;
    };
    const producer = (await cluster.connect()).producer({ batchBytes: 1024 });
    const sends: Promise<{ offset: number; partition: number }>[] = [];
    for (let n = 0; n < 3000; n++) {
      sends.push(producer.send('t', { value: `${n}`, partition: n % 3 }));
      if (n % 20 === 0) await turns(1);
    }
    await until(() => lost >= 10);
    trouble = false;
    const receipts = await Promise.all(sends);
    for (let partition = 0; partition < 3; partition++) {
      const sent = numbers(3000).filter((_one, n) => n % 3 === partition);
      expect(cluster.log('t', partition).values()).toEqual(sent);
      const offsets = new Map(
        cluster
          .log('t', partition)
          .records()
          .map(({ value, offset }) => [String(value), offset]),
      );
      for (const n of sent) expect(receipts[Number(n)].offset).toBe(offsets.get(n));
    }
    expect(producer.bufferedBytes).toBe(0);
  }, 60_000);

  test('survives brokers that go away and come back', async () => {
    cluster.addTopic('t');
    const producer = (await cluster.connect()).producer({ batchBytes: 1024 });
    const sends = [];
    for (let n = 0; n < 300; n++) {
      sends.push(producer.send('t', { value: `${n}` }));
      if (n % 50 === 49) {
        await cluster.brokers[0].stop();
        await cluster.brokers[0].start();
      }
      await turns(1);
    }
    await Promise.all(sends);
    expect(cluster.log('t').values()).toEqual(numbers(300));
  }, 30_000);

  test('a retry of a batch that was stored gets the original offset, marked as duplicate', async () => {
    cluster.addTopic('t');
    let lost = false;
    cluster.on.produce = async (_broker, _request, next) => {
      const response = await next();
      if (lost) return response;
      lost = true;
      throw zhumqError('CONNECTION_LOST', 'the answer was lost');
    };
    const producer = (await cluster.connect()).producer();
    const receipt = await producer.send('t', { value: 'x' });
    expect(receipt).toMatchObject({ offset: 0, duplicate: true });
    expect(cluster.log('t').values()).toEqual(['x']);
  });

  test('a new leader that the producer never learns of: it follows the broker that names it', async () => {
    cluster.addTopic('t');
    const stale = cluster.metadata(['t']);
    const producer = (await cluster.connect()).producer();
    await producer.send('t', { value: 'a' });
    cluster.moveLeader('t', 0, 3);
    cluster.on.metadata = () => stale;
    const startedMs = performance.now();
    await producer.send('t', { value: 'b' });
    expect(performance.now() - startedMs).toBeLessThan(1000);
    await producer.send('t', { value: 'c' });
    const brokers = cluster.produceRequests.map(({ broker }) => broker);
    expect(brokers).toEqual([1, 1, 3, 3]);
  });

  test('a new leader that the producer never learns of: it asks until metadata names it', async () => {
    cluster.addTopic('t');
    const producer = (await cluster.connect()).producer();
    await producer.send('t', { value: 'a' });
    const stale = cluster.metadata(['t']);
    let asked = 0;
    cluster.on.metadata = (_broker, _request, next) => (++asked < 4 ? stale : next());
    await cluster.brokers[0].stop();
    cluster.brokers[0].alive = true;
    cluster.moveLeader('t', 0, 2);
    await producer.send('t', { value: 'b' });
    expect(cluster.log('t').values()).toEqual(['a', 'b']);
  }, 15_000);

  test('brokers that name each other in turns are not asked without pause', async () => {
    cluster.addTopic('t');
    let requests = 0;
    let agreed = false;
    cluster.on.produce = (broker, _request, next) => {
      requests++;
      if (agreed) return next();
      const other = cluster.brokers[broker.id % 2];
      const context = { leader: other.id, host: '127.0.0.1', port: other.port };
      throw zhumqError('NOT_LEADER', 'ask the other one', context);
    };
    const clock = new ManualClock();
    const producer = (await cluster.connect({}, undefined, { clock })).producer();
    let offset: number | undefined;
    void producer.send('t', { value: 'x' }).then((receipt) => (offset = receipt.offset));
    await advanceUntil(clock, () => requests > 0);
    for (let step = 0; step < 70; step++) {
      clock.advance(10);
      await cluster.quiet();
    }
    expect(requests).toBeLessThan(40);
    agreed = true;
    cluster.moveLeader('t', 0, 1);
    await advanceUntil(clock, () => offset !== undefined);
    expect(offset).toBe(1);
  }, 15_000);

  test('goes on under a new epoch when the broker forgot it, without storing anything twice', async () => {
    cluster.addTopic('t');
    const producer = (await cluster.connect()).producer({ batchBytes: 1024 });
    await producer.send('t', { value: '0' });
    cluster.log('t').forgetProducers();
    const value = '.'.repeat(400);
    await Promise.all(numbers(20).map((key) => producer.send('t', { key, value })));
    expect(
      cluster
        .log('t')
        .records()
        .slice(1)
        .map(({ key }) => String(key)),
    ).toEqual(numbers(20));
    const epochs = cluster.log('t').batches.map((batch) => readBatchHeader(batch).producerEpoch);
    expect(epochs[0]).toBe(0);
    expect(new Set(epochs.slice(1))).toEqual(new Set([1]));
  });

  test('says that the outcome is unknown when the broker forgot it in the middle of a retry', async () => {
    cluster.addTopic('t');
    let step = 0;
    cluster.on.produce = async (_broker, _request, next) => {
      step++;
      if (step !== 2) return next();
      await next();
      cluster.log('t').forgetProducers();
      throw zhumqError('CONNECTION_LOST', 'the answer was lost');
    };
    const producer = (await cluster.connect()).producer();
    await producer.send('t', { value: '0' });
    const error = await failureFrom(producer.send('t', { value: '1' }));
    expect(error).toMatchObject({ code: 'UNKNOWN_PRODUCER', outcome: 'unknown' });
    await producer.send('t', { value: '2' });
    expect(cluster.log('t').values()).toEqual(['0', '1', '2']);
  });

  test('gives up at the delivery timeout and says what it knows of the outcome', async () => {
    const { partitions } = cluster.addTopic('t');
    const producer = (await cluster.connect()).producer({ deliveryTimeout: 1000 });
    await producer.send('t', { value: 'a' });
    cluster.on.produce = () => {
      throw zhumqError('CONNECTION_LOST', 'the request was lost');
    };
    const lost = await failureFrom(producer.send('t', { value: 'b' }));
    expect(lost).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
    expect(lost.message).toContain('the request was lost');
    cluster.on.produce = () => {
      throw zhumqError('LEADER_NOT_AVAILABLE', 'no leader');
    };
    const refused = await failureFrom(producer.send('t', { value: 'c' }));
    expect(refused).toMatchObject({ code: 'TIMEOUT', outcome: 'rejected' });
    cluster.on.produce = (_broker, _request, next) => next();
    partitions[0].leader = 1;
    await producer.send('t', { value: 'd' });
    expect(cluster.log('t').values()).toEqual(['a', 'd']);
    expect(producer.bufferedBytes).toBe(0);
  });

  test('an error that no retry can cure settles the batch and what follows goes on', async () => {
    cluster.addTopic('t');
    let refuse = true;
    cluster.on.produce = (_broker, _request, next) => {
      if (refuse) throw zhumqError('INVALID_BATCH', 'no');
      return next();
    };
    const producer = (await cluster.connect()).producer();
    const error = await failureFrom(producer.send('t', { value: 'a' }));
    expect(error).toMatchObject({ code: 'INVALID_BATCH', outcome: 'rejected' });
    refuse = false;
    expect((await producer.send('t', { value: 'b' })).offset).toBe(0);
  });

  test('a broker that takes a request and never answers is asked again over a new connection', async () => {
    cluster.addTopic('t');
    let silent = true;
    cluster.on.produce = async (_broker, _request, next) => {
      const response = await next();
      if (silent) await new Promise(() => undefined);
      return response;
    };
    const mq = await cluster.connect({ requestTimeout: 200 });
    const sent = mq.producer().send('t', { value: 'x' });
    await until(() => cluster.produceRequests.length === 1);
    silent = false;
    expect(await sent).toMatchObject({ offset: 0, duplicate: true });
  });

  test('waits for a producer id as long as no broker gives one', async () => {
    cluster.addTopic('t');
    let refusals = 0;
    cluster.on.initProducer = (_broker, _request, next) => {
      if (++refusals < 4) throw zhumqError('STORE_UNAVAILABLE', 'no zkserver');
      return next();
    };
    const producer = (await cluster.connect()).producer();
    await producer.send('t', { value: 'a' });
    expect(refusals).toBe(4);
  });

  test('a partition in trouble holds up no other', async () => {
    const { partitions } = cluster.addTopic('t', 2);
    partitions[1].leader = partitions[0].leader;
    cluster.on.produce = async (broker, request, next) => {
      const stuck = request.partitions.some(({ partition }) => partition === 0);
      if (stuck && request.partitions.length === 1) await new Promise(() => undefined);
      if (stuck) throw zhumqError('UNCOMMITTED_FULL', 'a majority is away');
      return broker.produce(request).then((response) => response, next);
    };
    const producer = (await cluster.connect()).producer();
    producer.send('t', { value: 'stuck', partition: 0 }).catch(() => undefined);
    await until(() => producer.bufferedBytes > 0);
    const startedMs = performance.now();
    for (let n = 0; n < 20; n++) await producer.send('t', { value: `${n}`, partition: 1 });
    expect(performance.now() - startedMs).toBeLessThan(2000);
    await producer.close({ timeout: 10 });
  });
});
