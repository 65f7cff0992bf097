import { isError } from '@zhumq/model';
import { batchOf, produce, readAll, settle, TestCluster } from '../../testing/test-cluster.js';

test('no acks=-1 acknowledgement precedes the commit', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  cluster.isolate(leader);
  const outcome = produce(leader.partition(), batchOf('a'));
  const local = produce(leader.partition(), batchOf('b'), 1);
  await settle();
  expect(local.done).toBe(true);
  expect(outcome.done).toBe(false);
  cluster.network.heal();
  await cluster.until(() => outcome.done);
  expect(outcome.error).toBeUndefined();
  const end = (outcome.result?.baseOffset ?? 0) + 1;
  const holders = cluster.brokers.filter((broker) => broker.log().durableEnd >= end);
  expect(holders.length).toBeGreaterThanOrEqual(2);
});

test('a follower whose connection had no room for an append is sent the rest once it has', async () => {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const [follower, other] = cluster.others(leader);
  cluster.network.jammed.add(`${leader.id}>${follower.id}`);
  cluster.network.jammed.add(`${leader.id}>${other.id}`);
  const outcome = produce(leader.partition(), batchOf('a'));
  await settle();
  expect(outcome.done).toBe(false);
  cluster.network.heal();
  await cluster.pass(400);
  expect(leader.partition().leads).toBe(true);
  expect(outcome).toMatchObject({ done: true, error: undefined });
  expect((await readAll(leader.partition())).length).toBeGreaterThan(0);
  expect(isError(outcome.error, 'TIMEOUT')).toBe(false);
});
