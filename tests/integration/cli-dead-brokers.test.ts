// What the command says and how it ends when brokers are dead.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerProcess } from './support/server-process.js';
import { until } from './support/until.js';
import { ZhumqCommand } from './support/zhumq-command.js';
import type { Outcome } from './support/zhumq-command.js';

jest.setTimeout(180_000);

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'zhumq-cli-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('brokers that died', () => {
  interface DevReady {
    readonly bootstrap: string;
    readonly zkservers: readonly { readonly address: string }[];
    readonly brokers: readonly { readonly id: number; readonly pid: number }[];
  }

  test('are named; what needs them fails in time and says why', async () => {
    const data = join(directory, 'dying');
    const flags = ['--processes', '--restart-after', 'never', '--port', '0', '-o', 'json'];
    const dying = new ServerProcess(
      'dying',
      ['dev', '--data-dir', data, ...flags],
      join(directory, 'dying.log'),
    );
    try {
      const { bootstrap, zkservers, brokers } = await dying.start<DevReady>();
      const servers = [zkservers[0].address, bootstrap].join(',');
      const command = new ZhumqCommand({ ZHUMQ_BOOTSTRAP: servers });
      const created = await command.run(['topic', 'create', 't', '--replicas', '3', '-o', 'json']);
      expect(created.code).toBe(0);
      await command.run(['produce', 't'], 'a\nb\n');
      const { leader } = (JSON.parse(created.stdout) as { partitions: { leader: number }[] })
        .partitions[0];
      const victims = brokers.filter(({ id }) => id !== leader);
      process.kill(victims[0].pid, 'SIGKILL');
      const name = `broker ${victims[0].id}`;
      let health: Outcome | undefined;
      await until(
        `${name} is missed`,
        async () => {
          health = await command.run(['cluster', 'health', '-o', 'json']);
          return health.stdout.includes(`${name} (`);
        },
        { timeoutMs: 40_000, state: () => health },
      );
      expect(health?.code).toBe(1);
      expect(JSON.parse(String(health?.stdout))).toMatchObject({
        ok: false,
        brokers: { alive: 2 },
      });
      const to = String(victims[0].id);
      const elect = await command.run(['partition', 'elect', 't', '--partition', '0', '--to', to]);
      expect(elect.code).toBe(1);
      expect(elect.stderr).toContain(`${name} can not take over t-0`);
      // Those that answer, and only those.
      const living = brokers.map(({ id }) => id).filter((id) => id !== victims[0].id);
      expect(elect.stderr).toMatch(
        new RegExp(`one of brokers (${living.join(', ')}|${living.toReversed().join(', ')}),`),
      );
      const fewer = await command.run(['topic', 'create', 'few']);
      expect(fewer.code).toBe(0);
      expect(fewer.stderr).toContain('only 2 brokers are alive, so there are 2 replicas');
      const asked = await command.run(['topic', 'create', 'two', '--replicas', '2']);
      expect(asked.code).toBe(0);
      expect(asked.stderr).not.toContain('warning');
      const brave = await command.run(['consume', 't', '--from', 'earliest', '--timeout', '2s']);
      expect(brave).toMatchObject({ code: 0, stdout: 'a\nb\n' });
      expect(brave.stderr).not.toContain('warning');

      process.kill(victims[1].pid, 'SIGKILL');
      process.kill(brokers.find(({ id }) => id === leader)?.pid ?? 0, 'SIGKILL');
      const produced = await command.run(['produce', 't', '--timeout', '6s'], 'c\n');
      expect(produced.code).toBe(1);
      expect(produced.stderr).toMatch(
        /waiting for the acknowledgement of 1 message \(.*t-0.*\) \.\.\.$/m,
      );
      expect(produced.stderr).toContain('0 acknowledged of 1 sent');
      const unsent = ['produce', 't', '--acks', '0', '--timeout', '3s'];
      const dropped = await command.run(unsent, 'd\n');
      expect(dropped.code).toBe(1);
      expect(dropped.stderr).toContain('0 sent without acknowledgement of 1 sent');
      const consumed = await command.run(['consume', 't', '--from', 'earliest', '--timeout', '1s']);
      expect(consumed).toMatchObject({ code: 0, stdout: '' });
      expect(consumed.stderr).toMatch(
        /^zhumq: warning: there may be more messages in "t": partition 0 could not be read \(.+\)\. "zhumq partition describe t" .+\n$/m,
      );
    } finally {
      await dying.destroy();
    }
  });
});
