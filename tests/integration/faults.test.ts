// The short form of npm run faults: a few rounds on real processes, and whether its judge goes red. The long form:
// docs/testing-faults.md.
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { report } from './support/report.js';

const CLI = join(__dirname, '../../packages/testkit/dist/faults/cli.js');
jest.setTimeout(360_000);

const TIMEOUT_MS = 170_000;

interface Report {
  readonly verdict: string;
  readonly network: string;
  readonly killRounds: number;
  readonly partitions: number;
  readonly acknowledged: number;
  readonly anomalies: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
  readonly resumeMs: unknown;
  readonly artifacts?: string;
}

interface Ended {
  readonly code: number | null;
  readonly report: Report;
  /** Of the run's files. */
  readonly folder: string;
}

function faults(...args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, ...args, '-o', 'json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const timer = setTimeout(() => child.kill('SIGTERM'), TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      const lines = output.trimEnd().split('\n');
      for (const line of lines.slice(0, -1)) report(line.trim());
      const folder = /files in ([^;]+);/.exec(output)?.[1] ?? '';
      resolve({ code, report: JSON.parse(lines.at(-1) ?? '') as Report, folder });
    });
  });
}

test('a broker is killed, one is cut off: nothing is lost, and nothing is left behind', async () => {
  // The first rounds of this seed are a kill and a partition.
  const nemeses = 'kill-broker,partition-one,pause';
  const run = await faults(
    ...[
      '--seed',
      '583',
      '--rounds',
      '2',
      '--duration',
      '2m',
      '--brokers',
      '3',
      '--nemesis',
      nemeses,
    ],
  );
  report(
    `partitions by ${run.report.network}; resumed after ${JSON.stringify(run.report.resumeMs)}`,
  );
  expect(run.report).toMatchObject({ verdict: 'clean', anomalies: {}, failures: [] });
  expect(run.code).toBe(0);
  expect(run.report.killRounds).toBeGreaterThan(0);
  expect(run.report.partitions).toBeGreaterThan(0);
  expect(run.report.acknowledged).toBeGreaterThan(100);
  expect(run.folder).not.toBe('');
  expect(existsSync(run.folder)).toBe(false);
});

test('a message that was acknowledged and never stored turns the verdict, and the artifacts stay', async () => {
  const run = await faults(
    ...['--duration', '0s', '--nemesis', 'none', '--brokers', '3', '--pretend-loss'],
    ...['--zkservers', '1', '--zookeepers', '1'],
  );
  expect(run.report).toMatchObject({ verdict: 'not clean', failures: [] });
  expect(run.report.anomalies['lost-write']).toBe(1);
  expect(run.code).toBe(1);
  const folder = run.report.artifacts ?? '';
  expect(existsSync(join(folder, 'history.jsonl'))).toBe(true);
  rmSync(folder, { recursive: true, force: true });
});
