import { encodeBatch } from '@zhumq/model';
import { errorOf } from '@zhumq/rpc';
import type { PartitionBacklog } from '@zhumq/rpc';
import { produce, TestCluster } from '../testing/test-cluster.js';
import type { TestBroker } from '../testing/test-broker.js';
import { BacklogHandler } from './backlog-handler.js';

async function start() {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const handler = new BacklogHandler(leader.registry);
  return { cluster, leader, handler };
}

async function ask(
  { cluster, handler }: { cluster: TestCluster; handler: BacklogHandler },
  offset: number,
): Promise<PartitionBacklog> {
  let answers: PartitionBacklog[] | undefined;
  void handler
    .backlogs([{ topic: 'orders', partition: 0, offset }])
    .then((found) => (answers = found));
  await cluster.until(() => answers !== undefined);
  return (answers as PartitionBacklog[])[0];
}

/** One batch of two records. */
async function write(cluster: TestCluster, leader: TestBroker, timestamp: number): Promise<void> {
  const record = (time: number) => ({ timestamp: time, key: null, value: Buffer.from('v') });
  const batch = encodeBatch([record(timestamp), record(timestamp + 5)]);
  const outcome = produce(leader.partition(), batch);
  await cluster.until(() => outcome.done);
}

test('tells what is unread and when the batch that holds the first of it was written', async () => {
  const world = await start();
  const { cluster, leader } = world;
  const first = leader.log().logEnd;
  await write(cluster, leader, 1_000);
  await write(cluster, leader, 2_000);
  const end = first + 4;
  expect(await ask(world, first)).toEqual({
    ...{ topic: 'orders', partition: 0, logStart: 0, highWatermark: end },
    ...{ unreadFrom: first, timestamp: 1_000 },
  });
  // Within a batch, at the next one, at the end, and beyond it.
  expect(await ask(world, first + 1)).toMatchObject({ unreadFrom: first + 1, timestamp: 1_000 });
  expect(await ask(world, first + 2)).toMatchObject({ unreadFrom: first + 2, timestamp: 2_000 });
  expect(await ask(world, end)).toMatchObject({ unreadFrom: end, timestamp: -1 });
  expect(await ask(world, end + 9)).toMatchObject({ unreadFrom: end, timestamp: -1 });
});

test('counts no control batches: not at the beginning, and not those of elections since', async () => {
  const world = await start();
  const { cluster, leader } = world;
  // The first leader's own batch is there, and nothing to read.
  expect(leader.log().logEnd).toBeGreaterThan(0);
  expect(await ask(world, -1)).toMatchObject({ unreadFrom: leader.log().logEnd, timestamp: -1 });
  await write(cluster, leader, 1_000);
  const read = leader.log().logEnd;
  leader.kill();
  const next = await cluster.leader([leader.id]);
  await cluster.until(() => next.partition().highWatermark > read);
  const later = { cluster, handler: new BacklogHandler(next.registry) };
  expect(await ask(later, read)).toMatchObject({ unreadFrom: next.log().logEnd, timestamp: -1 });
  await write(cluster, next, 7_000);
  expect(await ask(later, read)).toMatchObject({
    ...{ unreadFrom: next.log().logEnd - 2, timestamp: 7_000 },
  });
});

test('only the leader answers, and only so much at once', async () => {
  const { cluster, leader, handler } = await start();
  const [other] = cluster.others(leader);
  const { failure } = await ask({ cluster, handler: new BacklogHandler(other.registry) }, 0);
  expect(failure && errorOf(failure).code).toBe('NOT_LEADER');
  const many = Array.from({ length: 10_001 }, () => ({ topic: 'orders', partition: 0, offset: 0 }));
  await expect(handler.backlogs(many)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
});
