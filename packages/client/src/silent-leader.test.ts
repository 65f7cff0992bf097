// Leaders that are frozen: they take requests and never answer. With a request timeout of a minute only what is told here
// gets a client away from them.
import { ManualClock } from '@zhumq/base';
import type { Client, Message } from './index.js';
import { FakeCluster, advanceUntil, until } from './testing/fake-cluster.fixture.js';

const PATIENT = { requestTimeout: '60s' } as const;
/** Without requests that are abandoned, everything here takes a minute. */
const SOON_MS = 6000;
const numbers = (count: number): string[] => Array.from({ length: count }, (_one, n) => `${n}`);

let cluster: FakeCluster;
let mq: Client;
let metadataAskedOf: number[];

beforeEach(async () => {
  cluster = await FakeCluster.start(3);
  cluster.addTopic('t');
  mq = await cluster.connect(PATIENT);
  metadataAskedOf = [];
  cluster.on.metadata = (broker, _request, next) => (metadataAskedOf.push(broker.id), next());
});
afterEach(() => cluster.close());

async function soon<T>(work: Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const result = await work;
  expect(performance.now() - startedMs).toBeLessThan(SOON_MS);
  return result;
}

describe('a producer whose leader freezes', () => {
  test('goes on at the next leader: everything is stored once and in order', async () => {
    const producer = mq.producer({ batchBytes: 1024 });
    await producer.send('t', { value: '0' });
    // What it has in hand when it freezes: one batch stored, the others not.
    let stored = 0;
    cluster.on.produce = async (broker, _request, next) => {
      if (broker.id === 1 && stored++ === 0) await next();
      return broker.id === 1 ? new Promise(() => undefined) : next();
    };
    const sends = numbers(100).map((n) =>
      producer.send('t', { value: n === '0' ? 'first' : n.padEnd(300, '.') }),
    );
    await until(() => stored > 1);
    cluster.brokers[0].freeze();
    cluster.moveLeader('t', 0, 2);
    const receipts = await soon(Promise.all(sends));
    expect(cluster.log('t').values()).toEqual([
      ...['0', 'first'],
      ...numbers(100)
        .slice(1)
        .map((n) => n.padEnd(300, '.')),
    ]);
    expect(receipts[0].duplicate).toBe(true);
    expect(receipts.at(-1)?.duplicate).toBe(false);
    expect(producer.bufferedBytes).toBe(0);
  }, 20_000);

  test('finds a leader of which only a replica knows, and neither the zkserver nor the others', async () => {
    const producer = mq.producer();
    await producer.send('t', { value: 'a' });
    const stale = cluster.metadata(['t']);
    cluster.stored = stale;
    cluster.brokers[0].freeze();
    cluster.moveLeader('t', 0, 2);
    cluster.on.metadata = (broker, _request, next) => (broker.id === 3 ? next() : stale);
    const sent = producer.send('t', { value: 'b' });
    await soon(sent);
    // What the others say does not lead back.
    await soon(producer.send('t', { value: 'c' }));
    expect(cluster.log('t').values()).toEqual(['a', 'b', 'c']);
  }, 20_000);

  test('waits for the election, then goes on; a late answer of the former leader changes nothing', async () => {
    const producer = mq.producer();
    await producer.send('t', { value: 'a' });
    cluster.brokers[0].freeze();
    const sent = producer.send('t', { value: 'b' });
    await until(() => metadataAskedOf.length > 0);
    cluster.moveLeader('t', 0, 3);
    const receipt = await soon(sent);
    const before = cluster.produceRequests.length;
    cluster.brokers[0].thaw();
    await until(() => cluster.produceRequests.length > before);
    expect(await soon(producer.send('t', { value: 'c' }))).toMatchObject({
      offset: receipt.offset + 1,
      duplicate: false,
    });
    expect(cluster.log('t').values()).toEqual(['a', 'b', 'c']);
  }, 20_000);

  test('leaves what it sent to other partitions there, as long as nobody else leads them', async () => {
    cluster.addTopic('u', 4);
    const producer = mq.producer();
    const send = (partition: number): Promise<unknown> =>
      producer.send('u', { partition, value: `${partition}` });
    for (const partition of [0, 1, 2, 3]) await send(partition);
    cluster.brokers[0].freeze();
    // Both are led by broker 1.
    let stays = true;
    const staying = send(0).then(() => (stays = false));
    const moving = send(3);
    cluster.moveLeader('u', 3, 2);
    await soon(moving);
    expect(stays).toBe(true);
    cluster.brokers[0].thaw();
    await soon(staying);
    expect(cluster.log('u', 0).values()).toEqual(['0', '0']);
    expect(cluster.log('u', 3).values()).toEqual(['3', '3']);
  }, 20_000);

  test('goes on without sequence numbers, too, in order', async () => {
    const producer = mq.producer({ idempotent: false });
    await producer.send('t', { value: '0' });
    cluster.brokers[0].freeze();
    const sends = numbers(5).map((value) => producer.send('t', { value }));
    cluster.moveLeader('t', 0, 2);
    await soon(Promise.all(sends));
    expect(cluster.log('t').values()).toEqual(['0', ...numbers(5)]);
  }, 20_000);

  test('gets a producer id from another broker', async () => {
    for (const broker of cluster.brokers.slice(0, 2)) broker.freeze();
    cluster.moveLeader('t', 0, 3);
    await soon(mq.producer().send('t', { value: 'a' }));
    expect(cluster.log('t').values()).toEqual(['a']);
  }, 20_000);
});

describe('a leader that is slow', () => {
  test('keeps its requests as long as no larger epoch names another one', async () => {
    const clock = new ManualClock();
    const slow = await cluster.connect(PATIENT, undefined, { clock });
    const producer = slow.producer();
    let ready = false;
    void producer.send('t', { value: 'a' }).then(() => (ready = true));
    await advanceUntil(clock, () => ready);
    const former = cluster.metadata(['t']);
    cluster.brokers[0].freeze();
    // The others know no more than before, or say the same epoch of another leader.
    const [topic] = former.topics;
    const wrong = { ...topic, partitions: [{ ...topic.partitions[0], leader: 3 }] };
    cluster.on.metadata = (broker) => {
      metadataAskedOf.push(broker.id);
      return broker.id === 3 ? { ...former, topics: [wrong] } : former;
    };
    metadataAskedOf = [];
    const requests = cluster.produceRequests.length;
    const sent = producer.send('t', { value: 'b' });
    const startMs = clock.monotonicMs();
    for (const forMs of [2000, 4000, 6000, 8000]) {
      await advanceUntil(clock, () => clock.monotonicMs() - startMs > forMs);
    }
    // It was asked about, again and again, with longer and longer pauses; and never the one that is silent.
    expect(metadataAskedOf.length).toBeGreaterThan(2);
    expect(metadataAskedOf.length).toBeLessThan(20);
    expect(metadataAskedOf).not.toContain(1);
    expect(cluster.produceRequests).toHaveLength(requests);
    cluster.brokers[0].thaw();
    expect(await sent).toMatchObject({ duplicate: false });
    expect(cluster.produceRequests.map(({ broker }) => broker)).toEqual([1, 1]);
  }, 30_000);

  test('that lets readers wait is not asked about', async () => {
    const clock = new ManualClock();
    const patient = await cluster.connect(PATIENT, undefined, { clock });
    let pulls = 0;
    const open: (() => void)[] = [];
    cluster.on.pull = async (_broker, request, next) => {
      pulls++;
      await new Promise<void>((resolve) => open.push(resolve));
      return next().then((response) => ({
        ...response,
        partitions: request.partitions.map(empty),
      }));
    };
    const consumer = patient.consumer({ topic: 't', from: 'earliest', maxWait: 3000 });
    const reading = consumer.fetch({ wait: '1h' });
    await advanceUntil(clock, () => pulls === 1);
    const asked = metadataAskedOf.length;
    const startMs = clock.monotonicMs();
    await advanceUntil(clock, () => clock.monotonicMs() - startMs > 3500);
    expect(metadataAskedOf).toHaveLength(asked);
    expect(pulls).toBe(1);
    // Much later than it was to answer.
    await advanceUntil(clock, () => metadataAskedOf.length > asked);
    expect(clock.monotonicMs() - startMs).toBeGreaterThan(3800);
    cluster.on.pull = (_broker, _request, next) => next();
    for (const answer of open) answer();
    await consumer.close();
    await reading.catch(() => undefined);
  }, 30_000);

  function empty({ topic, partition }: { topic: string; partition: number }): never {
    return { topic, partition, highWatermark: 0, logStart: 0, batches: Buffer.alloc(0) } as never;
  }
});

describe('a consumer whose leader freezes', () => {
  test('goes on at the next leader, where it was', async () => {
    const other = await cluster.connect();
    const producer = other.producer();
    for (const value of numbers(10)) await producer.send('t', { value });
    const consumer = mq.consumer({ topic: 't', from: 'earliest' });
    const messages: Message<Buffer, Buffer>[] = [];
    const read = async (count: number): Promise<void> => {
      while (messages.length < count) messages.push(...(await consumer.fetch({ wait: '1m' })));
    };
    await read(10);
    cluster.brokers[0].freeze();
    cluster.stored = cluster.metadata(['t']);
    cluster.moveLeader('t', 0, 2);
    for (const value of numbers(20).slice(10)) await producer.send('t', { value });
    await soon(read(20));
    expect(messages.map(({ value }) => String(value))).toEqual(numbers(20));
    await consumer.close();
  }, 20_000);

  test('finds its beginning at the next leader', async () => {
    await mq.producer().send('t', { value: 'a' });
    cluster.brokers[0].freeze();
    const consumer = mq.consumer({ topic: 't', from: 'earliest' });
    const reading = consumer.fetch({ wait: '1m' });
    cluster.moveLeader('t', 0, 2);
    expect((await soon(reading)).map(({ value }) => String(value))).toEqual(['a']);
    await consumer.close();
  }, 20_000);
});

describe('an admin while a broker is frozen', () => {
  test('gets offsets from the next leader', async () => {
    await mq.producer().send('t', { value: 'a' });
    cluster.brokers[0].freeze();
    cluster.moveLeader('t', 0, 2);
    expect(await soon(mq.admin().listOffsets({ topic: 't' }))).toMatchObject([{ offset: 2 }]);
  }, 20_000);

  test('is told what the others say of their replicas, and who said nothing', async () => {
    cluster.brokers[0].freeze();
    cluster.moveLeader('t', 0, 2);
    const [{ leader, replicaDetails }] = await soon(mq.admin().describePartitions('t'));
    expect(leader).toBe(2);
    expect(replicaDetails.map(({ role }) => role)).toEqual(['offline', 'leader', 'follower']);
    expect(replicaDetails[0].problem).toContain('broker 1 did not answer within');
  }, 20_000);
});

describe('an admin whose zkserver is frozen', () => {
  test('goes on at the one that is active after it', async () => {
    const standby = await FakeCluster.start(0);
    try {
      await mq.admin().describeCluster();
      let asked = 0;
      cluster.switches.describe = () => (asked++, new Promise(() => undefined) as never);
      standby.switches.describe = () => [];
      const described = mq.admin().describeSwitch({ topic: 't' });
      await until(() => asked === 1);
      const zkservers = [{ id: 2, host: '127.0.0.1', port: standby.zkPort }];
      cluster.on.metadata = async (_broker, _request, next) => ({
        ...(await next()),
        ...{ zkservers, controller: 2, controllerEpoch: 2 },
      });
      expect(await soon(described)).toEqual([]);
      expect(asked).toBe(1);
    } finally {
      await standby.close();
    }
  }, 20_000);
});

describe('metadata', () => {
  test('comes from the next server when one is silent for half a second, and that one is asked last', async () => {
    const clock = new ManualClock();
    // One by one, so that it is known who is asked first.
    const client = await cluster.connect(PATIENT, undefined, { clock });
    const admin = client.admin();
    cluster.brokers[1].freeze();
    const asks = 8;
    let answered = 0;
    const startMs = clock.monotonicMs();
    const asking = (async () => {
      for (; answered < asks; answered++) await admin.describeTopics(['t']);
    })();
    await advanceUntil(clock, () => answered === asks);
    await asking;
    // In turns it would have been the first of four servers twice, for half a second each time.
    const elapsedMs = clock.monotonicMs() - startMs;
    expect(elapsedMs).toBeGreaterThanOrEqual(500);
    expect(elapsedMs).toBeLessThan(1000);
  }, 20_000);
});
