// Which logs retention leaves alone, over real logs and groups.
import { silentLogger } from '@zhumq/base';
import { encodeBatch } from '@zhumq/model';
import { RetentionTask } from './retention-task.js';
import type { TestBroker } from './testing/test-broker.js';
import { TestCluster, produce } from './testing/test-cluster.js';

const config = { 'segment.ms': '1s', 'retention.ms': '1s' };

async function startCluster() {
  const cluster = await TestCluster.start(3, { config });
  const leader = await cluster.leader();
  await write(cluster, leader);
  return { cluster, leader };
}

async function write(cluster: TestCluster, leader: TestBroker): Promise<void> {
  const record = { timestamp: cluster.clock.wallMs(), key: null, value: Buffer.from('a') };
  const batch = encodeBatch([record], {});
  const outcome = produce(leader.partition(), batch);
  await cluster.until(() => outcome.done);
  expect(outcome.error).toBeUndefined();
}

/** Everything that is there now is too old afterwards. */
const passTime = (cluster: TestCluster): Promise<void> => {
  const endMs = cluster.clock.monotonicMs() + 5_000;
  return cluster.until(() => cluster.clock.monotonicMs() >= endMs, 60_000);
};

async function enforce(cluster: TestCluster, broker: TestBroker): Promise<void> {
  const task = new RetentionTask({
    ...{ registry: broker.registry, clock: cluster.clock, logger: silentLogger, periodMs: 3.6e6 },
    isInTransition: (topicId, partition) => broker.assignments.isInTransition(topicId, partition),
  });
  let done = false;
  void task.run().then(() => (done = true));
  await cluster.until(() => done);
  task.stop();
}

test('a log that is neither sealed nor being switched loses its old segments', async () => {
  const { cluster, leader } = await startCluster();
  await passTime(cluster);
  await write(cluster, leader);
  await enforce(cluster, leader);
  expect(leader.log().logStart).toBeGreaterThan(0);
});

test('rule 17: retention does not take the seal of the present generation away', async () => {
  const { cluster, leader } = await startCluster();
  await passTime(cluster);
  let isSealed = false;
  const seal = leader.control.sealPartition(cluster.ref(), 'switch-1', 60_000);
  void seal.then(() => (isSealed = true));
  await cluster.until(() => isSealed);
  await passTime(cluster);
  // The first batch of another epoch begins a new segment behind the seal, which may go by age from now on.
  leader.kill();
  const next = await cluster.leader();
  await cluster.until(() => next.partition().replicator.sealedBy === 'switch-1');
  await passTime(cluster);
  await enforce(cluster, next);
  expect(next.log().logStart).toBe(0);
  next.kill();
  await next.start();
  await next.assignments.resume();
  const last = await cluster.leader();
  await cluster.until(() => last.partition().replicator.sealedBy === 'switch-1');
});

test('rule 17: nor where nobody has looked for one, while a switch is under way', async () => {
  const { cluster, leader } = await startCluster();
  await passTime(cluster);
  await write(cluster, leader);
  cluster.record = { transition: { id: 'switch-1', to: 1, phase: 'seal' } };
  await cluster.tellAll();
  const [follower] = cluster.others(leader);
  await enforce(cluster, follower);
  expect(follower.log().logStart).toBe(0);
  cluster.record = {};
  await cluster.tellAll();
  await enforce(cluster, follower);
  await cluster.until(() => follower.log().logStart > 0);
});
