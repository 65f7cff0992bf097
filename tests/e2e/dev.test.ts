// `zhumq dev` started again on the same folder has everything, also at once after a SIGKILL: no lock and no port that was
// left behind stands in its way. In both modes: brokers in its own process, and in processes of their own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { freePorts } from '../integration/support/free-ports.js';
import { report } from '../integration/support/report.js';
import { ServerProcess } from '../integration/support/server-process.js';
import { until } from '../integration/support/until.js';

interface DevReady {
  readonly bootstrap: string;
  readonly brokers: readonly { readonly id: number; readonly pid: number }[];
}

const MESSAGES = 50;

jest.setTimeout(180_000);

describe.each([
  ['one process', [] as string[]],
  ['processes', ['--processes']],
])('zhumq dev in %s', (mode, flags) => {
  const directory = mkdtempSync(join(tmpdir(), 'zhumq-dev-'));
  let dev: ServerProcess;
  let bootstrap = '';
  let sent = 0;

  beforeAll(async () => {
    const [port] = await freePorts(1);
    const args = ['dev', '--brokers', '3', '--port', String(port), '-o', 'json', ...flags];
    const data = ['--data-dir', join(directory, 'data')];
    dev = new ServerProcess(`dev (${mode})`, [...args, ...data], join(directory, 'log'));
    await start();
    const client = await connect(bootstrap);
    await client.admin().createTopic({ topic: 'kept', partitions: 2, replicas: 3 });
    await client.close();
  });

  afterAll(async () => {
    await dev.destroy();
    rmSync(directory, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    const ready = await dev.start<DevReady>();
    const pids = ready.brokers.map(({ pid }) => pid);
    report(`zhumq dev in ${mode}: pid ${dev.pid}, brokers' pids ${pids.join(', ')}`);
    expect(new Set(pids).size).toBe(mode === 'processes' ? 3 : 1);
    bootstrap = ready.bootstrap;
  }

  async function withClient<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = await connect(bootstrap);
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  }

  const sendMore = (): Promise<void> =>
    withClient(async (client) => {
      const producer = client.producer();
      const values = Array.from({ length: MESSAGES }, () => ({ value: `message ${sent++}` }));
      await producer.send('kept', values);
    });

  const expectAll = (): Promise<void> =>
    withClient(async (client) => {
      const consumer = client.consumer({ topic: 'kept', from: 'earliest' });
      const read: string[] = [];
      await until(`${sent} messages are read`, async () => {
        for (const { value } of await consumer.fetch()) read.push(String(value));
        return read.length >= sent;
      });
      const all = Array.from({ length: sent }, (_, number) => `message ${number}`);
      expect(read.sort()).toEqual(all.sort());
    });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'has everything when it is started again at once after %s',
    async (signal) => {
      await sendMore();
      const ended = await dev.kill(signal);
      expect(ended).toEqual(
        signal === 'SIGTERM' ? { code: 0, signal: null } : { code: null, signal },
      );
      await start();
      await expectAll();
      await sendMore();
      await expectAll();
    },
  );
});
