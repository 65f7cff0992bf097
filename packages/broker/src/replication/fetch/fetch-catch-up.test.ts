// Followers far behind, over real logs: segments that are copied, copies that break off, bytes that are only on disk, and
// the share that those who are not in sync get.
import { zhumqError } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import { LAG_MS } from '../../testing/test-broker.js';
import type { TestBroker } from '../../testing/test-broker.js';
import { batchOf, produce, readAll, settle, TestCluster } from '../../testing/test-cluster.js';

const CONFIG = { 'segment.bytes': String(1 << 20), 'retention.bytes': String(2 << 20) };
const BYTES = 100_000;

async function fill(broker: TestBroker, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    produce(broker.partition(), batchOf('x'.repeat(BYTES)), 1);
    await settle(6);
  }
}

async function untilSame(cluster: TestCluster, one: TestBroker, other: TestBroker): Promise<void> {
  await cluster.until(() => one.partition().highWatermark === other.log().logEnd);
  const [left, right] = [await readAll(one.partition()), await readAll(other.partition())];
  expect(left.length).toBeGreaterThan(BYTES);
  expect(left.equals(right)).toBe(true);
}

/** Broker 3 is cut off, and the others go on without it. */
async function behind(config: Record<string, string> = CONFIG) {
  const cluster = await TestCluster.fetching(3, { config });
  const [leader, other, follower] = cluster.brokers;
  const first = produce(leader.partition(), batchOf('first'));
  await cluster.until(() => first.done);
  cluster.isolate(follower);
  await cluster.until(() => cluster.zkServer.record.isr.length === 2, LAG_MS * 2);
  return { cluster, leader, other, follower };
}

test('a follower behind the log start copies the segments, goes on and joins the ISR', async () => {
  const { cluster, leader, other, follower } = await behind();
  await fill(leader, 60);
  for (const broker of [leader, other]) await broker.log().enforceRetention(0);
  expect(leader.log().logStart).toBeGreaterThan(follower.log().logEnd);
  const methods = new Set<string>();
  cluster.network.beforeCall = (_from, _to, method) => void methods.add(method);
  cluster.network.heal();
  await cluster.until(() => cluster.zkServer.record.isr.length === 3);
  expect(methods).toContain('readSegment');
  expect(follower.log().logStart).toBe(leader.log().logStart);
  const last = produce(leader.partition(), batchOf('last'));
  await cluster.until(() => last.done);
  expect(last.error).toBeUndefined();
  await untilSame(cluster, follower, leader);
}, 60_000);

test('a copy that breaks off is resumed', async () => {
  const { cluster, leader, other, follower } = await behind();
  await fill(leader, 60);
  for (const broker of [leader, other]) await broker.log().enforceRetention(0);
  let pieces = 0;
  cluster.network.beforeCall = (_from, _to, method) => {
    if (method === 'readSegment' && ++pieces === 4) throw zhumqError('CONNECTION_LOST', 'lost');
  };
  cluster.network.heal();
  await cluster.until(() => cluster.zkServer.record.isr.length === 3);
  expect(pieces).toBeGreaterThanOrEqual(4);
  await untilSame(cluster, follower, leader);
}, 60_000);

test('rule 30: a copy over a longer log of its own that ends with its leader is not taken for that log', async () => {
  const cluster = await TestCluster.fetching(3, { config: CONFIG });
  const [leader, other, follower] = cluster.brokers;
  await cluster.zkServer.elect(follower.id);
  await cluster.until(() => follower.fetchReplicator().established);
  cluster.isolate(follower);
  follower.cutFromZkServer = true;
  // Nobody else ever has these, and their offsets go on where the others' log begins by then.
  for (let at = 0; at < 60; at++) produce(follower.partition(), batchOf(`own ${at}`), 1);
  await settle(60);
  await cluster.zkServer.elect(leader.id, { isr: [1, 2] });
  await cluster.leader([follower.id]);
  await fill(leader, 70);
  await cluster.until(() => leader.partition().highWatermark === leader.log().logEnd);
  for (const broker of [leader, other]) await broker.log().enforceRetention(0);
  expect(leader.log().logStart).toBeLessThan(follower.log().logEnd);
  follower.kill();
  follower.chunkBytes = 1 << 12;
  follower.cutFromZkServer = false;
  let pieces = 0;
  cluster.network.beforeCall = (_from, _to, method) => {
    if (method === 'readSegment' && ++pieces === 4) void cluster.zkServer.elect(other.id);
  };
  cluster.network.heal();
  await cluster.restart(follower.id);
  await cluster.until(() => pieces >= 4);
  expect(follower.log().logEnd).toBeLessThan(60);
  await cluster.until(
    () => follower.fetchReplicator().leaderReplica === cluster.replicaId(other.id),
  );
  await cluster.until(() => cluster.zkServer.record.isr.length === 3);
  await untilSame(cluster, follower, other);
}, 60_000);

test('an empty follower takes whole segments', async () => {
  const config = { 'segment.bytes': String(1 << 20) };
  const cluster = await TestCluster.start(3, { config, mode: ReplicationMode.FETCH });
  const [leader, , follower] = cluster.brokers;
  follower.kill();
  await cluster.zkServer.elect(leader.id, { isr: [1, 2] });
  await fill(leader, 30);
  await cluster.until(() => leader.partition().highWatermark === leader.log().logEnd);
  let pieces = 0;
  cluster.network.beforeCall = (_from, _to, method) => {
    if (method === 'readSegment') pieces++;
  };
  await cluster.restart(follower.id);
  await cluster.until(() => cluster.zkServer.record.isr.length === 3);
  expect(pieces).toBeGreaterThan(3);
  await untilSame(cluster, follower, leader);
}, 60_000);

test('what is on disk only is read for a follower without holding up the others', async () => {
  const { cluster, leader, other, follower } = await behind({});
  await fill(leader, 60);
  await cluster.until(() => other.log().durableEnd === leader.log().logEnd);
  cluster.network.heal();
  const outcomes = Array.from({ length: 5 }, (_, at) =>
    produce(leader.partition(), batchOf(`r${at}`)),
  );
  await settle(60);
  expect(outcomes.every(({ done }) => done)).toBe(true);
  await cluster.until(() => cluster.zkServer.record.isr.length === 3);
  await untilSame(cluster, follower, leader);
}, 60_000);

test('followers that are not in sync get their share, those in sync are not throttled', async () => {
  const cluster = await TestCluster.fetching(3);
  const [leader, other, follower] = cluster.brokers;
  leader.kill();
  leader.fetchSettings = {
    ...leader.fetchSettings,
    'replication.throttle.bytes.per.second': 500_000,
  };
  await cluster.restart(leader.id);
  await cluster.zkServer.elect(leader.id);
  await cluster.leader();
  cluster.isolate(follower);
  await cluster.until(() => cluster.zkServer.record.isr.length === 2, LAG_MS * 2);
  await fill(leader, 40);
  expect(other.log().logEnd).toBe(leader.log().logEnd);
  cluster.network.heal();
  const before = follower.fetchedBytes.value;
  await cluster.pass(4000);
  const got = follower.fetchedBytes.value - before;
  // Four seconds' worth, the second that was saved up, and a batch.
  expect(got).toBeGreaterThan(1_000_000);
  expect(got).toBeLessThan(2_700_000);
  await cluster.until(() => cluster.zkServer.record.isr.length === 3);
  await untilSame(cluster, follower, leader);
}, 60_000);

test('copies of segments wait for their share, too', async () => {
  const { cluster, leader, other, follower } = await behind();
  leader.kill();
  leader.fetchSettings = {
    ...leader.fetchSettings,
    'replication.throttle.bytes.per.second': 500_000,
  };
  await cluster.restart(leader.id);
  await cluster.zkServer.elect(leader.id);
  await cluster.leader();
  await fill(leader, 60);
  for (const broker of [leader, other]) await broker.log().enforceRetention(0);
  const { logStart, logEnd } = leader.log();
  expect(logStart).toBeGreaterThan(follower.log().logEnd);
  cluster.network.heal();
  await cluster.pass(2000);
  // Two seconds' worth, the second that was saved up, and a batch.
  const got = (follower.log().logEnd - logStart) * BYTES;
  expect(got).toBeGreaterThan(500_000);
  expect(got).toBeLessThan(1_700_000);
  expect(follower.log().logEnd).toBeLessThan(logEnd);
  await cluster.until(() => cluster.zkServer.record.isr.length === 3);
  await untilSame(cluster, follower, leader);
}, 60_000);
