// Consumer groups from the command line, on real processes: members that pull and members that are pushed to share a topic,
// end in every way there is, and what they printed is what the group goes on behind.
import { ClusterProcesses } from './support/cluster-processes.js';
import { until } from './support/until.js';
import { ZhumqCommand } from './support/zhumq-command.js';
import type { Running } from './support/zhumq-command.js';

// Each test runs the command several times, on machines that are busy.
jest.setTimeout(240_000);

const PARTITIONS = 4;

interface Described {
  readonly state: string;
  readonly messages: number;
  readonly members: readonly { clientId: string; owned: readonly { partition: number }[] }[];
  readonly partitions: readonly { partition: number; committed: number; messages: number }[];
}

let cluster: ClusterProcesses;
let zhumq: ZhumqCommand;
let nextValue = 0;
const started: Running[] = [];

beforeAll(async () => {
  cluster = await ClusterProcesses.start({
    ...{ brokers: 3, zkservers: 1, zookeepers: 1 },
    zkserverFlags: ['--session-timeout', '3s'],
    brokerFlags: ['--session-timeout', '3s'],
  });
  zhumq = new ZhumqCommand({ ZHUMQ_BOOTSTRAP: cluster.bootstrap });
});

afterAll(async () => {
  for (const { child } of started) child.kill('SIGKILL');
  await cluster?.destroy();
});

async function ok(line: string, input = ''): Promise<string> {
  const { code, stdout, stderr } = await zhumq.run(line.split(' '), input);
  expect({ line, code, stderr: code === 0 ? '' : stderr }).toEqual({ line, code: 0, stderr: '' });
  return stdout;
}

async function topicOf(name: string): Promise<string> {
  await ok(`topic create ${name} --partitions ${PARTITIONS}`);
  return name;
}

/** Sends so many messages, each with a key of its own; their values. */
async function produce(topic: string, count: number): Promise<string[]> {
  const values = Array.from({ length: count }, () => `${nextValue++}`);
  await ok(
    `produce ${topic} --key-separator :`,
    values.map((value) => `k${value}:${value}`).join('\n'),
  );
  return values;
}

function start(line: string): Running {
  const running = zhumq.start(line.split(' '));
  started.push(running);
  return running;
}

async function describe_(group: string): Promise<Described> {
  return JSON.parse(await ok(`group describe ${group} -o json`)) as Described;
}

/** Resolves when the group has so many members, and each has its share. */
async function shared(group: string, members: number): Promise<Described> {
  return until(
    `${members} members share the partitions of ${group}`,
    async () => {
      const { code, stdout } = await zhumq.run(['group', 'describe', group, '-o', 'json']);
      if (code !== 0) return undefined;
      const found = JSON.parse(stdout) as Described;
      const shares = found.members.map(({ owned }) => owned.length);
      const whole = shares.reduce((sum, share) => sum + share, 0) === PARTITIONS;
      return found.state === 'stable' && shares.length === members && whole ? found : undefined;
    },
    { timeoutMs: 60_000 },
  );
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const printedBy = (...running: Running[]): string[] =>
  running.flatMap((one) => linesOf(one.stdout()));
const inOrder = (values: readonly string[]): string[] =>
  values.toSorted((one, other) => Number(one) - Number(other));

function allPrinted(sent: readonly string[], ...running: Running[]): Promise<unknown> {
  return until(
    `all ${sent.length} messages are printed`,
    () => {
      const printed = new Set(printedBy(...running));
      return sent.every((value) => printed.has(value));
    },
    { timeoutMs: 60_000, state: () => printedBy(...running).length },
  );
}

test('one member pulls and one is pushed to; one is ended while messages come: nothing twice, nothing missing', async () => {
  const topic = await topicOf('shared');
  const flags = '--group team --session-timeout 5s';
  const pulls = start(`consume ${topic} ${flags}`);
  const pushed = start(`consume ${topic} ${flags} --delivery push`);
  const { members } = await shared('team', 2);
  expect(members.map(({ owned }) => owned.length)).toEqual([2, 2]);
  expect(members.map(({ clientId }) => clientId).sort()).toEqual(
    [pulls, pushed].map(({ child }) => `zhumq consume (${child.pid})`).sort(),
  );
  const sent = await produce(topic, 200);
  await allPrinted(sent, pulls, pushed);
  for (const member of [pulls, pushed]) expect(linesOf(member.stdout()).length).toBeGreaterThan(20);

  const writing = start(`produce ${topic} --key-separator :`);
  const feed = setInterval(() => {
    const value = `${nextValue++}`;
    sent.push(value);
    writing.child.stdin.write(`k${value}:${value}\n`);
  }, 2);
  await until('some of it is printed', () => printedBy(pulls, pushed).length > 300);
  pulls.child.kill('SIGTERM');
  expect(await pulls.ended).toMatchObject({ code: 0 });
  const before = printedBy(pushed).length;
  await until('the other one has all of it', () => printedBy(pushed).length > before + 200);
  clearInterval(feed);
  writing.child.stdin.end();
  expect(await writing.ended).toMatchObject({ code: 0 });
  await allPrinted(sent, pulls, pushed);
  pushed.child.kill('SIGINT');
  expect(await pushed.ended).toMatchObject({ code: 130 });
  expect(inOrder(printedBy(pulls, pushed))).toEqual(inOrder(sent));
  // Everything that was printed is committed, and both have left.
  expect(await describe_('team')).toMatchObject({ state: 'empty', messages: 0, members: [] });
});

test('one that is killed without a word: the other prints what is left, and again only what was not committed', async () => {
  const topic = await topicOf('killed');
  const flags = '--group crew --session-timeout 3s';
  const dies = start(`consume ${topic} ${flags} --delivery push`);
  const stays = start(`consume ${topic} ${flags}`);
  await shared('crew', 2);
  const sent = await produce(topic, 200);
  await allPrinted(sent, dies, stays);
  await until('all of it is committed', async () => (await describe_('crew')).messages === 0);
  dies.child.kill('SIGKILL');
  sent.push(...(await produce(topic, 200)));
  await allPrinted(sent, dies, stays);
  await shared('crew', 1);
  stays.child.kill('SIGTERM');
  expect(await stays.ended).toMatchObject({ code: 0 });
  // It was idle and had committed when it died.
  expect(inOrder(printedBy(dies, stays))).toEqual(inOrder(sent));
});

test.each(['pull', 'push'])(
  'by %s: --timeout and --max end with 0 and commit what was printed; lag tells it',
  async (delivery) => {
    const topic = await topicOf(`ends-${delivery}`);
    const group = `g-${delivery}`;
    const consume = `consume ${topic} --group ${group} --delivery ${delivery}`;
    const sent = await produce(topic, 100);
    const some = linesOf(await ok(`${consume} --max 30`));
    expect(some).toHaveLength(30);
    const lag = JSON.parse(await ok(`group lag ${group} -o json`)) as Described;
    expect(lag).toMatchObject({ group, messages: 70 });
    const rest = linesOf(await ok(`${consume} --timeout 1`));
    expect(inOrder([...some, ...rest])).toEqual(inOrder(sent));
    expect(await ok(`${consume} --timeout 1`)).toBe('');
    const after = await zhumq.run(['group', 'lag', group]);
    expect(after.code).toBe(0);
    expect(after.stderr).toContain(`group "${group}" has read everything\n`);
    expect(after.stdout).toMatch(/^TOPIC +PARTITION +POSITION +END +LAG +BEHIND/);
    // Another group has them all, and --from counts only where it has no position.
    const other = `consume ${topic} --group other-${delivery} --timeout 1`;
    expect(await ok(`${other} --from latest`)).toBe('');
    const more = await produce(topic, 5);
    const goesOn = await zhumq.run(`${other} --from earliest`.split(' '));
    expect(inOrder(linesOf(goesOn.stdout))).toEqual(inOrder(more));
    expect(goesOn.stderr).toContain('--from earliest counts only where it has no position');
  },
);

test('an output that nobody reads any more ends it with 0; what was not written comes again', async () => {
  const topic = await topicOf('head');
  const large = Array.from({ length: 300 }, (_, index) => `${index}`.padEnd(1_000, '.'));
  await ok(`produce ${topic} --partition 0`, large.join('\n'));
  const closed = start(`consume ${topic} --group headed`);
  await until('it prints', () => closed.stdout() !== '');
  closed.child.stdout.destroy();
  const more = await produce(topic, 50);
  expect(await closed.ended).toMatchObject({ code: 0 });
  expect(await describe_('headed')).toMatchObject({ state: 'empty', members: [] });
  const again = linesOf(await ok(`consume ${topic} --group headed --timeout 1`));
  expect(inOrder(again.filter((value) => !large.includes(value)))).toEqual(inOrder(more));
  // What was written comes once, and what was not written has no gap.
  const rest = again.filter((value) => large.includes(value));
  expect(rest).toEqual(large.slice(large.length - rest.length));
  const whole = linesOf(closed.stdout()).filter((value) => large.includes(value));
  expect(whole.length + rest.length).toBeLessThanOrEqual(large.length);
});

test('list, reset and delete', async () => {
  const topic = await topicOf('moved');
  const sent = await produce(topic, 40);
  await ok(`consume ${topic} --group mover --timeout 1`);
  const [listed] = (await zhumq.jsonl<{ group: string }>(['group', 'list', '-o', 'jsonl'])).filter(
    ({ group }) => group === 'mover',
  );
  expect(listed).toMatchObject({ state: 'empty', members: 0, topics: [topic] });
  const all = `group reset mover --topic ${topic}`;
  const planned = JSON.parse(await ok(`${all} --to earliest --dry-run -o json`)) as {
    partitions: { from: number; to: number }[];
  };
  expect(planned).toMatchObject({ group: 'mover', dryRun: true });
  expect(planned.partitions).toHaveLength(PARTITIONS);
  for (const { from, to } of planned.partitions) expect([from > 0, to]).toEqual([true, 0]);
  expect((await describe_('mover')).messages).toBe(0);
  await ok(`${all} --to earliest --yes`);
  expect(inOrder(linesOf(await ok(`consume ${topic} --group mover --timeout 1`)))).toEqual(
    inOrder(sent),
  );
  await ok(`${all} --partition 0 --partition 1 --to -1 --yes`);
  expect((await describe_('mover')).messages).toBe(2);
  await ok(`${all} --to -1h --yes`);
  await ok(`${all} --to latest --yes`);
  expect((await describe_('mover')).messages).toBe(0);
  const beyond = await zhumq.run(`${all} --to 100000 --yes -o jsonl`.split(' '));
  expect(beyond.code).toBe(1);
  expect(beyond.stdout).toContain('is outside of');

  const member = start(`consume ${topic} --group mover`);
  await shared('mover', 1);
  for (const line of [`${all} --to earliest --yes`, 'group delete mover --yes']) {
    const { code, stderr } = await zhumq.run(line.split(' '));
    expect({ line, code }).toEqual({ line, code: 1 });
    expect(stderr).toContain('GROUP_NOT_EMPTY');
    expect(stderr).toContain('Stop its consumers first');
  }
  member.child.kill('SIGTERM');
  await member.ended;
  expect(await ok('group delete mover --dry-run')).toBe('group "mover" would be deleted\n');
  expect(await ok('group delete mover --yes')).toBe('group "mover" is deleted\n');
  expect(await ok('group delete mover --if-exists --yes')).toBe('group "mover" was not there\n');
  for (const line of [
    'group describe mover',
    'group lag mover',
    'group lag mover --watch',
    'group delete mover --yes',
    `${all} --to earliest --yes`,
  ]) {
    const { code, stderr } = await zhumq.run(line.split(' '));
    expect({ line, code }).toEqual({ line, code: 4 });
    expect(stderr).toContain('UNKNOWN_GROUP');
  }
  await ok(`${all} --to latest --create --yes`);
  expect(await ok(`consume ${topic} --group mover --timeout 1`)).toBe('');
});

test('lag --watch goes on until a signal: a line for each look, or an object', async () => {
  const topic = await topicOf('watched');
  await produce(topic, 10);
  await ok(`consume ${topic} --group seen --max 4`);
  const lines = start('group lag seen --watch --interval 100ms');
  const objects = start('group lag seen --watch --interval 100ms -o jsonl');
  await until('both look again and again', () =>
    [lines, objects].every((one) => linesOf(one.stdout()).length > 2),
  );
  expect(linesOf(lines.stdout())[0]).toMatch(/^\d{4}-.*Z {2}seen {2}6 messages, \d+ s$/);
  const [first] = linesOf(objects.stdout());
  expect(JSON.parse(first)).toMatchObject({ group: 'seen', messages: 6 });
  lines.child.kill('SIGINT');
  objects.child.kill('SIGTERM');
  expect(await lines.ended).toMatchObject({ code: 130 });
  expect(await objects.ended).toMatchObject({ code: 0 });
});
