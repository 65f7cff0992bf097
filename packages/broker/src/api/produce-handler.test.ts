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

test('a request with more batches than one turn of the event loop has time for is refused whole', async () => {
  const cluster = await TestCluster.start(1);
  const leader = await cluster.leader();
  const handler = new ProduceHandler({
    registry: leader.registry,
    clock: new ManualClock(),
    metrics: new BrokerMetrics(new Metrics()),
    maxTimeoutMs: 1000,
  });
  const end = leader.log().logEnd;
  const partitions = Array.from({ length: 1001 }, () => ({
    ...{ topic: 'orders', partition: 0, batch: batchOf('one of many') },
  }));
  const request = { acks: 1, timeoutMs: 100, partitions };
  await expect(handler.produce(request)).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  expect(() => handler.produceOneway({ ...request, acks: 0 })).toThrow('at most 1000 batches');
  expect(leader.log().logEnd).toBe(end);
});
