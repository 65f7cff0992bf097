// The front door of the command: what it does with a build and without one.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const source = join(__dirname, '..', 'bin', 'zhumq.js');
let root: string;
let bin: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'zhumq-bin-'));
  mkdirSync(join(root, 'bin'));
  bin = join(root, 'bin', 'zhumq.js');
  copyFileSync(source, bin);
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const run = (...args: string[]) =>
  spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8' });

test('without a build it fails with one sentence that tells how to build', () => {
  const { status, stdout, stderr } = run();
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toBe(
    'zhumq is not built yet: run "npm ci && npm run build" in the repository first.\n',
  );
});

test('with a build it runs the program and passes its arguments', () => {
  mkdirSync(join(root, 'dist'));
  writeFileSync(join(root, 'dist', 'main.js'), 'console.log(process.argv.slice(2).join(" "))');
  expect(run('topic', 'list')).toMatchObject({ status: 0, stdout: 'topic list\n', stderr: '' });
});

test('an error inside the program is not mistaken for a missing build', () => {
  mkdirSync(join(root, 'dist'));
  writeFileSync(join(root, 'dist', 'main.js'), 'require("./absent.js")');
  const { status, stderr } = run();
  expect(status).toBe(1);
  expect(stderr).toContain('absent.js');
  expect(stderr).not.toContain('not built yet');
});
