// The quickstart is a test: what a newcomer types works, from the build to the loss of a leader.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

jest.setTimeout(300_000);

interface Run {
  readonly code: number | null;
  readonly output: string;
}

function quickstart(...flags: string[]): Promise<Run> {
  const child = spawn('bash', ['scripts/quickstart.sh', '--once', ...flags], {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

function expectTheWholeStory({ code, output }: Run): void {
  expect(output).toContain('every message is there, in order');
  expect(output).toMatch(/kill -9 \d+ {3}\(broker \d, the leader\)/);
  expect(output).toMatch(/broker \d leads now; the producer had everything acknowledged \d+ ms/);
  expect(output).toContain('all 4000 acknowledged messages are there, once, in order');
  expect(output.trimEnd().split('\n').at(-1)).toBe('done');
  expect(code).toBe(0);
}

/** Processes that the quickstart started and that are still there. */
function leftOver(): string[] {
  const pids = join(ROOT, '.run/quickstart/pids');
  if (!existsSync(pids)) return [];
  return readFileSync(pids, 'utf8')
    .trim()
    .split(/\s+/)
    .filter((pid) => existsSync(`/proc/${pid}`));
}

test('the quickstart survives the loss of a leader and leaves nothing running', async () => {
  expectTheWholeStory(await quickstart());
  expect(leftOver()).toEqual([]);
});

test('the quickstart does the same on a real ZooKeeper ensemble', async () => {
  expectTheWholeStory(await quickstart('--zookeeper'));
  expect(leftOver()).toEqual([]);
});
