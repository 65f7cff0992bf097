// Sleeping groups on several brokers, with all that watches over them: real logs, wire forms and tickers (rule 21).
import { RaftMessageType } from '@zhumq/rpc';
import type { TestBroker } from '../../testing/test-broker.js';
import { batchOf, produce, settle, TestCluster } from '../../testing/test-cluster.js';

const SLEEP_TICKS = 20;
/** Two election timeouts (each 500 ms, randomised up to twice as much) and a second, as for groups that are awake. */
const RESUME_MS = 3_000;

async function sleeping(): Promise<{ cluster: TestCluster; leader: TestBroker }> {
  const cluster = await TestCluster.start(3, {}, SLEEP_TICKS);
  const leader = await cluster.leader();
  const outcome = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => outcome.done);
  await fallAsleep(cluster);
  return { cluster, leader };
}

const fallAsleep = (cluster: TestCluster): Promise<void> =>
  cluster.until(() => cluster.brokers.every((broker) => isAsleep(broker)));

function isAsleep(broker: TestBroker): boolean {
  return broker.partition().isDormant && !broker.registry.awake.has(broker.partition());
}

async function writes(
  cluster: TestCluster,
  broker: TestBroker,
  limitMs = RESUME_MS,
): Promise<void> {
  const outcome = produce(broker.partition(), batchOf('b'));
  await cluster.until(() => outcome.done, limitMs);
  expect(outcome.error).toBeUndefined();
}

test('a quiet group sleeps for long: no message of its own, no tick, the same leader', async () => {
  const { cluster, leader } = await sleeping();
  const { epoch } = leader.replicator();
  let messages = 0;
  cluster.network.filter = () => Boolean(++messages);
  await cluster.pass(30_000);
  expect(messages).toBe(0);
  expect(cluster.brokers.every(isAsleep)).toBe(true);
  expect(leader.replicator()).toMatchObject({ role: 'leader', epoch });
  await writes(cluster, leader, 0);
  await fallAsleep(cluster);
});

test('when the leader is killed the others elect another as soon as they would have awake', async () => {
  const { cluster, leader } = await sleeping();
  leader.kill();
  let passed = 0;
  const leads = (): boolean => cluster.others(leader).some((broker) => broker.partition().leads);
  for (; !leads(); passed += 50) await cluster.pass(50);
  expect(passed).toBeLessThanOrEqual(1_500);
});

test('rule 21: a leader that restarts at once leaves nobody asleep behind it', async () => {
  const { cluster, leader } = await sleeping();
  leader.kill();
  await cluster.restart(leader.id);
  await cluster.pass(RESUME_MS);
  await writes(cluster, await cluster.leader());
  await fallAsleep(cluster);
});

test('rule 21: when the replica of a leader fails, and nothing that it says arrives, the others wake', async () => {
  const { cluster, leader } = await sleeping();
  cluster.network.filter = (_from, _to, { type }) => type !== RaftMessageType.TIMEOUT_NOW;
  leader.log().listener?.onFailed(new Error('EIO'));
  expect(leader.replicator().role).toBe('failed');
  // The broker lives on, and so would its beats.
  await cluster.pass(RESUME_MS);
  await writes(cluster, await cluster.leader([leader.id]));
});

test('a leader that is cut off wakes, and steps down; the others go on', async () => {
  const { cluster, leader } = await sleeping();
  cluster.isolate(leader);
  await cluster.pass(RESUME_MS);
  expect(leader.replicator().role).not.toBe('leader');
  await writes(cluster, await cluster.leader([leader.id]));
  cluster.network.heal();
  await fallAsleep(cluster);
});

test('what wakes a follower may be lost: the sets differ then, and all wake', async () => {
  const { cluster, leader } = await sleeping();
  const [follower] = cluster.others(leader);
  cluster.network.filter = (_from, to, { type }) =>
    to !== follower.id || type === RaftMessageType.VOTE;
  await writes(cluster, leader, 0);
  expect(isAsleep(follower)).toBe(true);
  await cluster.until(() => !isAsleep(follower), 1_000);
  cluster.network.heal();
  await fallAsleep(cluster);
  expect(follower.log().logEnd).toBe(leader.log().logEnd);
});

test('a follower that fails keeps the others awake no longer than until they have looked', async () => {
  const { cluster, leader } = await sleeping();
  const [follower, other] = cluster.others(leader);
  follower.log().listener?.onFailed(new Error('EIO'));
  await cluster.until(() => !isAsleep(leader), 2_000);
  // It has no sign of life from one of three, so it does not sleep again.
  await cluster.pass(10_000);
  expect([leader, other].map(isAsleep)).toEqual([false, false]);
  await writes(cluster, leader, 0);
});

test('a group that is deleted or closed is no longer counted', async () => {
  const { cluster, leader } = await sleeping();
  await Promise.all(cluster.brokers.map(({ control }) => control.closePartition(cluster.ref())));
  await settle();
  expect(leader.replicator().asleep).toBe(false);
  let messages = 0;
  cluster.network.filter = () => Boolean(++messages);
  await cluster.pass(5_000);
  expect(messages).toBe(0);
});
