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
