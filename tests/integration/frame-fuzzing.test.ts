// Live servers against 5,000 frames that are bent, hostile or no frames at all, and the client library against servers
// that are; and the proof that a server which does not stand that would be found.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { report } from './support/report.js';

const FUZZ = join(__dirname, '../../packages/testkit/dist/fuzzing/cli.js');
const DEADLINE_MS = 170_000;
/** On a machine that others use, too; the long run of `npm run fuzz` judges by 10 ms. */
const LONG_STALL_MS = 100;

interface FuzzReport {
  readonly frames: number;
  readonly violations: readonly string[];
  readonly citizens: { readonly acknowledged: number; readonly anomalies: readonly string[] };
  readonly attack: { readonly methods: Readonly<Record<string, number>> };
  readonly servers: readonly { readonly name: string; readonly refusedConnections: number }[];
}

jest.setTimeout(DEADLINE_MS + 10_000);

function fuzz(...args: string[]): Promise<{ code: number; output: string; result: FuzzReport }> {
  return new Promise((resolve, reject) => {
    const command = [FUZZ, 'frames', '-o', 'json', ...args];
    const options = { timeout: DEADLINE_MS, maxBuffer: 64 * 2 ** 20 };
    execFile(process.execPath, command, options, (error, stdout, stderr) => {
      const last = stdout.trimEnd().split('\n').at(-1) ?? '';
      if (!last.startsWith('{')) return reject(new Error(`no report: ${stdout}${stderr}`));
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, output: stdout, result: JSON.parse(last) as FuzzReport });
    });
  });
}

const isShortStall = (violation: string): boolean => {
  const ms = /^stall: .* stands still for ([\d.]+) ms/.exec(violation)?.[1];
  return ms !== undefined && Number(ms) < LONG_STALL_MS;
};

test('5,000 frames end no server, hold none up, fill none, and take nothing from anybody', async () => {
  const { code, output, result } = await fuzz('--seed', '1', '--count', '5000');
  report(output.trimEnd().split('\n').at(-1)?.slice(0, 300) ?? '');
  expect(result.violations.filter((violation) => !isShortStall(violation))).toEqual([]);
  expect(code).toBe(result.violations.length === 0 ? 0 : 1);
  expect(result.frames).toBeGreaterThanOrEqual(5_000);
  expect(result.citizens.acknowledged).toBeGreaterThan(0);
  for (const { name, refusedConnections } of result.servers)
    if (name.startsWith('broker')) expect(refusedConnections).toBeGreaterThan(0);
});

test('a broker that stands still at a certain frame is found, and the frame is named', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'zhumq-fuzz-proof-'));
  const preload = join(directory, 'stands-still.cjs');
  try {
    writeFileSync(preload, STANDS_STILL);
    const args = ['--seed', '2', '--count', '300', '--target', 'broker', '--brokers', '1'];
    const { code, result } = await fuzz(...args, '--preload', preload);
    const stalls = result.violations.filter((violation) => violation.startsWith('stall: broker-1'));
    expect(code).toBe(1);
    expect(stalls.length).toBeGreaterThan(0);
    const files = stalls.map((stall) => stall.slice(stall.indexOf('--replay ') + 9));
    const sent = files.map((file) => readFileSync(file, 'utf8')).join();
    expect(sent).toContain(Buffer.from('closePartition').toString('hex'));
    for (const file of files) rmSync(file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** Works for 50 ms whenever a certain method is named. */
const STANDS_STILL = `'use strict';
const { Socket } = require('node:net');
const { emit } = Socket.prototype;
Socket.prototype.emit = function (event, ...values) {
  if (event === 'data' && values[0].includes('closePartition')) {
    // Of its own work, however many wait for the processor.
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user - user < 50_000);
  }
  return emit.call(this, event, ...values);
};
`;
