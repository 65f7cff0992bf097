// The cluster for development as a process: how it stops, and whose its folder is.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerProcess } from './support/server-process.js';
import { ZhumqCommand } from './support/zhumq-command.js';

jest.setTimeout(120_000);

let directory: string;
let dev: ServerProcess;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'zhumq-dev-'));
});
afterEach(async () => {
  await dev.destroy();
  rmSync(directory, { recursive: true, force: true });
});

const flags = (...more: string[]): string[] => [
  ...['dev', '--port', '0', '--data-dir', join(directory, 'data'), '-o', 'json', ...more],
];

test.each([[[]], [['--processes']]])(
  'stops in order with topics in both modes (%j), without an error, and has everything when it is back',
  async (more) => {
    dev = new ServerProcess('dev', flags(...more), join(directory, 'log'));
    const first = await dev.start<{ bootstrap: string }>();
    const zhumq = new ZhumqCommand({ ZHUMQ_BOOTSTRAP: first.bootstrap });
    for (const mode of ['fetch', 'raft']) {
      const created = ['topic', 'create', mode, '--mode', mode, '--partitions', '3'];
      expect(await zhumq.run(created)).toMatchObject({ code: 0 });
      expect(await zhumq.run(['produce', mode], 'a\nb\n')).toMatchObject({ code: 0 });
    }
    expect(await dev.kill('SIGINT')).toMatchObject({ code: 130 });
    expect(dev.log()).not.toMatch(/ERROR|WARN/);
    const second = await dev.start<{ bootstrap: string }>();
    const again = new ZhumqCommand({ ZHUMQ_BOOTSTRAP: second.bootstrap });
    for (const mode of ['fetch', 'raft']) {
      const args = ['consume', mode, '--from', 'earliest', '--max', '2'];
      expect(await again.run(args)).toMatchObject({ code: 0, stdout: 'a\nb\n' });
    }
  },
);

test('a second one on the same folder is refused, and says whose it is', async () => {
  dev = new ServerProcess('dev', flags('--brokers', '1'), join(directory, 'log'));
  const { bootstrap } = await dev.start<{ bootstrap: string }>();
  const zhumq = new ZhumqCommand({ ZHUMQ_BOOTSTRAP: bootstrap });
  const { code, stdout, stderr } = await zhumq.run(flags('--brokers', '1'));
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(`is held by process ${dev.pid}`);
  expect(stderr).toContain('name another one with --data-dir');
  // The first one does not mind; killed, it leaves the folder to the next one.
  expect(await zhumq.run(['topic', 'create', 't', '--replicas', '1'])).toMatchObject({ code: 0 });
  await dev.kill('SIGKILL');
  await dev.start();
});
