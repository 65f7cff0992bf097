// What a changed policy makes of what is in the log already.
import { batchOf, produce, TestCluster } from '../testing/test-cluster.js';

test('a policy that becomes fsync does not wait for what the one before left in the page cache', async () => {
  const cluster = await TestCluster.start(3, {
    config: { flush: 'interval', 'flush.interval.ms': '60000' },
  });
  const leader = await cluster.leader();
  const first = produce(leader.partition(), batchOf('cached'));
  await cluster.until(() => first.done);
  expect(leader.log().syncedEnd).toBeLessThan(leader.log().logEnd);
  cluster.topic = { ...cluster.topic, config: { flush: 'fsync' } };
  for (const broker of cluster.brokers) await broker.apply(cluster.state());
  const second = produce(leader.partition(), batchOf('synced'));
  await cluster.until(() => second.done);
  expect(second.error).toBeUndefined();
  expect(leader.log().syncedEnd).toBe(leader.log().logEnd);
});
