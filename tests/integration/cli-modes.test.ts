// Modes of replication from the command line, against a development cluster of three brokers.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerProcess } from './support/server-process.js';
import { until } from './support/until.js';
import { ZhumqCommand } from './support/zhumq-command.js';

// Each test runs the command several times, on machines that are busy.
jest.setTimeout(180_000);

let directory: string;
let dev: ServerProcess;
let zhumq: ZhumqCommand;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'zhumq-modes-'));
  const args = ['dev', '--port', '0', '--data-dir', join(directory, 'data'), '-o', 'json'];
  dev = new ServerProcess('dev', args, join(directory, 'dev.log'));
  const { bootstrap } = await dev.start<{ bootstrap: string }>();
  zhumq = new ZhumqCommand({ ZHUMQ_BOOTSTRAP: bootstrap });
});

afterAll(async () => {
  await dev.destroy();
  rmSync(directory, { recursive: true, force: true });
});

async function valuesOf(topic: string): Promise<string[]> {
  const flags = ['--from', 'earliest', '--timeout', '2s', '-o', 'jsonl'];
  const printed = await zhumq.jsonl<{ value: string }>(['consume', topic, ...flags]);
  return printed.map(({ value }) => value);
}

async function leaderOf(topic: string): Promise<number> {
  const [{ leader }] = await zhumq.jsonl<{ leader: number }>([
    ...['partition', 'describe', topic, '-o', 'jsonl'],
  ]);
  return leader;
}

test('a topic is created in mode fetch, written and read', async () => {
  const created = await zhumq.run(['topic', 'create', 'f', '--mode', 'fetch']);
  expect(created).toMatchObject({ code: 0 });
  expect(created.stdout).toContain('mode fetch');
  expect(await zhumq.run(['produce', 'f'], 'one\ntwo\n')).toMatchObject({ code: 0 });
  expect(await valuesOf('f')).toEqual(['one', 'two']);
});

test('mode switches a topic there and back while it is written and read', async () => {
  const topic = 'switched';
  await zhumq.run(['topic', 'create', topic, '--partitions', '2']);
  const writing = zhumq.start(['produce', topic, '-o', 'jsonl']);
  let fed = 0;
  const feeding = setInterval(() => writing.child.stdin.write(`${fed++}\n`), 2);
  try {
    for (const mode of ['fetch', 'raft', 'fetch']) {
      const before = fed;
      await until('more is written', () => fed > before + 50);
      const switched = await zhumq.run(['partition', 'mode', topic, mode, '--wait', '-o', 'json']);
      expect({ mode, code: switched.code, told: switched.stderr }).toMatchObject({
        mode,
        code: 0,
      });
      const { partitions } = JSON.parse(switched.stdout) as { partitions: unknown[] };
      const done = { to: mode, mode, outcome: 'done', durationMs: expect.any(Number) as number };
      expect(partitions).toEqual([expect.objectContaining(done), expect.objectContaining(done)]);
    }
  } finally {
    clearInterval(feeding);
    writing.child.stdin.end();
  }
  const { code, stdout } = await writing.ended;
  expect(code).toBe(0);
  const receipts = stdout.trim().split('\n');
  expect(receipts).toHaveLength(fed);
  const modes = new Set(receipts.map((row) => (JSON.parse(row) as { mode: string }).mode));
  expect(modes).toEqual(new Set(['raft', 'fetch']));
  const values = (await valuesOf(topic)).map(Number);
  expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: fed }, (_one, n) => n));
  const again = await zhumq.run(['partition', 'mode', topic, 'fetch', '--wait', '-o', 'jsonl']);
  expect(again.code).toBe(0);
  const [row] = await zhumq.jsonl<{ lastSwitch: object; generation: number }>([
    ...['partition', 'describe', topic, '--partition', '0', '-o', 'jsonl'],
  ]);
  expect(row).toMatchObject({ generation: 4, lastSwitch: { to: 'fetch', done: true } });
});

test('elect has the zkserver elect in mode fetch', async () => {
  const topic = 'elected';
  await zhumq.run(['topic', 'create', topic, '--mode', 'fetch']);
  const leader = await leaderOf(topic);
  const to = leader === 1 ? 2 : 1;
  const args = ['partition', 'elect', topic, '--partition', '0', '--to', `${to}`, '-o', 'json'];
  const elected = await zhumq.run(args);
  expect(elected).toMatchObject({ code: 0 });
  expect(JSON.parse(elected.stdout)).toMatchObject({ from: leader, to, moved: true });
  expect(await leaderOf(topic)).toBe(to);
});
