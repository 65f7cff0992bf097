// `zhumq bench`: short runs on clusters of their own.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ZhumqCommand } from './support/zhumq-command.js';

jest.setTimeout(180_000);

const zhumq = new ZhumqCommand();
const SHORT = ['--duration', '1s', '--warm-up', '200ms'];

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'zhumq-bench-test-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('produce prints the object of its contract, and leaves nothing behind', async () => {
  const { code, stdout, stderr } = await zhumq.run([
    ...['bench', 'produce', ...SHORT, '--ceiling', '500ms'],
    ...['--data-dir', directory, '-o', 'json'],
  ]);
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.not.stringMatching('ERROR') });
  const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  expect(result).toMatchObject({
    ...{ benchmark: 'produce', lost: 0, duplicated: 0, corrupt: 0, reordered: 0, verified: true },
    failures: {},
    latencyMs: { p50: expect.any(Number), p99: expect.any(Number), p999: expect.any(Number) },
    ceiling: { messagesPerSecond: expect.any(Number) },
    settings: { batchBytes: 262_144, lingerMs: 0, outstandingBytes: 10 * 256 * 1024 },
  });
  expect(result.messagesPerSecond).toBeGreaterThan(0);
  expect(result.acknowledged).toBeGreaterThan(0);
  const processes = ['broker-1', 'broker-2', 'broker-3', 'producers-1', 'producers-2', 'zkserver'];
  expect(Object.keys(result.cpuSecondsPerMillion as object).sort()).toEqual(processes);
  expect(readdirSync(directory)).toEqual([]);
});

const SMALL = ['--partitions', '3', '--producers', '2', ...SHORT];

test.each([
  ['produce', ['--acks', '1', '--mode', 'fetch', '--ceiling', '0'], Infinity],
  ['produce', ['--acks', '0', '--mode', 'fetch', '--rate', '1000', '--ceiling', '0'], 1_500],
  ['e2e', ['--delivery', 'push', '--rate', '500'], 750],
  ['consume', ['--consumers', '2'], Infinity],
  ['consume', ['--consumers', '2', '--group', '--delivery', 'push'], Infinity],
])('%s %j: everything is read', async (verb, flags, mostPerSecond) => {
  const { code, stdout, stderr } = await zhumq.run([
    ...['bench', verb, ...SMALL, '--data-dir', directory, ...flags, '-o', 'json'],
  ]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const result = JSON.parse(stdout) as { messagesPerSecond: number };
  expect(result).toMatchObject({ benchmark: verb, verified: true, lost: 0 });
  expect(result.messagesPerSecond).toBeGreaterThan(0);
  expect(result.messagesPerSecond).toBeLessThan(mostPerSecond);
});

const FEW = ['--partitions', '3', '--producers', '2', '--warm-up', '200ms'];

test.each([
  [
    'idle',
    [...FEW, '--settle', '0ms', '--idle', '500ms'],
    {
      partitions: 3,
      replicas: 9,
      cpuPercent: expect.any(Number),
      openFiles: { 'broker-1': expect.any(Number) },
    },
  ],
  ['failover', ['--rounds', '1', '--warm-up', '200ms'], { failoverMs: { count: 1 } }],
  [
    'switch',
    [...FEW, '--switches', '2', '--quiet', '200ms'],
    { pauseMs: { p99: expect.any(Number) }, quietPauseMs: {}, failedSends: 0, failedSwitches: 0 },
  ],
  ['recovery', [...FEW, '--megabytes', '5'], { copyMegabytesPerSecond: expect.any(Number) }],
])('%s %j: measures, and everything is there afterwards', async (verb, flags, expected) => {
  const { code, stdout, stderr } = await zhumq.run([
    ...['bench', verb, ...flags, '--data-dir', directory, '-o', 'json'],
  ]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const result = JSON.parse(stdout) as { failoversMs?: number[]; messagesBehind?: number };
  expect(result).toMatchObject({ benchmark: verb, verified: true, lost: 0, ...expected });
  expect(result.failoversMs ?? [1]).not.toContain(0);
  expect(result.messagesBehind ?? 5_000).toBeGreaterThan(4_000);
  expect(readdirSync(directory)).toEqual([]);
});

test('both kinds of files of the ceiling are measured', async () => {
  const { code, stdout } = await zhumq.run([
    ...['bench', 'produce', ...SMALL, '--ceiling', '500ms', '--ceiling-file', 'both'],
    ...['--data-dir', directory, '-o', 'json'],
  ]);
  expect(code).toBe(0);
  const { ceiling, ceilings } = JSON.parse(stdout) as Record<string, unknown>;
  const [grow, reuse] = ['grow', 'reuse'].map((file) => ({
    file,
    messagesPerSecond: expect.any(Number),
  }));
  expect(ceilings).toMatchObject([grow, reuse]);
  expect(ceiling).toMatchObject(grow);
  for (const { messagesPerSecond } of ceilings as { messagesPerSecond: number }[])
    expect(messagesPerSecond).toBeGreaterThan(0);
});

test('what kills processes takes no cluster that is there already', async () => {
  const { code, stderr } = await zhumq.run(['bench', 'failover', '--bootstrap', '127.0.0.1:1']);
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('bootstrap') });
});
