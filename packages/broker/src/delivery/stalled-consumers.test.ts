// What consumers that take nothing cost a broker: their buffers, and no more; and nobody else notices.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { batchOf, produce, TestCluster } from '../testing/test-cluster.js';
import {
  KIB,
  MIB,
  TestDeliveries,
  eventually,
  withPartitions,
} from '../testing/test-deliveries.js';

const STALLED = 200;
const BUFFER = 128 * KIB;
/** In which files are read, see @zhumq/log. */
const BLOCK = 256 * KIB;

/** Bytes in use, on the heap and beside it. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test('200 consumers that read nothing cost their buffers, while a fast one gets everything at once', async () => {
  const cluster = await TestCluster.start(1, { config: { 'segment.bytes': '1MiB' } });
  const broker = await withPartitions(cluster, 1);
  const deliveries = await new TestDeliveries(cluster, broker, {
    'delivery.buffer.bytes': BUFFER,
  }).listen();
  // From files, each by itself: what they hold is not what others hold anyway.
  await deliveries.fill(0, 4 * MIB, 32 * KIB);
  const before = usedBytes();
  const stalled = Array.from({ length: STALLED }, () => deliveries.narrowConsumer());
  for (const consumer of stalled) {
    consumer.keeps = false;
    await consumer.attach(deliveries.from(0, 1024 * MIB, { offset: 0 }));
    consumer.freeze();
  }
  await eventually(
    async () => (await deliveries.metric('zhumq_broker_stalled_attachments')) === STALLED,
    60_000,
  );
  const fast = deliveries.consumer();
  const offset = broker.partition().highWatermark;
  await fast.attach(deliveries.from(0, MIB, { offset }));
  const latencies: number[] = [];
  for (let sent = 0; sent < 200; sent++) {
    const outcome = produce(broker.partition(), batchOf(`${sent}`));
    await cluster.until(() => outcome.done);
    const committedMs = performance.now();
    await eventually(() => fast.delivered.length > sent);
    latencies.push(performance.now() - committedMs);
    fast.take(broker.topic, 0);
  }
  expect(await deliveries.metric('zhumq_broker_stalled_attachments')).toBe(STALLED);
  const grownMib = (usedBytes() - before) / MIB;
  const slowest = latencies.sort((a, b) => a - b)[198];
  process.stdout.write(
    `200 stalled consumers: ${grownMib.toFixed(1)} MiB more in use; 99 % of deliveries to the fast one within ${slowest.toFixed(1)} ms\n`,
  );
  // The buffer, and the blocks of files that its ends are parts of; without a bound it would be 4 MiB each.
  expect(grownMib).toBeLessThan((STALLED * (BUFFER + 2 * BLOCK)) / MIB);
  await deliveries.close();
}, 120_000);
