// Push delivery over real sockets, from real logs.
import { readAll, batchOf, produce, TestCluster } from '../testing/test-cluster.js';
import type { TopicChoice } from '../testing/test-cluster.js';
import {
  KIB,
  MIB,
  TestDeliveries,
  eventually,
  withPartitions,
} from '../testing/test-deliveries.js';
import type { DeliveriesOptions } from './delivery-handler.js';

const opened: TestDeliveries[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) {
    await one.close();
    for (const { faults } of one.consumers) expect(faults).toEqual([]);
  }
});

async function start(
  partitions = 1,
  options: Partial<DeliveriesOptions['options']> = {},
  topic: TopicChoice = {},
) {
  const cluster = await TestCluster.start(1, topic);
  const broker = await withPartitions(cluster, partitions);
  const deliveries = await new TestDeliveries(cluster, broker, options).listen();
  opened.push(deliveries);
  return { cluster, broker, deliveries };
}

const endOf = ({ offset, batches }: { offset: number; batches: Buffer }): string =>
  `${offset}: ${batches.toString('latin1').slice(-8)}`;

test('what is committed is pushed, in order and once, and nothing before it is committed', async () => {
  const cluster = await TestCluster.start(3);
  const leader = await cluster.leader();
  const deliveries = await new TestDeliveries(cluster, leader).listen();
  opened.push(deliveries);
  const consumer = deliveries.consumer();
  const { highWatermark } = leader.partition();
  const reply = await consumer.attach(deliveries.from(0, MIB, { offset: highWatermark }));
  expect(reply).toMatchObject({ heartbeatMs: 60_000, partitions: [{ highWatermark }] });
  cluster.isolate(leader);
  const outcome = produce(leader.partition(), batchOf('not yet.'));
  await cluster.pass(100);
  // Whatever was pushed would have come before this answer.
  await consumer.client.closeAttachment(7);
  expect([leader.log().logEnd > highWatermark, consumer.delivered]).toEqual([true, []]);
  cluster.network.heal();
  await cluster.until(() => outcome.done);
  produce(leader.partition(), batchOf('and then'));
  await cluster.until(() => leader.partition().highWatermark === leader.log().logEnd);
  await eventually(() => consumer.delivered.length === 2);
  expect(consumer.delivered.map(endOf)).toEqual([
    `${highWatermark}: ot yet.\0`,
    `${highWatermark + 1}: nd then\0`,
  ]);
});

test('credit in bytes is never exceeded, and grants that come twice or late change nothing', async () => {
  const { broker, deliveries } = await start();
  await deliveries.fill(0, MIB);
  const { highWatermark } = broker.partition();
  const consumer = deliveries.consumer();
  await consumer.attach(deliveries.from(0, 100 * KIB));
  await eventually(() => consumer.bytes > 64 * KIB);
  await consumer.client.closeAttachment(7);
  const first = consumer.bytes;
  expect(first).toBeLessThanOrEqual(100 * KIB);
  expect(await deliveries.metric('zhumq_broker_stalled_attachments')).toBe(1);
  // Old totals, three times, and those of another stretch.
  const name = { topic: broker.topic, partition: 0, windowBytes: 100 * KIB };
  for (let time = 0; time < 3; time++) {
    consumer.client.grantCredit(1, [{ ...name, stretch: 1, takenBytes: 0 }]);
    consumer.client.grantCredit(1, [{ ...name, stretch: 9, takenBytes: MIB }]);
  }
  await consumer.client.closeAttachment(7);
  expect(consumer.bytes).toBe(first);
  consumer.onDelivery = () => consumer.take(broker.topic, 0, 20 * KIB);
  consumer.take(broker.topic, 0);
  await eventually(() => (consumer.delivered.at(-1)?.offset ?? 0) >= highWatermark - 4);
  const all = await readAll(broker.partition());
  await eventually(() => consumer.bytes === all.length, 2000).catch(() => undefined);
  consumer.take(broker.topic, 0);
  await eventually(() => consumer.bytes === all.length);
  expect(Buffer.concat(consumer.delivered.map(({ batches }) => batches)).equals(all)).toBe(true);
  expect(await deliveries.metric('zhumq_broker_stalled_attachments')).toBe(0);
  expect(await deliveries.metric('zhumq_broker_pushed_bytes_total')).toBe(all.length);
});

test('credit in messages is kept to, and more taken than was sent is not believed', async () => {
  const { broker, deliveries } = await start();
  await deliveries.fill(0, 40 * KIB, KIB);
  const consumer = deliveries.consumer();
  await consumer.attach(deliveries.from(0, MIB, { windowMessages: 3 }));
  await eventually(() => consumer.delivered.length > 0);
  const count = (): number => consumer.delivered.flatMap(({ batchSizes }) => batchSizes).length;
  await consumer.client.closeAttachment(7);
  expect(count()).toBe(3);
  const credit = { topic: broker.topic, partition: 0, stretch: 1, windowBytes: MIB };
  // As if a million had been sent and taken: three more come, not all.
  consumer.client.grantCredit(1, [
    { ...credit, takenBytes: 0, takenMessages: 1_000_000, windowMessages: 3 },
  ]);
  await eventually(() => count() > 3);
  await consumer.client.closeAttachment(7);
  expect(count()).toBe(6);
});

test('a batch larger than the window is sent alone, when everything before it is taken', async () => {
  const { broker, deliveries } = await start();
  await deliveries.fill(0, 8 * KIB, 4 * KIB);
  await deliveries.fill(0, 200 * KIB, 200 * KIB);
  await deliveries.fill(0, 4 * KIB, 4 * KIB);
  const consumer = deliveries.consumer();
  await consumer.attach(deliveries.from(0, 16 * KIB));
  await eventually(() => consumer.bytes > 7 * KIB);
  consumer.take(broker.topic, 0, 2 * KIB);
  await consumer.client.closeAttachment(7);
  expect(consumer.bytes).toBeLessThan(16 * KIB);
  consumer.take(broker.topic, 0);
  await eventually(() => consumer.bytes > 200 * KIB);
  const { batchSizes, creditBytes } = consumer.delivered[consumer.delivered.length - 1];
  expect([batchSizes.length, creditBytes < 0]).toEqual([1, true]);
  consumer.take(broker.topic, 0);
  await eventually(() => consumer.bytes > 203 * KIB);
});

test('a partition with much to tell does not hold up the others of its consumer', async () => {
  const { deliveries, broker } = await start(3);
  await deliveries.fill(0, 900 * KIB);
  for (const quiet of [1, 2]) await deliveries.fill(quiet, 200 * KIB);
  const consumer = deliveries.consumer();
  const [hot, ...others] = [0, 1, 2].map((partition) => deliveries.from(partition, 4 * MIB));
  await consumer.attach(hot, ...others);
  const sizes = await Promise.all([0, 1, 2].map((one) => readAll(broker.partition(one))));
  await eventually(() => consumer.bytes === sizes.reduce((sum, { length }) => sum + length, 0));
  const order = consumer.delivered.map(({ partition }) => partition);
  // 200 KiB are two chunks: both quiet ones are done before the hot one has had four turns.
  const beforeLastQuiet = order.slice(0, Math.max(order.lastIndexOf(1), order.lastIndexOf(2)));
  expect(beforeLastQuiet.filter((partition) => partition === 0).length).toBeLessThanOrEqual(3);
  expect(order.filter((partition) => partition === 0).length).toBeGreaterThan(6);
});

test('a consumer that does not read costs its buffer and no more, loses nothing, and slows nobody', async () => {
  const { broker, deliveries } = await start();
  const [slow, fast] = [deliveries.consumer(), deliveries.consumer()];
  const { offset } = { offset: broker.partition().highWatermark };
  await slow.attach(deliveries.from(0, 64 * MIB, { offset }));
  slow.freeze();
  await fast.attach(deliveries.from(0, 64 * MIB, { offset }));
  await deliveries.fill(0, 16 * MIB, 64 * KIB);
  const total = (await readAll(broker.partition())).length;
  const before = fast.delivered.at(0)?.offset;
  expect(before).toBe(offset);
  await eventually(() => fast.bytes > total - 300);
  const pushed = await deliveries.metric('zhumq_broker_pushed_bytes_total');
  // Beside the buffer there are those of the two kernels; all of it would be 16 MiB more.
  expect(pushed - fast.bytes).toBeLessThan(10 * MIB);
  expect(await deliveries.metric('zhumq_broker_stalled_attachments')).toBe(1);
  slow.thaw();
  await eventually(() => slow.bytes === fast.bytes);
});

test('what is only on disk is delivered as it is there, and what is new elsewhere does not wait for it', async () => {
  const { broker, deliveries, cluster } = await start(
    2,
    {},
    { config: { 'segment.bytes': '1MiB' } },
  );
  await deliveries.fill(0, 4 * MIB, 64 * KIB);
  const { log } = broker.partition(0);
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const read = log.read.bind(log);
  let cold = 0;
  log.read = (...request) => {
    const slice = read(...request);
    if (!(slice instanceof Promise)) return slice;
    cold++;
    return held.then(() => slice);
  };
  const consumer = deliveries.consumer();
  await consumer.attach(deliveries.from(0, 64 * MIB), deliveries.from(1, MIB));
  await eventually(() => cold === 1);
  const news = produce(broker.partition(1), batchOf('news'));
  await cluster.until(() => news.done);
  await eventually(() => consumer.delivered.some(({ partition }) => partition === 1));
  expect(consumer.delivered.some(({ partition }) => partition === 0)).toBe(false);
  release();
  const all = await readAll(broker.partition(0));
  const got = (): Buffer =>
    Buffer.concat(
      consumer.delivered.filter(({ partition }) => partition === 0).map(({ batches }) => batches),
    );
  await eventually(() => got().length === all.length);
  expect(got().equals(all)).toBe(true);
  expect(cold).toBeGreaterThan(10);
});

describe('delivery of a partition ends with a reason', () => {
  test('when it is asked for at a place that is not there', async () => {
    const { broker, deliveries } = await start();
    await deliveries.fill(0, 8 * KIB, KIB);
    const consumer = deliveries.consumer();
    const { highWatermark } = broker.partition();
    const reply = await consumer.attach(
      deliveries.from(0, MIB, { offset: highWatermark + 1 }),
      deliveries.from(5, MIB),
    );
    const codes = reply.partitions.map(({ failure }) => failure?.code);
    expect(codes).toEqual([46, 23]);
    const again = await consumer.client.changeAttachment({
      ...{ attachment: 1, remove: [] },
      add: [deliveries.from(0, MIB, { offset: 3, lastEpoch: 99 })],
    });
    expect(again[0].failure?.code).toBe(47);
    expect(await deliveries.metric('zhumq_broker_attachments')).toBe(1);
  });

  test('when the partition is led elsewhere; and it can be attached again', async () => {
    const cluster = await TestCluster.start(3);
    const leader = await cluster.leader();
    const deliveries = await new TestDeliveries(cluster, leader).listen();
    opened.push(deliveries);
    const consumer = deliveries.consumer();
    const offset = leader.partition().highWatermark;
    await consumer.attach(deliveries.from(0, MIB, { offset }));
    const [other] = cluster.others(leader);
    leader.replicator().transferLeadership(cluster.replicaId(other.id));
    await cluster.until(() => other.partition().leads && !leader.partition().leads);
    await eventually(() => consumer.detached.length === 1);
    expect(consumer.detached[0]).toMatchObject({ partition: 0, reason: { code: 20 } });
    other.replicator().transferLeadership(cluster.replicaId(leader.id));
    await cluster.until(() => leader.partition().servedEpoch !== undefined);
    const back = deliveries.from(0, MIB, { offset, stretch: 2 });
    consumer.expect(back);
    await consumer.client.changeAttachment({ attachment: 1, add: [back], remove: [] });
    await eventually(() => consumer.delivered.length > 0);
    expect(consumer.delivered[0].stretch).toBe(2);
  });

  test('when its topic is deleted and created again: the new one begins at another offset', async () => {
    const { broker, deliveries, cluster } = await start();
    await deliveries.fill(0, 8 * KIB, KIB);
    const consumer = deliveries.consumer();
    // Without credit for more: it waits for its consumer, not for the log.
    await consumer.attach(deliveries.from(0, 1));
    await eventually(() => consumer.delivered.length === 1);
    const { topicId } = cluster.topic;
    const tombstones = [{ topicId, controllerEpoch: 1, topic: broker.topic }];
    Object.assign(cluster.topic, { topicId: '8'.repeat(32), replicaDigit: 'b' });
    await broker.apply(cluster.state({ tombstones }));
    await cluster.until(() => broker.partition().servedEpoch !== undefined);
    await deliveries.fill(0, 8 * KIB, KIB);
    expect(consumer.detached).toEqual([]);
    consumer.take(broker.topic, 0);
    await eventually(() => consumer.detached.length === 1 || consumer.delivered.length > 1);
    expect([consumer.delivered.length, consumer.detached]).toMatchObject([
      1,
      [{ partition: 0, reason: { name: 'UNKNOWN_PARTITION' } }],
    ]);
  });

  test('before it begins, when the name means another topic than the one of the offset', async () => {
    const { deliveries, cluster } = await start();
    await deliveries.fill(0, 8 * KIB, KIB);
    const consumer = deliveries.consumer();
    const attached = (topicId: string) =>
      consumer.attach(deliveries.from(0, MIB, { topicId, offset: 4 }));
    const refused = await attached('8'.repeat(32));
    expect(refused.partitions).toMatchObject([{ failure: { name: 'UNKNOWN_PARTITION' } }]);
    expect(consumer.delivered).toEqual([]);
    const results = await consumer.client.changeAttachment({
      ...{ attachment: 1, remove: [] },
      add: [deliveries.from(0, MIB, { topicId: cluster.topic.topicId, offset: 4 })],
    });
    expect(results.map(({ failure }) => failure)).toEqual([undefined]);
  });

  test('when it was removed: without one', async () => {
    const { broker, deliveries, cluster } = await start();
    const consumer = deliveries.consumer();
    const offset = broker.partition().highWatermark;
    await consumer.attach(deliveries.from(0, MIB, { offset }));
    const remove = [{ topic: broker.topic, partition: 0 }];
    await consumer.client.changeAttachment({ attachment: 1, add: [], remove });
    const outcome = produce(broker.partition(), batchOf('unheard'));
    await cluster.until(() => outcome.done);
    await consumer.client.closeAttachment(1);
    expect([consumer.delivered, consumer.detached]).toEqual([[], []]);
    expect(await deliveries.metric('zhumq_broker_attachments')).toBe(0);
  });
});

describe('attachments', () => {
  test('are bounded for a connection and for the broker, and go with their connection', async () => {
    const { deliveries } = await start(1, { 'delivery.attachments.max': 18 });
    const [one, two] = [deliveries.consumer(), deliveries.consumer()];
    const attach = (consumer: typeof one, attachment: number) =>
      consumer.client.attach({ attachment, partitions: [] });
    for (let attachment = 0; attachment < 16; attachment++) await attach(one, attachment);
    await expect(attach(one, 16)).rejects.toMatchObject({ code: 'OVERLOADED' });
    await expect(attach(one, 3)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    for (let attachment = 0; attachment < 2; attachment++) await attach(two, attachment);
    await expect(attach(two, 2)).rejects.toMatchObject({ code: 'OVERLOADED' });
    one.channel.close();
    await eventually(async () => (await deliveries.metric('zhumq_broker_attachments')) === 2);
    expect(two.lost).toBe(0);
    await expect(attach(two, 2)).resolves.toMatchObject({ partitions: [] });
  });

  test('end with their connection when nothing is heard of the consumer; one that speaks stays', async () => {
    const { deliveries, cluster } = await start(1, { 'delivery.heartbeat.ms': 1000 });
    const [silent, speaking] = [deliveries.consumer(), deliveries.consumer()];
    for (const consumer of [silent, speaking]) await consumer.attach();
    for (let beat = 1; beat <= 5; beat++) {
      cluster.clock.advance(1000);
      await eventually(() => speaking.pings === beat);
      speaking.client.grantCredit(1, []);
      await speaking.client.closeAttachment(7);
    }
    await eventually(() => silent.lost === 1);
    expect([silent.pings, speaking.lost, speaking.closed]).toEqual([3, 0, []]);
  });

  test('that are not known are named, and all are told when the broker stops', async () => {
    const { deliveries } = await start();
    const consumer = deliveries.consumer();
    await consumer.attach();
    consumer.client.grantCredit(2, []);
    await eventually(() => consumer.closed.length === 1);
    const change = consumer.client.changeAttachment({ attachment: 2, add: [], remove: [] });
    await expect(change).rejects.toMatchObject({ code: 'SESSION_UNKNOWN', retriable: true });
    deliveries.deliveries.close();
    await eventually(() => consumer.closed.length === 2);
    expect(consumer.closed.map(({ code }) => code)).toEqual([58, 8]);
    await expect(consumer.attach()).rejects.toMatchObject({ code: 'STOPPING' });
  });
});
