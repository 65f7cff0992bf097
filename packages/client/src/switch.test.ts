// What producers and consumers notice of a switch of modes: a moment without records, a new generation, perhaps another
// leader. Nothing fails, nothing is stored twice or in another order, nothing is read twice or left out.
import { ReplicationMode } from '@zhumq/rpc';
import type { Client, Message, Producer, ProducerOptions, Receipt } from './index.js';
import { FakeCluster, until } from './testing/fake-cluster.fixture.js';

const { RAFT, FETCH } = ReplicationMode;
const numbers = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_one, n) => `${n + from}`);

let cluster: FakeCluster;
let mq: Client;
let refusals: string[];
let metadataRequests: number;

beforeEach(async () => {
  cluster = await FakeCluster.start(3);
  mq = await cluster.connect();
  refusals = [];
  metadataRequests = 0;
  cluster.on.produce = async (_broker, _request, next) => {
    const response = await next();
    for (const { failure } of response.partitions) {
      if (failure !== undefined) refusals.push(`${failure.code}`);
    }
    return response;
  };
  cluster.on.metadata = (_broker, _request, next) => (metadataRequests++, next());
});
afterEach(() => cluster.close());

/** Sends one message after the other until it is stopped, a batch for each. */
class Sender {
  readonly receipts: Receipt[] = [];
  readonly failures: unknown[] = [];
  private readonly open: Promise<unknown>[] = [];
  private sent = 0;

  constructor(private readonly producer: Producer) {}

  send(count: number): void {
    for (let n = 0; n < count; n++) {
      const value = `${this.sent++}`.padEnd(1000, '.');
      const work = this.producer.send('t', { value }).then(
        (receipt) => this.receipts.push(receipt),
        (error: unknown) => this.failures.push(error),
      );
      this.open.push(work);
    }
  }

  async settled(): Promise<void> {
    await Promise.all(this.open);
  }

  /** What was sent, in order. */
  get values(): string[] {
    return numbers(this.sent).map((n) => n.padEnd(1000, '.'));
  }
}

const smallBatches = { batchBytes: 4096 } satisfies ProducerOptions;

test.each([
  ['all', true],
  ['leader', true],
  ['all', false],
  ['leader', false],
] as const)(
  'acks %s, idempotent %s: nothing fails, all is stored once and in order while the partition is sealed and moves',
  async (acks, idempotent) => {
    cluster.addTopic('t');
    const sender = new Sender(mq.producer({ ...smallBatches, acks, idempotent }));
    sender.send(100);
    await until(() => sender.receipts.length > 0);
    cluster.seal('t', 0);
    sender.send(100);
    await until(() => refusals.length >= 3);
    cluster.publish('t', 0, FETCH, 2);
    sender.send(100);
    await sender.settled();
    expect(sender.failures).toEqual([]);
    expect(cluster.log('t').values()).toEqual(sender.values);
    const modes = sender.receipts.map(({ mode }) => mode);
    expect(modes[0]).toBe('raft');
    expect(modes.at(-1)).toBe('fetch');
  },
);

test('several batches under way at the seal are taken in order by the next generation', async () => {
  cluster.addTopic('t');
  const sender = new Sender(mq.producer(smallBatches));
  sender.send(1);
  await sender.settled();
  cluster.seal('t', 0);
  sender.send(30);
  await until(() => refusals.length >= 7);
  cluster.publish('t', 0, FETCH, 1);
  await sender.settled();
  expect(cluster.log('t').values()).toEqual(sender.values);
  expect(sender.receipts.map(({ offset }) => offset)).toEqual(
    sender.receipts.map(({ offset }) => offset).toSorted((a, b) => a - b),
  );
});

test.each([true, false])(
  'idempotent %s: what follows a batch that was refused does not overtake it, although the partition is open again',
  async (idempotent) => {
    cluster.addTopic('t');
    const sender = new Sender(mq.producer({ ...smallBatches, idempotent, maxInFlight: 5 }));
    let requests = 0;
    cluster.on.produce = (_broker, request, next) => {
      if (++requests !== 2) return next();
      const failure = { code: 55, message: 'sealed for a moment', context: {} };
      const refused = { failure, baseOffset: -1, duplicate: false, logStart: 0, mode: RAFT };
      return { partitions: request.partitions.map((one) => ({ ...one, ...refused })) };
    };
    sender.send(40);
    await sender.settled();
    expect(sender.failures).toEqual([]);
    expect(cluster.log('t').values()).toEqual(sender.values);
  },
);

test('a sealed partition costs no look-up of metadata', async () => {
  cluster.addTopic('t');
  const producer = mq.producer();
  await producer.send('t', { value: 'before' });
  cluster.seal('t', 0);
  const before = metadataRequests;
  const sending = producer.send('t', { value: 'during' });
  await until(() => refusals.length >= 5);
  expect(metadataRequests).toBe(before);
  cluster.publish('t', 0, FETCH, 1);
  expect(await sending).toMatchObject({ mode: 'fetch', duplicate: false });
});

test.each([
  [55, 'is being switched to another mode'],
  [49, 'has 1 replicas in sync'],
])(
  'a leader that was cut off and answers %i for ever is left as soon as others know of the next one',
  async (code, message) => {
    cluster.addTopic('t');
    const producer = mq.producer();
    await producer.send('t', { value: 'before' });
    const [old] = cluster.brokers;
    cluster.publish('t', 0, FETCH, 2);
    let asked = 0;
    cluster.on.produce = (broker, request, next) => {
      if (broker.id !== old.id) return next();
      asked++;
      const failure = { code, message, context: {} };
      const refused = { failure, baseOffset: -1, duplicate: false, logStart: 0, mode: RAFT };
      return { partitions: request.partitions.map((one) => ({ ...one, ...refused })) };
    };
    const lookedUpAt: number[] = [];
    cluster.on.metadata = (broker, _request, next) => (lookedUpAt.push(broker.id), next());
    expect(await producer.send('t', { value: 'after' })).toMatchObject({ mode: 'fetch' });
    // For half a second it is taken for a switch, or for replicas that are soon in sync again.
    expect(asked).toBeGreaterThan(3);
    expect(lookedUpAt).not.toContain(old.id);
  },
);

test('a batch whose answer the switch took away is stored once', async () => {
  cluster.addTopic('t');
  const producer = mq.producer();
  await producer.send('t', { value: 'before' });
  let lost = false;
  cluster.on.produce = async (_broker, _request, next) => {
    const response = await next();
    if (lost) return response;
    lost = true;
    const failure = { code: 54, message: 'the leader lost its office', context: {} };
    cluster.publish('t', 0, FETCH, 3);
    return { partitions: response.partitions.map((one) => ({ ...one, failure })) };
  };
  const receipt = await producer.send('t', { value: 'during' });
  expect(receipt).toMatchObject({ duplicate: true, offset: 1, mode: 'fetch' });
  expect(cluster.log('t').values()).toEqual(['before', 'during']);
});

test('back to raft, and a partition of its own is not held up by one that is sealed', async () => {
  cluster.addTopic('t', 2, {}, FETCH);
  const producer = mq.producer();
  cluster.seal('t', 0);
  const waiting = producer.send('t', { value: 'x', partition: 0 });
  await until(() => refusals.length >= 2);
  expect((await producer.send('t', { value: 'y', partition: 1 })).mode).toBe('fetch');
  cluster.publish('t', 0, RAFT, 3);
  expect(await waiting).toMatchObject({ mode: 'raft' });
});

test('acks none: a producer that nobody answers finds the leader of the new generation', async () => {
  cluster.addTopic('t');
  const producer = mq.producer({ acks: 'none' });
  await producer.send('t', { value: 'before' });
  cluster.publish('t', 0, FETCH, 2);
  let last: Receipt | undefined;
  const arrived = (): boolean => cluster.log('t').values().at(-1) === 'after';
  const deadline = performance.now() + 10_000;
  while (!arrived() && performance.now() < deadline) {
    last = await producer.send('t', { value: 'after' });
    // The pace of the load: nothing tells when one of these is lost.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(arrived()).toBe(true);
  expect(last).toMatchObject({ offset: -1, mode: 'fetch' });
});

test('a consumer reads on through switches, with nothing missing, twice or truncated', async () => {
  cluster.addTopic('t');
  const producer = mq.producer();
  const consumer = mq.consumer({ topic: 't', from: 'earliest', maxWait: 200 });
  const events: unknown[] = [];
  consumer.on('truncated', (event) => events.push(event));
  consumer.on('outOfRange', (event) => events.push(event));
  const read: Message[] = [];
  const reading = (async () => {
    for await (const message of consumer) if (read.push(message) === 40) break;
  })();
  for (let round = 0; round < 4; round++) {
    for (const value of numbers(10, round * 10)) await producer.send('t', { value });
    await until(() => read.length >= round * 10 + 5);
    cluster.seal('t', 0);
    cluster.publish('t', 0, round % 2 === 0 ? FETCH : RAFT, (round % 3) + 1);
  }
  await reading;
  expect(read.map(({ value }) => String(value))).toEqual(numbers(40));
  expect(events).toEqual([]);
  const [position] = consumer.position();
  expect(position).toEqual({ partition: 0, offset: 43, lastEpoch: 4 });
});

test('a position from before a switch is good after it; after a real loss it is TRUNCATED', async () => {
  cluster.addTopic('t');
  const producer = mq.producer();
  for (const value of numbers(3)) await producer.send('t', { value });
  const position = { partition: 0, offset: 3, lastEpoch: 1 };
  cluster.publish('t', 0, FETCH, 2);
  await producer.send('t', { value: 'next' });
  const consumer = mq.consumer({ topic: 't', from: [position] });
  expect((await consumer.fetch({ max: 1 })).map(({ value }) => String(value))).toEqual(['next']);
  await consumer.close();
  cluster.log('t').truncate(2);
  cluster.moveLeader('t', 0, 1);
  await producer.send('t', { value: 'other' });
  const again = mq.consumer({ topic: 't', from: [position] });
  await expect(again.fetch({ max: 1 })).rejects.toMatchObject({ code: 'TRUNCATED' });
});
