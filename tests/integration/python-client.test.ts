// The programs of examples/python, on Debian's Thrift library and code generated from idl/ alone, against real processes:
// one sends, one receives, one is pushed to, while the leader dies and comes back, and then the broker that all three are
// connected to. Every record that was acknowledged to the sender is handled by both consumers.
import { execFile, execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { ClusterProcesses } from './support/cluster-processes.js';
import { report } from './support/report.js';
import { until } from './support/until.js';

const EXAMPLES = join(__dirname, '../../examples/python');
/** Debian's, which has Debian's library. */
const PYTHON = '/usr/bin/python3';
const TOPIC = 'orders';
const CONTRACT_TOPIC = 'contract';
const LATEST_TIMESTAMP = 2 ** 52 - 1;
/** Lines that the sender may have in its hands and not sent. */
const LINES_AHEAD = 20;

let cluster: ClusterProcesses;
let client: Client;
const programs: PythonProgram[] = [];

jest.setTimeout(240_000);

beforeAll(async () => {
  execFileSync('bash', [join(EXAMPLES, 'generate.sh')], { timeout: 60_000 });
  cluster = await ClusterProcesses.start({
    ...{ brokers: 3, zkservers: 1, zookeepers: 1 },
    zkserverFlags: ['--session-timeout', '3s'],
    brokerFlags: ['--session-timeout', '3s'],
  });
  client = await connect(cluster.bootstrap);
  for (const topic of [TOPIC, CONTRACT_TOPIC]) {
    await client.admin().createTopic({ topic, partitions: 1, replicas: 3 });
  }
});

afterAll(async () => {
  for (const program of programs) program.kill();
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

/** One of the examples; it prints "partition/offset text" for each record. */
class PythonProgram {
  /** How often each line was printed. */
  readonly lines = new Map<string, number>();
  troubles: string[] = [];
  lastMs = 0;
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(
    readonly name: string,
    args: readonly string[],
    onLine: () => void = () => undefined,
  ) {
    const child = spawn(PYTHON, [join(EXAMPLES, name), ...args], { stdio: 'pipe' });
    this.child = child;
    this.ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.set(line, (this.lines.get(line) ?? 0) + 1);
      this.lastMs = performance.now();
      onLine();
    });
    createInterface({ input: child.stderr }).on('line', (line) => this.troubles.push(line));
    programs.push(this);
  }

  write(text: string): void {
    this.child.stdin?.write(text);
  }

  endInput(): void {
    this.child.stdin?.end();
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  has(lines: Iterable<string>): boolean {
    return [...lines].every((line) => this.lines.has(line));
  }

  get repeated(): number {
    return [...this.lines.values()].filter((times) => times > 1).length;
  }

  /** Resolves with the milliseconds until it got on with something that was stored after now. */
  async getsOn(sinceMs: number): Promise<number> {
    const before = this.lines.size;
    await until(`${this.name} gets on`, () => this.lines.size > before + 20, {
      state: () => this.troubles.slice(-5),
    });
    return Math.round(this.lastMs - sinceMs);
  }
}

async function leader(): Promise<number> {
  return until('the partition has a leader', async () => {
    const [{ partitions }] = await client.admin().describeTopics([TOPIC]);
    return partitions[0].leader > 0 ? partitions[0].leader : undefined;
  });
}

test('a stock Python client sees typed refusals, absent and empty values, large integers and frames as they are', async () => {
  const program = join(__dirname, 'support/record_contract.py');
  const address = `127.0.0.1:${cluster.brokerPort(1)}`;
  const { stdout } = await promisify(execFile)(PYTHON, [program, address, CONTRACT_TOPIC], {
    timeout: 120_000,
  });
  const seen = JSON.parse(stdout) as Record<string, unknown>;
  const refusals = Object.entries(seen).filter(
    ([, value]) => Array.isArray(value) && value.length === 6,
  );
  expect(refusals.map(([name, value]) => [name, ...(value as unknown[]).slice(0, 4)])).toEqual([
    ['missing field', 'INVALID_REQUEST', 2, false, false],
    ['missing argument', 'INVALID_REQUEST', 2, false, false],
    ['wrong acks', 'INVALID_REQUEST', 2, false, false],
    ['i64 beyond', 'INVALID_REQUEST', 2, false, false],
    ['too large', 'MESSAGE_TOO_LARGE', 42, false, false],
    ['not held', 'FENCED_MEMBER', 106, false, false],
  ]);
  expect(seen).toMatchObject({
    duplicate: [false, false, false],
    'offsets follow': [0, 1, 2],
    timestamp: LATEST_TIMESTAMP,
    sendAll: 2000,
    'none, empty': [
      [null, null],
      [true, true, LATEST_TIMESTAMP],
    ],
    bytes: true,
    headers: [
      ['a', [255]],
      ['b', []],
    ],
    ack: ['done', 'None'],
    'all received': [2000, 1000 * (10 + 90 * 2 + 900 * 3 + 1000 * 4)],
  });
});

test('Python programs send, receive and are pushed to while the leader and their own broker die', async () => {
  const first = await leader();
  const [own, other] = [1, 2, 3].filter((id) => id !== first);
  const bootstrap = [own, other, first].map((id) => `127.0.0.1:${cluster.brokerPort(id)}`).join();
  let sending = true;
  let written = 0;
  const writeMore = (): void => {
    while (sending && written < producer.lines.size + LINES_AHEAD)
      producer.write(`m${written++}\n`);
  };
  const producer = new PythonProgram('produce.py', [bootstrap, TOPIC], writeMore);
  const receiver = new PythonProgram('consume.py', [bootstrap, TOPIC, 'pulling']);
  const subscriber = new PythonProgram('subscribe.py', [bootstrap, TOPIC, 'pushed']);
  const all = [producer, receiver, subscriber];
  const getOn = async (since: number): Promise<string> => {
    const times = await Promise.all(all.map((program) => program.getsOn(since)));
    return all.map(({ name }, index) => `${name} ${times[index]} ms`).join(', ');
  };
  writeMore();
  report(`all three work: ${await getOn(performance.now())}`);

  let killedMs = performance.now();
  await cluster.broker(first).kill();
  report(`SIGKILL of the leader, ${first}; 20 records on: ${await getOn(killedMs)}`);
  expect(await leader()).not.toBe(first);
  // Nobody lost a connection: their broker found the new leader for them.
  expect(all.flatMap(({ troubles }) => troubles)).toEqual([]);
  await cluster.broker(first).start();

  killedMs = performance.now();
  await cluster.broker(own).kill();
  report(`SIGKILL of their own broker, ${own}; 20 records on: ${await getOn(killedMs)}`);
  for (const { troubles } of all) expect(troubles.length).toBeGreaterThan(0);
  await cluster.broker(own).start();

  sending = false;
  producer.endInput();
  expect(await producer.ended).toBe(0);
  const acknowledged = [...producer.lines.keys()];
  expect(acknowledged.length).toBe(written);
  for (const consumer of [receiver, subscriber]) {
    await until(`${consumer.name} has handled everything`, () => consumer.has(acknowledged), {
      state: () => [consumer.lines.size, consumer.troubles.slice(-5)],
    });
    const extra = consumer.lines.size - acknowledged.length;
    report(
      `${consumer.name}: ${acknowledged.length} acknowledged, all handled; ${consumer.repeated} more than once, ${extra} sent twice by the retry`,
    );
  }
});
