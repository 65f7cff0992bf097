// Partitions in mode fetch over real logs and the real core: what is acknowledged, and who is in sync.
import { LAG_MS } from '../../testing/test-broker.js';
import type { TestBroker } from '../../testing/test-broker.js';
import { batchOf, produce, readAll, settle, TestCluster } from '../../testing/test-cluster.js';

async function expectSameRecords(one: TestBroker, other: TestBroker): Promise<void> {
  const [left, right] = [await readAll(one.partition()), await readAll(other.partition())];
  expect(left.length).toBeGreaterThan(0);
  expect(left.equals(right)).toBe(true);
}

/** Commits a record and waits until everybody has heard of it. */
async function commit(cluster: TestCluster, leader: TestBroker, text: string): Promise<void> {
  const outcome = produce(leader.partition(), batchOf(text));
  await cluster.until(() => outcome.done, 5000);
  expect(outcome.error).toBeUndefined();
}

test('what all in-sync replicas have on disk is acknowledged and stands in all logs', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, ...followers] = cluster.brokers;
  const outcomes = Array.from({ length: 20 }, (_, at) =>
    produce(leader.partition(), batchOf(`r${at}`)),
  );
  await cluster.until(() => outcomes.every(({ done }) => done), 1000);
  for (const { error } of outcomes) expect(error).toBeUndefined();
  for (const follower of followers) {
    await cluster.until(() => follower.partition().highWatermark === leader.log().logEnd, 1000);
    await expectSameRecords(follower, leader);
    expect(follower.fetchReplicator().role).toBe('follower');
  }
});

test('a commit does not wait for the end of a long poll', async () => {
  const cluster = await TestCluster.fetching();
  const [leader] = cluster.brokers;
  await commit(cluster, leader, 'first');
  const outcome = produce(leader.partition(), batchOf('second'));
  // No time passes at all: batches wake the waiting requests, and durable ends travel by themselves.
  await settle(40);
  expect(outcome).toMatchObject({ done: true, error: undefined });
});

test('a follower that dies leaves the ISR, and comes back when it has caught up', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, other, dead] = cluster.brokers;
  dead.kill();
  const waits = produce(leader.partition(), batchOf('a'));
  await cluster.pass(LAG_MS / 2);
  expect(waits.done).toBe(false);
  await cluster.until(() => waits.done, LAG_MS * 2);
  expect(waits.error).toBeUndefined();
  expect(cluster.zkServer.record.isr).toEqual([1, 2]);
  expect(leader.fetchReplicator().followers()).toMatchObject([
    { state: 'in-sync' },
    { state: expect.stringMatching(/catching-up|unreachable/) as string },
  ]);
  await cluster.restart(dead.id);
  await cluster.until(() => cluster.zkServer.record.isr.length === 3, LAG_MS * 2);
  await commit(cluster, leader, 'b');
  await cluster.until(() => dead.partition().highWatermark === leader.log().logEnd, 1000);
  await expectSameRecords(dead, leader);
  await expectSameRecords(other, leader);
});

test('an idle partition keeps its ISR while its followers live, and loses one that dies', async () => {
  const cluster = await TestCluster.fetching();
  await cluster.pass(LAG_MS * 3);
  expect(cluster.zkServer.changes).toEqual([]);
  cluster.broker(3).kill();
  await cluster.until(() => cluster.zkServer.record.isr.length === 2, LAG_MS * 2);
});

test('below min.insync.replicas acks -1 is refused, acks 1 is taken, and nothing more is committed', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, one, two] = cluster.brokers;
  await commit(cluster, leader, 'a');
  one.kill();
  two.kill();
  await cluster.until(() => cluster.zkServer.record.isr.length === 1, LAG_MS * 2);
  const { highWatermark } = leader.partition();
  expect(produce(leader.partition(), batchOf('b')).error).toMatchObject({
    code: 'NOT_ENOUGH_REPLICAS',
    retriable: true,
  });
  const local = produce(leader.partition(), batchOf('c'), 1);
  await cluster.until(() => local.done, 1000);
  expect(local.error).toBeUndefined();
  await cluster.pass(1000);
  expect(leader.partition().highWatermark).toBe(highWatermark);
});

test('rule 10: a replica whose joining was not answered is waited for', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, , joining] = cluster.brokers;
  joining.kill();
  await cluster.until(() => cluster.zkServer.record.isr.length === 2, LAG_MS * 2);
  cluster.zkServer.loseAnswer = true;
  await cluster.restart(joining.id);
  await cluster.until(() => cluster.zkServer.record.isr.length === 3, LAG_MS * 2);
  // The leader does not know that it was done, and the new member hears nothing more.
  expect(leader.fetchReplicator().isr).toHaveLength(2);
  leader.cutFromZkServer = true;
  cluster.isolate(joining);
  const outcome = produce(leader.partition(), batchOf('r'));
  await cluster.pass(LAG_MS * 2);
  expect(outcome.done).toBe(false);
  // Who is elected now without the record takes nothing back that was promised.
  expect(leader.partition().highWatermark).toBeLessThan(leader.log().logEnd);
  cluster.network.heal();
  leader.cutFromZkServer = false;
  await cluster.until(() => outcome.done, LAG_MS * 2);
  expect(outcome.error).toBeUndefined();
});

test('while no zkserver answers, data flows on under the present leader and ISR', async () => {
  const cluster = await TestCluster.fetching();
  const [leader] = cluster.brokers;
  cluster.zkServer.reachable = false;
  for (let at = 0; at < 5; at++) await commit(cluster, leader, `r${at}`);
  expect(leader.partition().highWatermark).toBe(leader.log().logEnd);
});

test('a slow follower delays nobody else', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, quick, slow] = cluster.brokers;
  cluster.network.beforeCall = async (from, _to, method) => {
    if (from === slow.id && method === 'fetch') await new Promise(() => undefined);
  };
  await cluster.pass(1000);
  for (let at = 0; at < 10; at++) produce(leader.partition(), batchOf(`r${at}`), 1);
  await settle(60);
  expect(quick.log().durableEnd).toBe(leader.log().logEnd);
  expect(slow.log().logEnd).toBeLessThan(leader.log().logEnd);
  const all = produce(leader.partition(), batchOf('all'));
  await cluster.until(() => all.done, LAG_MS * 2);
  expect(cluster.zkServer.record.isr).toEqual([1, 2]);
});

test('a sealed partition takes no records, and the seal is synced on all of the ISR (rule 12)', async () => {
  const cluster = await TestCluster.fetching(3, { config: { flush: 'os' } });
  const [leader, one, two] = cluster.brokers;
  await commit(cluster, leader, 'a');
  const sealed = leader.fetchReplicator().seal('intent', 1e9);
  expect(produce(leader.partition(), batchOf('b'), 1).error).toMatchObject({
    code: 'PARTITION_SEALED',
    retriable: true,
  });
  let answer: Awaited<typeof sealed> | undefined;
  void sealed.then((seal) => (answer = seal));
  await cluster.until(() => answer !== undefined, 2000);
  const end = leader.log().logEnd;
  expect(answer).toMatchObject({ transitionId: 'intent', endOffset: end });
  expect(answer?.replicas).toHaveLength(3);
  for (const broker of [leader, one, two]) expect(broker.log().syncedEnd).toBe(end);
  // Asked again, also by another intent, it answers the seal that is there; the next leader finds it in its log.
  await expect(leader.fetchReplicator().seal('other', 1e9)).resolves.toMatchObject({
    transitionId: 'intent',
  });
  await cluster.zkServer.elect(2);
  await cluster.until(() => one.fetchReplicator().sealedBy !== undefined, 2000);
  expect(produce(one.partition(), batchOf('b'), 1).error).toMatchObject({
    code: 'PARTITION_SEALED',
  });
});
