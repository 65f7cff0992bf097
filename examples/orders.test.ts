import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestBroker } from '@zhumq/testing';
import { Orders, totals } from './orders.js';

test('adds up what each customer spent, over a restart of the broker', async () => {
  await using broker = await startTestBroker({ topics: ['orders'] });
  const mq = await broker.client();
  const producer = mq.producer();
  await producer.send(Orders, { key: '1', value: { customer: 'Ada', total: 9 } });
  await broker.restart();
  await producer.send(Orders, { key: '2', value: { customer: 'Ada', total: 3 } });
  assert.deepEqual([...(await totals(mq, 2))], [['Ada', 12]]);
});
