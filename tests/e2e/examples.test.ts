// The ten-line programs of examples/, compiled and run as their README says, against a cluster for development.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(__dirname, '../..');
const ZHUMQ = join(ROOT, 'packages/cli/bin/zhumq.js');

let data: string;
let cluster: ChildProcess;
let bootstrap: string;

function firstLine(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('the output is a pipe');
  return new Promise((resolve, reject) => {
    createInterface({ input: stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`ended with ${code} before it was ready`)));
  });
}

async function stopped(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return ended;
}

beforeAll(async () => {
  execFileSync(process.execPath, ['node_modules/typescript-7/bin/tsc', '-p', 'examples'], {
    cwd: ROOT,
    timeout: 60_000,
  });
  data = mkdtempSync(join(tmpdir(), 'zhumq-examples-'));
  cluster = spawn(
    process.execPath,
    [ZHUMQ, 'dev', '--port', '0', '--data-dir', data, '-o', 'json'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  bootstrap = (JSON.parse(await firstLine(cluster)) as { bootstrap: string }).bootstrap;
});

afterAll(async () => {
  await stopped(cluster, 'SIGTERM');
  rmSync(data, { recursive: true, force: true });
});

test('the producer of ten lines makes its topic and prints where each message went', () => {
  const output = execFileSync(process.execPath, ['examples/dist/produce.js', bootstrap], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 60_000,
  });
  const lines = output.trim().split('\n');
  expect(lines.map((line) => line.replace(/ -> .*/, ''))).toEqual(['Ada', 'Grace', 'Barbara']);
  for (const line of lines) expect(line).toMatch(/ -> partition [0-2], offset \d+$/);
});

test('the consumer of ten lines prints what was produced, and Ctrl-C ends it', async () => {
  const consumer = spawn(process.execPath, ['examples/dist/consume.js', bootstrap], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const seen: string[] = [];
  await new Promise<void>((resolve) => {
    createInterface({ input: consumer.stdout }).on('line', (line) => {
      seen.push(line.replace(/^\d+\/\d+ /, ''));
      if (seen.length === 3) resolve();
    });
  });
  expect(seen.sort()).toEqual(['Ada: hello 0', 'Barbara: hello 2', 'Grace: hello 1']);
  expect(await stopped(consumer, 'SIGINT')).toBe(0);
});

test('the unit test with a broker of its own passes, and its process ends by itself', () => {
  // With something left open, the process would stay until the time limit.
  const output = execFileSync(process.execPath, ['--test', 'examples/dist/orders.test.js'], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(output).toMatch(/^# pass 1$/m);
});

test('a test broker serves ES modules and CommonJS alike', () => {
  const use =
    "startTestBroker({ topics: ['t'] }).then((broker) => broker.stop()).then(() => console.log('done'))";
  const programs = [
    ['commonjs', `const { startTestBroker } = require('@zhumq/testing'); ${use}`],
    ['module', `import { startTestBroker } from '@zhumq/testing'; ${use}`],
  ];
  for (const [type, program] of programs) {
    const args = [`--input-type=${type}`, '-e', program ?? ''];
    const output = execFileSync(process.execPath, args, {
      cwd: ROOT,
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(output).toBe('done\n');
  }
});
