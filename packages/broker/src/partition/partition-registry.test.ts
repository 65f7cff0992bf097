import { TestCluster } from '../testing/test-cluster.js';

test('gives no ticks to a partition in whose place another generation stands', async () => {
  const cluster = await TestCluster.start();
  const [broker] = cluster.brokers;
  const before = broker.partition();
  expect([...broker.registry.awake]).toEqual([before]);
  cluster.topic = { ...cluster.topic, generation: 2 };
  await cluster.tellAll();
  expect(broker.partition()).not.toBe(before);
  expect([...broker.registry.awake]).toEqual([broker.partition()]);
});
