// Push delivery from real brokers: through changes of leaders and a restart, beside pull. ZHUMQ_LATENCIES sets how many
// messages are timed.
import { loadavg } from 'node:os';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { startTestBroker } from '@zhumq/testing';
import type { TestBroker } from '@zhumq/testing';
import { makeLeader } from './support/cluster-checks.js';
import { ClusterProcesses } from './support/cluster-processes.js';
import { percentile } from './support/open-loop.js';
import { report } from './support/report.js';

const LATENCIES = Number(process.env.ZHUMQ_LATENCIES ?? 5_000);
/** What comes first warms everything up. */
const WARM_UP = 1_000;

async function until(condition: () => boolean, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Sends numbers at a rate until it is stopped; resolves with how many there were. */
function sending(mq: Client, topic: string, perSecond: number) {
  const producer = mq.producer();
  const sends: Promise<unknown>[] = [];
  let stopped = false;
  const run = async (): Promise<number> => {
    const startMs = performance.now();
    while (!stopped) {
      const due = ((performance.now() - startMs) / 1000) * perSecond;
      while (sends.length < due) {
        const value = `${sends.length} ${performance.now()}`;
        const send = producer.send(topic, { value, partition: sends.length % 4 });
        // Told by stop().
        send.catch(() => (stopped = true));
        sends.push(send);
      }
      // The pace of the load.
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all(sends);
    return sends.length;
  };
  const done = run();
  done.catch(() => undefined);
  const stop = (): Promise<number> => {
    stopped = true;
    return done;
  };
  return { stop, sent: () => sends.length };
}

/** Reads a topic; says of each partition whether its numbers came in order, each once. */
function reading(mq: Client, delivery: 'push' | 'pull') {
  const consumer = mq.consumer({ topic: 't', from: 'earliest', delivery });
  const last = new Map<number, number>();
  const faults: string[] = [];
  const latencies: number[] = [];
  let count = 0;
  const running = consumer.run(({ value, partition }) => {
    const [number, sentMs] = String(value).split(' ').map(Number);
    const before = last.get(partition) ?? partition - 4;
    if (number !== before + 4) faults.push(`${partition}: ${number} after ${before}`);
    last.set(partition, number);
    latencies.push(performance.now() - sentMs);
    count++;
  });
  running.catch((error: unknown) => faults.push(String(error)));
  return { faults, latencies, count: () => count };
}

function start(brokers: number): Promise<TestBroker> {
  return startTestBroker({ brokers, topics: [{ topic: 't', partitions: 4, replicas: brokers }] });
}

test('leaders change under a stream: no gap, no repetition, no other order', async () => {
  await using broker = await start(3);
  const mq = await broker.client();
  const admin = mq.admin();
  const { stop, sent } = sending(mq, 't', 500);
  const pushed = reading(await broker.client(), 'push');
  const leaders = async (): Promise<number[]> => {
    const [topic] = await admin.describeTopics(['t']);
    return (topic?.partitions ?? []).map(({ leader }) => leader ?? -1);
  };
  const seen = new Set<string>();
  for (let round = 0; round < 4; round++) {
    const before = sent();
    const now = await leaders();
    seen.add(`${now}`);
    for (const [partition, leader] of now.entries()) {
      await makeLeader(mq, 't', partition, (leader % 3) + 1);
    }
    await until(() => sent() > before + 200);
  }
  const total = await stop();
  await until(() => pushed.count() >= total || pushed.faults.length > 0);
  expect(pushed.faults).toEqual([]);
  expect(pushed.count()).toBe(total);
  expect(seen.size).toBeGreaterThan(1);
}, 120_000);

test('all brokers restart under a stream: no gap, no repetition, no other order', async () => {
  await using broker = await start(1);
  const mq = await broker.client();
  const { stop, sent } = sending(mq, 't', 500);
  const pushed = reading(await broker.client(), 'push');
  await until(() => pushed.count() > 200);
  await broker.restart();
  const before = sent();
  await until(() => sent() > before + 200);
  const total = await stop();
  await until(() => pushed.count() >= total || pushed.faults.length > 0);
  expect(pushed.faults).toEqual([]);
}, 120_000);

test('at 1,000 messages a second what is pushed arrives about as soon as what is pulled, or sooner', async () => {
  const cluster = await ClusterProcesses.start({ brokers: 3, zkservers: 1, zookeepers: 1 });
  const clients = await Promise.all([1, 2, 3].map(() => connect(cluster.bootstrap)));
  try {
    const [mq, pushed, pulled] = clients;
    await mq.admin().createTopic({ topic: 't', partitions: 4, replicas: 3 });
    const readers = { push: reading(pushed, 'push'), pull: reading(pulled, 'pull') };
    const { stop, sent } = sending(mq, 't', 1000);
    await until(() => sent() >= LATENCIES + WARM_UP, 120_000);
    const total = await stop();
    await until(() => readers.push.count() === total && readers.pull.count() === total);
    const at = ({ latencies }: { latencies: number[] }, share: number): number =>
      percentile(latencies.slice(WARM_UP), share);
    for (const [delivery, reader] of Object.entries(readers)) {
      const [median, tail] = [at(reader, 0.5).toFixed(2), at(reader, 0.99).toFixed(2)];
      const load = loadavg().map((one) => one.toFixed(2));
      report(
        `${delivery}: p50 ${median} ms, p99 ${tail} ms from send to handler, of ${total - WARM_UP} ` +
          `(3 brokers, acks all; load of the machine ${load})`,
      );
      expect(reader.faults).toEqual([]);
    }
    expect(at(readers.push, 0.5)).toBeLessThan(at(readers.pull, 0.5) * 3 + 5);
  } finally {
    await Promise.all(clients.map((client) => client.close({ timeout: 1_000 })));
    await cluster.destroy();
  }
}, 240_000);
