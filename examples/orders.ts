import { defineTopic, json, string } from '@zhumq/client';
import type { Client } from '@zhumq/client';

export const Orders = defineTopic('orders', {
  key: string(),
  value: json<{ customer: string; total: number }>(),
});

/** The code under test: what each customer spent in the first `count` orders. */
export async function totals(mq: Client, count: number): Promise<Map<string, number>> {
  const consumer = mq.consumer({ topic: Orders, from: 'earliest' });
  const spent = new Map<string, number>();
  let seen = 0;
  for await (const { value } of consumer) {
    if (value !== null) spent.set(value.customer, (spent.get(value.customer) ?? 0) + value.total);
    if (++seen === count) break;
  }
  return spent;
}
