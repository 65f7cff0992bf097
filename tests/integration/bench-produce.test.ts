// `zhumq bench produce`: short runs on clusters of their own.
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

test('prints the object of its contract, and leaves nothing behind', async () => {
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

test.each([
  [['--acks', '1', '--mode', 'fetch'], Infinity],
  [['--acks', '0', '--mode', 'fetch', '--rate', '1000'], 1_500],
])('%j: everything is read back', async (flags, mostPerSecond) => {
  const { code, stdout } = await zhumq.run([
    ...['bench', 'produce', ...SHORT, '--ceiling', '0', '--data-dir', directory, ...flags],
    ...['--partitions', '3', '--producers', '2', '-o', 'json'],
  ]);
  expect(code).toBe(0);
  const result = JSON.parse(stdout) as { messagesPerSecond: number };
  expect(result).toMatchObject({ verified: true, ceiling: null });
  expect(result.messagesPerSecond).toBeGreaterThan(0);
  expect(result.messagesPerSecond).toBeLessThan(mostPerSecond);
});
