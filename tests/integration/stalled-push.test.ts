// Many push consumers that take nothing, against a real broker: what they cost it, and whether a fast one notices.
// ZHUMQ_STALLED sets how many (a short form without it). With ZHUMQ_CACHE, such as 4MiB, the caches of the broker are that
// small, so that what it sends comes from files, and what it holds is judged: the allocator then keeps freed memory.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect } from '@zhumq/client';
import type { Client, Consumer } from '@zhumq/client';
import { ClusterProcesses } from './support/cluster-processes.js';
import { percentile } from './support/open-loop.js';
import { COLLECTS_GARBAGE, MemoryProbe } from './support/process-memory.js';
import { report } from './support/report.js';
import { seededRandom } from './support/seed.js';
import { until } from './support/until.js';

const LONG = process.env.ZHUMQ_STALLED !== undefined;
const STALLED = Number(process.env.ZHUMQ_STALLED ?? 200);
const CACHE = process.env.ZHUMQ_CACHE;
const MEASURED = LONG ? 5_000 : 1_500;
const MESSAGES_PER_SECOND = 500;
const WINDOWS = 5;
const QUIET_MS = 1_000;
/** The machine may be slow for a moment; a broker that stalled consumers slow down stays slow. */
const LOOKS = 3;
const TOPIC = 'orders';
const PARTITIONS = 4;
const MIB = 1024 * 1024;
const FILL_BYTES = 64 * MIB;
const VALUE = Buffer.alloc(4_000, 'x');
const MAX_GROWTH_BYTES = 64 * MIB;
const PROGRAM = join(__dirname, 'support/stalled-consumers.mjs');
const random = seededRandom();
const memory = new MemoryProbe();

let cluster: ClusterProcesses;
let client: Client;
let ends: number[];
let stalled: ChildProcess | undefined;
let metricsUrl: string;

jest.setTimeout(600_000);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({
    ...{ brokers: 1, zkservers: 1, zookeepers: 1 },
    brokerNodeFlags: COLLECTS_GARBAGE,
    brokerFlags: CACHE ? ['--cache-tail-bytes', CACHE, '--cache-block-bytes', CACHE] : [],
  });
  metricsUrl = `${cluster.broker(1).ready?.metrics}`;
  client = await connect(cluster.bootstrap);
  await client.admin().createTopic({ topic: TOPIC, partitions: PARTITIONS, replicas: 1 });
  await fill();
  ends = new Array<number>(PARTITIONS).fill(0);
  for (const { partition, offset } of await client
    .admin()
    .listOffsets({ topic: TOPIC, at: 'latest' })) {
    ends[partition] = offset;
  }
});

afterAll(async () => {
  await release();
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
  memory.close();
});

async function fill(): Promise<void> {
  const producer = client.producer({ batchBytes: '16KiB' });
  const sends: Promise<unknown>[] = [];
  for (let bytes = 0; bytes < FILL_BYTES; bytes += VALUE.length) {
    sends.push(producer.send(TOPIC, { value: VALUE, partition: sends.length % PARTITIONS }));
    if (sends.length % 1_000 === 0) await Promise.all(sends.splice(0, 900));
  }
  await Promise.all(sends);
  await producer.close();
}

async function readEverything(): Promise<void> {
  const consumer = client.consumer({ topic: TOPIC, from: 'earliest', delivery: 'push' });
  const enough = new AbortController();
  let left = Math.floor(FILL_BYTES / VALUE.length);
  await consumer.run(() => void (--left === 0 && enough.abort()), { signal: enough.signal });
  await consumer.close();
}

/** Milliseconds from each send to its handler, at a steady pace. */
async function latencies(count: number): Promise<number[]> {
  const producer = client.producer();
  const consumer: Consumer = client.consumer({ topic: TOPIC, from: 'latest', delivery: 'push' });
  const found: number[] = [];
  const running = consumer.run(({ value }) => {
    found.push(performance.now() - Number(String(value)));
  });
  await consumer.ready();
  let sent = 0;
  const startMs = performance.now();
  const timer = setInterval(() => {
    const due = Math.min(count, ((performance.now() - startMs) * MESSAGES_PER_SECOND) / 1000);
    while (sent < due) {
      const value = String(performance.now());
      void producer.send(TOPIC, { value, partition: sent++ % PARTITIONS });
    }
  }, 1);
  await until('the fast consumer has everything', () => found.length === count);
  clearInterval(timer);
  await consumer.close();
  await running;
  await producer.close();
  return found;
}

async function stall(kind: 'credit' | 'socket', count: number): Promise<void> {
  const options = { port: cluster.brokerPort(1), topic: TOPIC, ends, count, kind };
  const setting = JSON.stringify({ ...options, seed: random.below(2 ** 31) });
  stalled = spawn(process.execPath, [PROGRAM, setting], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: stalled.stdout as NodeJS.ReadableStream });
  const attached = new Promise<void>((resolve) => lines.once('line', () => resolve()));
  await attached;
  await untilStalled(count);
  report(
    `${count} stalled by their ${kind}; memory of all sockets of the machine ${mib(kernelBytes())}`,
  );
}

/** While their sockets still fill, they are not stalled, but read as fast as they can. */
async function untilStalled(count: number): Promise<void> {
  let pushedBytes = -1;
  let sinceMs = 0;
  await until(
    `${count} consumers are stalled, and nothing has been pushed for ${QUIET_MS} ms`,
    async () => {
      const bytes = await metric('zhumq_broker_pushed_bytes_total');
      if (bytes !== pushedBytes) {
        pushedBytes = bytes;
        sinceMs = performance.now();
      }
      const all = (await metric('zhumq_broker_stalled_attachments')) === count;
      return all && performance.now() - sinceMs > QUIET_MS;
    },
    { timeoutMs: 120_000 },
  );
}

async function release(): Promise<void> {
  if (stalled === undefined) return;
  const ended = new Promise((resolve) => stalled?.once('exit', resolve));
  stalled.stdin?.end();
  await ended;
  stalled = undefined;
  await until(
    'the broker has forgotten them',
    async () => (await metric('zhumq_broker_attachments')) === 0,
  );
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(metricsUrl)).text();
  const line = text
    .split('\n')
    .find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1));
}

function kernelBytes(): number {
  const pages = /^TCP: .* mem (\d+)$/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1];
  return Number(pages) * 4096;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

test.each(['credit', 'socket'] as const)(
  'push consumers stalled by their %s cost the broker little, and delay nobody',
  async (kind) => {
    const pid = cluster.broker(1).pid as number;
    // Caches are full, code is compiled, and the heap is as large as reading from files makes it anyway.
    await Promise.all(Array.from({ length: 8 }, readEverything));
    await latencies(MEASURED);
    const before = await memory.measure(pid);
    const free = await latencies(MEASURED);
    await stall(kind, STALLED);
    const bound = 2 * usualP99(free);
    let beside = await latencies(MEASURED);
    for (let look = 1; look < LOOKS && usualP99(beside) >= bound; look++) {
      report(
        `p99 beside them ${usualP99(beside).toFixed(2)} ms, twice that before is ${bound.toFixed(2)} ms`,
      );
      beside = await latencies(MEASURED);
    }
    const during = await memory.measure(pid);
    await release();
    const again = await latencies(MEASURED);
    const rss = during.residentBytes - before.residentBytes;
    const held = during.heldBytes - before.heldBytes;
    const p99s = [free, beside, again].map(usualP99);
    const all = [free, beside, again].map((times) => percentile(times, 0.99));
    const p50s = [free, beside, again].map((times) => percentile(times, 0.5));
    report(
      `${STALLED} stalled by their ${kind}: RSS of the broker from ${mib(before.residentBytes)} to ${mib(during.residentBytes)}, ` +
        `${mib(rss)} more; held ${mib(held)} more; a fast consumer: p50 ${times(p50s)}, p99 ${times(p99s)} ` +
        `(before, beside, after them; over all ${times(all)}); load of the machine ${loadavg().map((load) => load.toFixed(2))}`,
    );
    expect(CACHE ? held : rss).toBeLessThan(MAX_GROWTH_BYTES);
    // The goal with quiet cores; where others compete for them, three measurements one after the other differ by more.
    const overload = Math.max(1, loadavg()[0] / availableParallelism());
    expect(p99s[1]).toBeLessThan(2 * overload * Math.max(p99s[0], p99s[2]));
  },
);

/** Of most windows: one pause, of the disk or of collecting garbage after many have connected, is in one of them. */
function usualP99(times: readonly number[]): number {
  const size = Math.ceil(times.length / WINDOWS);
  const windows = Array.from({ length: WINDOWS }, (_, index) =>
    percentile(times.slice(index * size, (index + 1) * size), 0.99),
  );
  return percentile(windows, 0.5);
}

function times(values: readonly number[]): string {
  return `${values.map((value) => value.toFixed(2)).join(' / ')} ms`;
}
