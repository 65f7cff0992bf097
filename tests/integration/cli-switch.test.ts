// The command against servers that say of switches what a test wants: outputs and exit codes.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { PartitionSwitch as WireSwitch } from '@zhumq/rpc';
import { ReplicationMode } from '@zhumq/rpc';
import { FakeCluster, replicaId } from '../../packages/client/src/testing/fake-cluster.fixture.js';
import { ZhumqCommand } from './support/zhumq-command.js';
import type { Outcome } from './support/zhumq-command.js';
import { until } from './support/until.js';

jest.setTimeout(60_000);

const { RAFT, FETCH } = ReplicationMode;

let cluster: FakeCluster;
beforeEach(async () => {
  cluster = await FakeCluster.start(3);
  cluster.addTopic('t', 2);
});
afterEach(() => cluster.close());

function zhumq(line: string): Promise<Outcome> {
  const servers = ['--bootstrap', cluster.bootstrap.replace('zhumq://', '')];
  return new ZhumqCommand().run([...line.split(' '), ...servers]);
}

const stateOf = (partition: number, state: string, reason = ''): WireSwitch => {
  const done = state === 'done';
  const mode = done ? FETCH : RAFT;
  return { partition, to: FETCH, state, reason, mode, generation: done ? 2 : 1, id: 'i' };
};

function script(...answers: WireSwitch[][]): void {
  const next = (): WireSwitch[] => (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
  cluster.switches = { begin: next, describe: next };
}

test('without --wait it prints what was begun', async () => {
  script([stateOf(0, 'seal'), stateOf(1, 'waiting')]);
  const { code, stdout, stderr } = await zhumq('partition mode t fetch');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '2 partitions: 2 begun\n' });
  expect(stdout).toMatch(/^PARTITION +FROM +TO +OUTCOME +STEP +GENERATION +MS +REASON\n/);
  expect(stdout).toMatch(/^1 +raft +fetch +begun +waiting +1 +- +-$/m);
});

test('with --wait it shows the steps on standard error and ends with one JSON object', async () => {
  script(
    [stateOf(0, 'seal'), stateOf(1, 'waiting')],
    [stateOf(0, 'close'), stateOf(1, 'waiting')],
    [stateOf(0, 'done'), stateOf(1, 'seal')],
    [stateOf(0, 'done'), stateOf(1, 'done')],
  );
  const { code, stdout, stderr } = await zhumq('partition mode t fetch --wait -o json');
  expect(code).toBe(0);
  const [one, other] = [0, 1].map((partition) => ({
    ...{ partition, from: 'raft', to: 'fetch', outcome: 'done', step: 'done', reason: '' },
    ...{ mode: 'fetch', generation: 2, durationMs: expect.any(Number) as number },
  }));
  expect(JSON.parse(stdout)).toEqual({
    ...{ topic: 't', to: 'fetch', dryRun: false },
    partitions: [one, other],
  });
  const steps = ['t-0 seal', 't-1 waiting', 't-0 close', 't-0 done', 't-1 seal', 't-1 done'];
  expect(stderr.split('\n').map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(
    expect.arrayContaining(steps),
  );
});

test('-o jsonl prints an object for each partition', async () => {
  script([stateOf(0, 'done'), stateOf(1, 'done')]);
  const { stdout } = await zhumq('partition mode t fetch --wait -o jsonl');
  const rows = stdout.trim().split('\n');
  expect(rows.map((row) => JSON.parse(row) as unknown)).toEqual([
    expect.objectContaining({ topic: 't', partition: 0, outcome: 'done' }),
    expect.objectContaining({ topic: 't', partition: 1, outcome: 'done' }),
  ]);
});

test('a refusal and a switch given up have a sentence each; exit code 3 when others are done', async () => {
  script(
    [stateOf(0, 'seal'), stateOf(1, 'refused', 'broker 3 is not alive')],
    [stateOf(0, 'done'), stateOf(1, 'refused', 'broker 3 is not alive')],
  );
  const partial = await zhumq('partition mode t fetch --wait -o json');
  expect(partial.code).toBe(3);
  expect(partial.stderr).toContain(
    'zhumq: the switch of t-1 to fetch was refused: broker 3 is not alive; it stays in mode raft\n',
  );
  // Once as data, once as a sentence.
  expect((partial.stdout + partial.stderr).split('broker 3 is not alive')).toHaveLength(3);
  script([stateOf(0, 'seal')], [stateOf(0, 'given-up', 'no majority')]);
  const none = await zhumq('partition mode t fetch --partition 0 --wait');
  expect(none.code).toBe(1);
  expect(none.stderr).toContain('was given up: no majority; it is in mode raft');
});

test('one that does not end in time says where it is, with exit code 6', async () => {
  script([stateOf(0, 'seal')]);
  const { code, stdout, stderr } = await zhumq('partition mode t fetch --wait --timeout 200ms');
  expect(code).toBe(6);
  expect(stdout).toMatch(/^0 +raft +fetch +timed-out +seal +1/m);
  expect(stderr).toContain('did not end within 0.2 s; it is at the step "seal"');
});

test('a dry run says what would be', async () => {
  const notBegun = { ...stateOf(0, 'waiting'), id: '' };
  script([notBegun, stateOf(1, 'refused', 'a reassignment is under way')]);
  const { code, stdout, stderr } = await zhumq('partition mode t fetch --wait --dry-run -o json');
  expect(code).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({
    dryRun: true,
    partitions: [{ outcome: 'would-begin', durationMs: null }, { outcome: 'refused' }],
  });
  expect(stderr).toContain('the switch of t-1 to fetch would be refused: a reassignment');
  script([notBegun, stateOf(1, 'seal')]);
  const again = await zhumq('partition mode t fetch --dry-run -o json');
  expect(JSON.parse(again.stdout)).toMatchObject({
    partitions: [{ outcome: 'would-begin' }, { outcome: 'under-way', step: 'seal' }],
  });
});

test('what is not there has exit code 4', async () => {
  script([]);
  expect((await zhumq('partition mode t fetch --partition 2')).code).toBe(4);
  expect((await zhumq('partition mode nope fetch')).code).toBe(4);
});

test('partition describe shows mode, generation, members, and what is under way', async () => {
  Object.assign(cluster.partition('t', 1), {
    ...{ mode: FETCH, generation: 2, sealed: true },
    info: {
      isr: [replicaId(1, 1), replicaId(1, 2)],
      elr: [replicaId(1, 3)],
      transition: { id: 'x', to: RAFT, phase: 'seal' },
      lastSwitch: { id: 'w', to: RAFT, done: false, reason: 'it took too long' },
      possibleLoss: 'all were off at noon',
    },
  });
  const { code, stdout, stderr } = await zhumq('partition describe t');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^0 +raft +1 +1 +1 +0 +0 +- +1 +leader +voter +0 +0 +-$/m);
  expect(stdout).toMatch(/^1 +fetch +2 +2 .*to raft: seal, sealed +1 +follower +isr/m);
  expect(stdout).toMatch(/ 3 +follower +elr /);
  expect(stderr).toContain('t-1: acknowledged messages may have been lost: all were off at noon');
  expect(stderr).toContain('t-1: the last switch, to raft, was given up: it took too long');
  const json = await zhumq('partition describe t --partition 1 -o json');
  expect(JSON.parse(json.stdout)).toEqual([
    expect.objectContaining({
      ...{ mode: 'fetch', generation: 2, isr: [1, 2], elr: [3], voters: [], sealed: true },
      ...{ transition: { id: 'x', to: 'raft', phase: 'seal' }, seal: null },
      replicas: expect.arrayContaining([
        expect.objectContaining({ broker: 2, role: 'leader', mode: 'fetch', lag: 0 }),
      ]) as unknown,
    }),
  ]);
});

test('topic create --mode fetch makes one; topic alter says what changed', async () => {
  const created = await zhumq('topic create f --mode fetch --config flush=os');
  expect(created).toMatchObject({ code: 0 });
  expect(created.stdout).toContain('mode fetch');
  const altered = await zhumq('topic alter f --config retention.ms=1d --config flush=os');
  expect(altered).toMatchObject({ code: 0 });
  expect(altered.stdout).toContain('changed retention.ms from its default to 1d\n');
  expect(altered.stdout).not.toContain('changed flush');
});

test('a signal during --wait ends the looking on, not the switch', async () => {
  script([stateOf(0, 'seal')]);
  const servers = ['--bootstrap', cluster.bootstrap.replace('zhumq://', '')];
  const running = new ZhumqCommand().start([
    'partition',
    'mode',
    't',
    'fetch',
    '--wait',
    ...servers,
  ]);
  await until('the first step is told', () => running.stderr().includes('t-0 seal'));
  running.child.kill('SIGINT');
  const { code, stderr } = await running.ended;
  expect(code).toBe(130);
  expect(stderr).toContain('the switch goes on without this command');
});

describe('scripts/switch-mode.sh', () => {
  const SWITCH_MODE = join(__dirname, '../../scripts/switch-mode.sh');
  const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync('bash', [SWITCH_MODE, ...args], { encoding: 'utf8', timeout: 30_000 });

  test('explains itself', () => {
    const { status, stdout } = run('--help');
    expect(status).toBe(0);
    expect(stdout).toContain('Usage: scripts/switch-mode.sh TOPIC raft|fetch');
  });

  test.each([
    [[], 'TOPIC is missing'],
    [['orders'], 'the mode is missing'],
    [['orders', 'quorum'], 'the mode is raft or fetch, not "quorum"'],
    [['--wait', 'orders'], 'TOPIC comes first, not "--wait"'],
  ])('refuses %j', (args, sentence) => {
    const { status, stdout, stderr } = run(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(sentence);
  });
});
