import { ManualClock, Metrics } from '@zhumq/base';
import { errorKindOf } from '@zhumq/model';
import { BrokerMetrics } from '../metrics.js';
import { batchOf, TestCluster } from '../testing/test-cluster.js';
import { ProduceHandler } from './produce-handler.js';

test('topics of zhumq itself take no records from producers', async () => {
  const cluster = await TestCluster.start(1, { name: '__groups' });
  const leader = await cluster.leader();
  const handler = new ProduceHandler({
    registry: leader.registry,
    clock: new ManualClock(),
    metrics: new BrokerMetrics(new Metrics()),
    maxTimeoutMs: 1000,
  });
  const end = leader.log().logEnd;
  const batch = batchOf('forged');
  const partitions = [{ topic: '__groups', partition: 0, batch }];
  const { partitions: answers } = await handler.produce({ acks: 1, timeoutMs: 100, partitions });
  expect(answers[0].failure?.message).toMatch("one of zhumq's own");
  expect(errorKindOf(answers[0].failure?.code ?? 0).name).toBe('INVALID_TOPIC');
  handler.produceOneway({ acks: 0, timeoutMs: 100, partitions });
  expect(leader.log().logEnd).toBe(end);
});
