// A follower behind the leader's log start, over real logs: copies that end, copies that break off, logs that part.
import { zhumqError } from '@zhumq/model';
import type { TestBroker } from '../../testing/test-broker.js';
import { batchOf, produce, readAll, settle, TestCluster } from '../../testing/test-cluster.js';

const CONFIG = {
  'segment.bytes': String(1 << 20),
  'retention.bytes': String(2 << 20),
};
const BYTES = 100_000;

/** Produces what fills several segments; the last is acknowledged at the end. */
async function fill(broker: TestBroker, count: number, digit: string): Promise<void> {
  for (let at = 0; at < count; at++) {
    produce(broker.partition(), batchOf(digit.repeat(BYTES)));
    await settle(6);
  }
}

async function expectSameRecords(one: TestBroker, other: TestBroker): Promise<void> {
  const [left, right] = [await readAll(one.partition()), await readAll(other.partition())];
  expect(left.length).toBeGreaterThan(BYTES);
  expect(left.equals(right)).toBe(true);
}

/** A leader whose log start has passed the end of a follower that was cut off. */
async function leftBehind() {
  const cluster = await TestCluster.start(3, { config: CONFIG });
  const leader = await cluster.leader();
  const [follower, other] = cluster.others(leader);
  const options = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
  const first = produce(leader.partition(), batchOf('first', options));
  await cluster.until(() => first.done);
  cluster.isolate(follower);
  await fill(leader, 60, 'x');
  for (const broker of [leader, other]) await broker.log().enforceRetention(0);
  expect(leader.log().logStart).toBeGreaterThan(follower.log().logEnd);
  return { cluster, leader, follower, other, first, options };
}

test('a follower behind the log start copies the segments and goes on', async () => {
  const { cluster, leader, follower } = await leftBehind();
  cluster.network.heal();
  const last = produce(leader.partition(), batchOf('last'));
  await cluster.until(() => last.done && follower.log().durableEnd === leader.log().logEnd);
  await cluster.until(() => follower.partition().highWatermark === leader.log().logEnd);
  expect(follower.log().logStart).toBe(leader.log().logStart);
  await expectSameRecords(follower, leader);
}, 30_000);

test('a copy that breaks off leaves a follower whose acknowledgements count and who knows all producers', async () => {
  const { cluster, leader, follower, other, first, options } = await leftBehind();
  let pieces = 0;
  cluster.network.beforeCall = (_from, _to, method) => {
    if (method === 'readSegment' && ++pieces > 2) throw zhumqError('CONNECTION_LOST', 'lost');
  };
  cluster.network.heal();
  await cluster.until(() => pieces > 2);
  cluster.isolate(other);
  const last = produce(leader.partition(), batchOf('last'));
  await cluster.until(() => last.done, 5000);
  expect(last.error).toBeUndefined();

  // The follower leads; the retry of the very first batch, which no segment holds any more, is a duplicate.
  leader.replicator().transferLeadership(cluster.replicaId(follower.id));
  await cluster.until(() => follower.partition().leads && follower.replicator().established);
  const again = produce(follower.partition(), batchOf('first', options));
  await cluster.until(() => again.done);
  expect(again).toMatchObject({
    error: undefined,
    result: { baseOffset: first.result?.baseOffset, duplicate: true },
  });
}, 30_000);

test('what a broken copy knows of producers outlives the process', async () => {
  const { cluster, leader, follower, options } = await leftBehind();
  let pieces = 0;
  cluster.network.beforeCall = async (_from, _to, method) => {
    if (method === 'readSegment' && ++pieces > 2) await new Promise(() => undefined);
  };
  cluster.network.heal();
  await cluster.until(() => pieces > 2);
  await cluster.pass(100);
  follower.kill();
  cluster.network.beforeCall = () => undefined;
  await cluster.restart(follower.id);
  await cluster.until(() => follower.log().logEnd === leader.log().logEnd);
  leader.replicator().transferLeadership(cluster.replicaId(follower.id));
  await cluster.until(() => follower.partition().leads && follower.replicator().established);
  const again = produce(follower.partition(), batchOf('first', options));
  await cluster.until(() => again.done);
  expect(again).toMatchObject({ error: undefined, result: { duplicate: true } });
}, 30_000);

test('a copy in the place of a longer log that nobody else has breaks nothing', async () => {
  const cluster = await TestCluster.start(3, { config: CONFIG });
  const deposed = await cluster.leader();
  cluster.isolate(deposed);
  const lost = produce(deposed.partition(), batchOf('lost'));
  for (let at = 0; at < 400; at++) produce(deposed.partition(), batchOf('y'), 0);
  await settle();
  const leader = await cluster.leader([deposed.id]);
  await fill(leader, 60, 'x');
  for (const broker of cluster.others(deposed)) await broker.log().enforceRetention(0);
  expect(leader.log().logStart).toBeGreaterThan(1);
  expect(deposed.log().logEnd).toBeGreaterThan(leader.log().logEnd);
  let pieces = 0;
  cluster.network.beforeCall = async (_from, _to, method) => {
    if (method !== 'readSegment') return;
    pieces++;
    for (let turn = 0; turn < 30; turn++) await settle();
  };
  cluster.network.heal();
  await cluster.until(() => pieces > 0);
  await cluster.until(() => deposed.log().durableEnd === leader.log().logEnd);
  await cluster.until(() => deposed.partition().highWatermark === leader.log().logEnd);
  expect(lost.error).toMatchObject({ code: 'LEADERSHIP_LOST' });
  await expectSameRecords(deposed, leader);
}, 30_000);
