// The command without a cluster: help, wrong command lines, servers that do not answer.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ZhumqCommand } from './support/zhumq-command.js';

// Each test runs the command several times, on machines that are busy.
jest.setTimeout(180_000);

const zhumq = new ZhumqCommand();
/** Nothing listens there: the port is reserved. */
const NOBODY = '127.0.0.1:1';

const VERBS = [
  ...['dev', 'zkserver', 'broker', 'produce', 'consume', 'completion'],
  ...['topic create', 'topic list', 'topic describe', 'topic alter', 'topic delete'],
  ...['group list', 'group describe', 'group lag', 'group reset', 'group delete'],
  ...['partition describe', 'partition elect', 'partition mode'],
  ...['cluster describe', 'cluster health'],
  ...['log verify', 'log dump', 'zk dump', 'config print'],
  ...['bench produce', 'bench consume', 'bench e2e'],
];

test.each(VERBS)('zhumq %s --help says what it does, on standard output', async (verb) => {
  const { code, stdout, stderr } = await zhumq.run([...verb.split(' '), '--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain(`zhumq ${verb}`);
  expect(stdout).toContain('Options:');
});

test.each([
  ['topic create --help', []],
  ['produce --help', []],
  ['config print broker', ['broker', 'zkserver']],
])('zhumq %s loads of the servers: %j', (line, expected) => {
  const run = join(__dirname, '../../packages/cli/dist/run-command.js');
  const script = `require(${JSON.stringify(run)}).runCommand(${JSON.stringify(line.split(' '))}).then(() => {
    const files = Object.keys(require.cache).join('\\n');
    const loaded = ['broker', 'zkserver'].filter((name) => files.includes('/packages/' + name + '/'));
    console.log('\\n' + JSON.stringify(loaded));
  })`;
  const output = execFileSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(JSON.parse(output.trim().split('\n').at(-1) ?? '')).toEqual(expected);
});

test('--version is the version, --help lists every noun and the exit codes', async () => {
  const { version } = jest.requireActual<{ version: string }>('../../packages/cli/package.json');
  expect(await zhumq.run(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  const { stdout } = await zhumq.run(['--help']);
  for (const verb of VERBS) expect(stdout).toContain(`zhumq ${verb.split(' ')[0]}`);
  expect(stdout).toContain('Exit codes: 0 ok, 1 failed');
});

test.each([
  ['', 'Name a command'],
  ['topci list', 'There is no "zhumq topci"; did you mean "topic"?'],
  ['topic', 'Say what to do: zhumq topic create|list|describe|alter|delete'],
  ['topic craete x', 'There is no "zhumq topic craete"; did you mean "create"?'],
  ['topic create', 'An argument is missing: zhumq topic create <topic>'],
  ['topic create x y', '"y" is neither an argument nor a flag of "zhumq topic create"'],
  ['topic create x --partitons 3', 'did you mean --partitions?'],
  ['topic create x --partitions', '--partitions needs a value'],
  ['topic create x --partitions two', '--partitions is a whole number from 1 to 10000; "two"'],
  ['topic create x --partitions 1 --partitions 2', '--partitions is given twice'],
  ['topic create x --mode quorum', '--mode is one of raft, fetch; "quorum" is not'],
  ['topic create a/b', '"a/b" can not be a topic\'s name: it has "/"'],
  ['topic create __x', 'names with "__" are kept for zhumq itself'],
  ['topic create x --config retention.mss=1d', 'did you mean retention.ms?'],
  ['topic create x --config segment.bytes=1', 'segment.bytes=1 is not allowed: it takes 64KiB'],
  ['topic list -o yaml', '--output is one of table, wide, json, jsonl; "yaml" is not'],
  ['topic list --timeout soon', '--timeout is a duration such as 500ms'],
  ['topic list --bootstrap nowhere', '--bootstrap is HOST:PORT'],
  ['topic alter x', '"zhumq topic alter" needs --config'],
  ['topic delete x', 'give --yes'],
  ['partition elect x', '"zhumq partition elect" needs --partition'],
  [
    'partition elect x --partion 0',
    '"--partion" is no flag of "zhumq partition elect"; did you mean',
  ],
  ['partition describe x --partion 0', 'did you mean --partition?'],
  ['partition mode x', 'An argument is missing: zhumq partition mode <topic> <mode>'],
  ['partition mode x quorum', 'mode is one of raft, fetch; "quorum" is not'],
  ['partition mode fetch x', 'mode is one of raft, fetch; "x" is not'],
  ['partition mode x raft --partition all', '--partition is a whole number'],
  ['partition mode x raft --parallel 0', '--parallel is a whole number from 1 to 1000'],
  ['partition mode x raft --wait --timeout soon', '--timeout is a duration'],
  ['produce', 'An argument is missing: zhumq produce <topic>'],
  ['produce x --acks 2', '--acks is one of'],
  ['produce x --header a', '--header takes NAME=VALUE'],
  ['consume x --from yesterday', '--from is earliest, latest, an offset'],
  ['consume x --max 0', '--max is a whole number from 1 on'],
  ['consume x --group g --partition 0', 'leave --partition out, or read it without --group'],
  ['consume x --instance-id a', '--instance-id is for a member of a group'],
  ['consume x --group g --session-timeout 1h', '--session-timeout is a time from 1s to 30m'],
  ['consume x --delivery carrier-pigeon', '--delivery is one of pull, push'],
  ['group', 'Say what to do: zhumq group list|describe|lag|reset|delete'],
  ['group descrbe x', 'did you mean "describe"?'],
  ['group describe', 'An argument is missing: zhumq group describe <group>'],
  ['group lag x --wacth', 'did you mean --watch?'],
  ['group lag x --watch --interval soon', '--interval is a duration'],
  ['group reset x', '"zhumq group reset" needs --to'],
  ['group reset x --topic t --to yesterday', '--to is earliest, latest, none, an offset'],
  ['group reset x --to 5 --yes', '--to with an offset needs the topic that it is of'],
  ['group reset x --partition 1 --to none --yes', '--partition needs the topic that it is of'],
  ['group reset x --topic t --partition one --to none --yes', '--partition is a whole number'],
  ['group reset x --topic t --to -5', 'give --yes'],
  ['group delete x', 'give --yes'],
  ['log verify', 'An argument is missing: zhumq log verify <dir>'],
  ['log verify /', 'is no folder of a partition'],
  ['zk dump topics', 'A path begins with "/"'],
  ['config print brokr', 'server is one of broker, zkserver; "brokr" is not'],
])('"zhumq %s" is refused with a sentence', async (line, sentence) => {
  const { code, stdout, stderr } = await zhumq.run(line.split(' ').filter((word) => word !== ''));
  expect(stderr).toContain(sentence);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

test.each([
  ['topic list', 6],
  ['produce x', 6],
  ['consume x', 6],
  ['cluster describe', 6],
  ['zk dump', 6],
])('"zhumq %s" without a server ends soon and says how to start one', async (line, exit) => {
  const flags = ['--bootstrap', NOBODY, '--connect-timeout', '3s'];
  const { code, stdout, stderr, ms } = await zhumq.run([...line.split(' '), ...flags]);
  expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
  expect(stderr).toContain(NOBODY);
  expect(stderr).toContain('Start a cluster with "zhumq dev"');
  // Nothing is silent for more than 2 s.
  expect(stderr).toContain(`waiting for an answer of ${NOBODY}`);
  expect(ms).toBeLessThan(20_000);
});

test('a cluster that does not answer is not healthy', async () => {
  const flags = ['--bootstrap', NOBODY, '--connect-timeout', '500ms', '-o', 'json'];
  const { code, stdout } = await zhumq.run(['cluster', 'health', ...flags]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    ok: false,
    problems: [expect.stringContaining('does not answer')],
  });
});

test('a folder that is not there is "not found"', async () => {
  const { code, stderr } = await zhumq.run(['log', 'verify', '/nowhere/at/all']);
  expect(code).toBe(4);
  expect(stderr).toContain('there is no folder /nowhere/at/all');
});

test('a signal ends the waiting for a server with 130', async () => {
  const running = zhumq.start(['topic', 'list', '--bootstrap', NOBODY, '--connect-timeout', '1m']);
  await new Promise<void>((resolve) => running.child.stderr.once('data', () => resolve()));
  running.child.kill('SIGINT');
  expect(await running.ended).toMatchObject({ code: 130 });
});

test('produce --dry-run reads and checks, and needs no cluster', async () => {
  const args = ['produce', 'x', '--dry-run', '--key-separator', ':', '--bootstrap', NOBODY];
  expect(await zhumq.run(args, 'a:1\nb:2')).toMatchObject({
    code: 0,
    stderr: '2 would be sent to "x"\n',
  });
  const refused = await zhumq.run(args, 'a:1\nb2\n');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('line 2 has no ":"');
});

test.each(['bash', 'zsh'])('completion prints a script for %s', async (shell) => {
  const { code, stdout } = await zhumq.run(['completion', shell]);
  expect(code).toBe(0);
  expect(stdout).toContain('--get-yargs-completions');
});

test('the shell is told verbs and flags', async () => {
  const complete = async (...words: string[]): Promise<string[]> =>
    (await zhumq.run(['--get-yargs-completions', 'zhumq', ...words])).stdout.split('\n');
  expect(await complete('')).toEqual(expect.arrayContaining(['topic', 'produce', 'consume']));
  expect(await complete('topic', '')).toEqual(expect.arrayContaining(['create', 'delete']));
  expect(await complete('group', '')).toEqual(expect.arrayContaining(['lag', 'reset']));
  expect(await complete('group', 'reset', 'g', '--')).toEqual(
    expect.arrayContaining(['--to', '--dry-run']),
  );
  expect(await complete('consume', 't', '--')).toEqual(
    expect.arrayContaining(['--from', '--timeout']),
  );
});

test('config print shows the origin of each value', async () => {
  const command = new ZhumqCommand({ ZHUMQ_RAFT__TICK__MS: '40ms' });
  const { code, stdout } = await command.run(['config', 'print', 'broker', '-o', 'json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toContainEqual({
    name: 'raft.tick.ms',
    value: '40ms',
    origin: 'environment ZHUMQ_RAFT__TICK__MS',
  });
});
