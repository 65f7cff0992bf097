// Every verb of the command against a development cluster of three brokers.
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerProcess } from './support/server-process.js';
import { until } from './support/until.js';
import { ZhumqCommand } from './support/zhumq-command.js';
import type { Running } from './support/zhumq-command.js';

// Each test runs the command several times, on machines that are busy.
jest.setTimeout(180_000);

interface Printed {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: unknown;
  readonly value: unknown;
  readonly headers: Record<string, unknown[]>;
}

const LINES = Array.from({ length: 10_000 }, (_, index) => `line ${index} ü`);
let directory: string;
let dev: ServerProcess;
let zhumq: ZhumqCommand;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'zhumq-cli-'));
  const args = ['dev', '--port', '0', '--data-dir', join(directory, 'data'), '-o', 'json'];
  dev = new ServerProcess('dev', args, join(directory, 'dev.log'));
  const { bootstrap } = await dev.start<{ bootstrap: string }>();
  zhumq = new ZhumqCommand({ ZHUMQ_BOOTSTRAP: bootstrap });
});

afterAll(async () => {
  await dev.destroy();
  rmSync(directory, { recursive: true, force: true });
});

/** Makes a topic; its name. */
async function topicOf(name: string, partitions = 1): Promise<string> {
  const flags = ['--partitions', String(partitions), '--replicas', '3', '--mode', 'raft'];
  const { code, stdout, stderr } = await zhumq.run([
    'topic',
    'create',
    name,
    ...flags,
    '-o',
    'json',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ topic: name, created: true, ready: true });
  return name;
}

const consumeAll = (topic: string, ...flags: string[]): Promise<Printed[]> =>
  zhumq.jsonl(['consume', topic, '--from', 'earliest', '--timeout', '2s', '-o', 'jsonl', ...flags]);

const says = (running: Running, text: string): Promise<boolean> =>
  until(`"${text}"`, () => (running.stdout() + running.stderr()).includes(text));

describe('topics', () => {
  test('are created, listed, described, altered and deleted', async () => {
    const topic = await topicOf('verbs', 3);
    const [row] = (
      await zhumq.jsonl<Record<string, unknown>>(['topic', 'list', '-o', 'jsonl'])
    ).filter((one) => one.topic === topic);
    expect(row).toMatchObject({ partitions: 3, replicas: 3, mode: 'raft', withoutLeader: 0 });
    const config = ['--config', 'retention.ms=1d', '--config', 'segment.bytes=1MiB'];
    const altered = await zhumq.run(['topic', 'alter', topic, ...config]);
    expect(altered).toMatchObject({ code: 0 });
    const [described] = await zhumq.jsonl<{ config: object; partitions: unknown[] }>([
      ...['topic', 'describe', topic, '-o', 'json'],
    ]);
    expect(described.config).toEqual({ 'retention.ms': '1d', 'segment.bytes': '1MiB' });
    expect(described.partitions).toHaveLength(3);
    const back = await zhumq.run([
      'topic',
      'alter',
      topic,
      '--config',
      'retention.ms=',
      '-o',
      'json',
    ]);
    expect(JSON.parse(back.stdout)).toMatchObject({ config: { 'segment.bytes': '1MiB' } });
    expect(await zhumq.run(['topic', 'delete', topic, '--yes'])).toMatchObject({
      code: 0,
      stdout: 'topic "verbs" is deleted\n',
    });
    expect(await zhumq.run(['topic', 'describe', topic])).toMatchObject({ code: 4, stdout: '' });
  });

  test('that exist are an error, except with --if-not-exists', async () => {
    const topic = await topicOf('twice');
    const again = await zhumq.run(['topic', 'create', topic]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('TOPIC_EXISTS');
    const tolerated = await zhumq.run(['topic', 'create', topic, '--if-not-exists', '-o', 'json']);
    expect(tolerated.code).toBe(0);
    expect(JSON.parse(tolerated.stdout)).toMatchObject({ created: false });
  });

  test('that are not there are "not found"', async () => {
    for (const line of [
      'topic describe nope',
      'topic delete nope --yes',
      'topic alter nope --config retention.ms=1d',
      'partition describe nope',
      'partition elect nope --partition 0 --to 1',
      'produce nope',
      'consume nope --from earliest --timeout 1',
    ]) {
      const { code, stderr } = await zhumq.run(line.split(' '));
      expect({ line, code }).toEqual({ line, code: 4 });
      expect(stderr).toContain('UNKNOWN_TOPIC');
    }
    const gone = await zhumq.run(['topic', 'delete', 'nope', '--if-exists', '--yes']);
    expect(gone).toMatchObject({ code: 0, stdout: 'topic "nope" was not there\n' });
    const dry = await zhumq.run(['topic', 'delete', 'nope', '--if-exists', '--dry-run']);
    expect(dry).toMatchObject({ code: 0, stdout: 'topic "nope" was not there\n' });
  });

  test('dry runs change nothing', async () => {
    const planned = await zhumq.run(['topic', 'create', 'planned', '--dry-run', '-o', 'json']);
    expect(planned.code).toBe(0);
    expect(JSON.parse(planned.stdout)).toMatchObject({ dryRun: true, created: false });
    expect(await zhumq.run(['topic', 'describe', 'planned'])).toMatchObject({ code: 4 });
    const topic = await topicOf('kept');
    await zhumq.run(['topic', 'alter', topic, '--config', 'retention.ms=1d', '--dry-run']);
    await zhumq.run(['topic', 'delete', topic, '--dry-run']);
    const [described] = await zhumq.jsonl<{ config: object }>([
      'topic',
      'describe',
      topic,
      '-o',
      'json',
    ]);
    expect(described.config).toEqual({});
  });
});

describe('produce and consume', () => {
  test('10,000 lines come back as they were, in order', async () => {
    const topic = await topicOf('lines');
    const input = Buffer.from(LINES.join('\n'));
    const produced = await zhumq.run(['produce', topic, '--acks', '-1'], input);
    expect(produced).toMatchObject({ code: 0, stdout: '', stderr: '10000 acknowledged\n' });
    const consumed = await zhumq.run(['consume', topic, '--from', 'earliest', '--max', '10000']);
    expect(consumed.code).toBe(0);
    expect(consumed.bytes.equals(Buffer.from(`${input}\n`))).toBe(true);
    const messages = await consumeAll(topic);
    expect(messages.map(({ value }) => value).join('\n')).toBe(LINES.join('\n'));
    const offsets = messages.map(({ offset }) => offset);
    expect(offsets).toEqual([...offsets].sort((one, other) => one - other));
    expect(messages[0]).toMatchObject({ topic, partition: 0, key: null, headers: {} });
    expect(typeof messages[0].timestamp).toBe('number');
  });

  test('keys go to their partitions and keep their order', async () => {
    const topic = await topicOf('keys', 3);
    const input = Array.from({ length: 300 }, (_, index) => `k${index % 10}\t${index}`).join('\n');
    const args = ['produce', topic, '--key-separator', '\\t', '--compression', 'lz4'];
    expect(await zhumq.run(args, input)).toMatchObject({ code: 0 });
    const messages = await consumeAll(topic);
    expect(messages).toHaveLength(300);
    for (let key = 0; key < 10; key++) {
      const own = messages.filter((message) => message.key === `k${key}`);
      expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
      expect(own.map(({ value }) => Number(value) % 10)).toEqual(own.map(() => key));
      expect(own.map(({ value }) => Number(value))).toEqual(
        own.map(({ value }) => Number(value)).sort((one, other) => one - other),
      );
    }
    const partition = String(messages[0].partition);
    const alone = await consumeAll(topic, '--partition', partition);
    expect(alone).toEqual(messages.filter((message) => String(message.partition) === partition));
  });

  test('any byte, carriage returns, empty lines, headers and chosen partitions', async () => {
    const topic = await topicOf('bytes', 2);
    const input = Buffer.from('\xff\x00\n\r\n\nlast', 'latin1');
    const headers = ['--header', 'a=1', '--header', 'a=2', '-H', 'b=x=y'];
    const args = ['produce', topic, '--partition', '1', ...headers, '--compression', 'gzip'];
    expect(await zhumq.run(args, input)).toMatchObject({ code: 0, stderr: '4 acknowledged\n' });
    const messages = await consumeAll(topic);
    const values = [{ base64: '/wA=' }, '\r', '', 'last'];
    expect(messages.map(({ value }) => value)).toEqual(values);
    for (const message of messages)
      expect(message).toMatchObject({ partition: 1, headers: { a: ['1', '2'], b: ['x=y'] } });
    const { bytes } = await zhumq.run(['consume', topic, '--from', 'earliest', '--max', '4']);
    expect(bytes.toString('latin1')).toBe('\xff\x00\n\r\n\nlast\n');
  });

  test.each(['1', '0'])('acks %s', async (acks) => {
    const topic = await topicOf(`acks-${acks}`);
    const { code, stderr } = await zhumq.run(['produce', topic, '--acks', acks], 'a\nb\n');
    expect(code).toBe(0);
    expect(stderr).toBe(acks === '0' ? '2 sent without acknowledgement\n' : '2 acknowledged\n');
    expect((await consumeAll(topic)).map(({ value }) => value)).toEqual(['a', 'b']);
  });

  test('receipts tell where each line is', async () => {
    const topic = await topicOf('receipts');
    const { code, stdout } = await zhumq.run(['produce', topic, '-o', 'jsonl'], 'a\nb\n');
    expect(code).toBe(0);
    const receipts = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Printed);
    const messages = await consumeAll(topic);
    expect(receipts.map(({ offset }) => offset)).toEqual(messages.map(({ offset }) => offset));
  });

  test('a message that is too large ends it, and the exit code says how far it came', async () => {
    const topic = await topicOf('large');
    const large = 'x'.repeat(2 ** 20 + 1);
    const partly = await zhumq.run(['produce', topic], `a\n${large}\n`);
    expect(partly.code).toBe(3);
    expect(partly.stderr).toContain('line 2: ');
    expect(partly.stderr).toContain('1 acknowledged of 2 sent');
    const none = await zhumq.run(['produce', topic], large);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('0 acknowledged of 1 sent');
  });

  test('where to begin: latest, an offset, a time, a time ago', async () => {
    const topic = await topicOf('from');
    await zhumq.run(['produce', topic], 'a\nb\n');
    const producedMs = Date.now();
    await until('the clock goes on', () => Date.now() > producedMs);
    const between = new Date().toISOString();
    await zhumq.run(['produce', topic], 'c\n');
    const [a, b, c] = await consumeAll(topic);
    const from = (...flags: string[]): Promise<Printed[]> =>
      zhumq.jsonl(['consume', topic, '--timeout', '1s', '-o', 'jsonl', ...flags]);
    expect(await from()).toEqual([]);
    expect(await from('--from', 'latest')).toEqual([]);
    expect(await from('--from', String(b.offset))).toEqual([b, c]);
    expect(await from('--from', between)).toEqual([c]);
    expect(await from('--from', '-10m')).toEqual([a, b, c]);
    const beyond = await zhumq.run(['consume', topic, '--from', '999']);
    expect(beyond.code).toBe(1);
    expect(beyond.stderr).toContain('OFFSET_OUT_OF_RANGE');
  });

  test('--max ends at that number over all partitions, --timeout after a silence', async () => {
    const topic = await topicOf('limits', 3);
    await zhumq.run(
      ['produce', topic, '-k', ':'],
      Array.from({ length: 60 }, (_, i) => `${i}:${i}`).join('\n'),
    );
    expect(await consumeAll(topic, '--max', '25')).toHaveLength(25);
    const { code, ms, stdout, stderr } = await zhumq.run([
      ...['consume', topic, '--from', 'earliest', '--timeout', '1500ms', '-o', 'json'],
    ]);
    expect(code).toBe(0);
    expect(stderr).not.toContain('warning');
    expect(JSON.parse(stdout)).toHaveLength(60);
    expect(ms).toBeGreaterThan(1_500);
  });

  test('what comes while it runs is printed; SIGTERM ends it with 0, SIGINT with 130', async () => {
    const topic = await topicOf('live');
    for (const [signal, code] of [
      ['SIGTERM', 0],
      ['SIGINT', 130],
    ] as const) {
      const running = zhumq.start(['consume', topic, '-o', 'json']);
      await says(running, 'waiting for messages');
      await zhumq.run(['produce', topic], `for ${signal}\n`);
      await says(running, `for ${signal}`);
      running.child.kill(signal);
      const ended = await running.ended;
      expect(ended.code).toBe(code);
      expect(JSON.parse(ended.stdout)).toMatchObject([{ value: `for ${signal}` }]);
    }
  });

  test('SIGINT ends a produce that waits for lines; what was sent is acknowledged and counted', async () => {
    const topic = await topicOf('interrupted');
    const running = zhumq.start(['produce', topic, '-o', 'jsonl']);
    running.child.stdin.write('a\nb\nno line yet');
    await until('2 receipts', () => running.stdout().split('\n').length === 3);
    running.child.kill('SIGINT');
    expect(await running.ended).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('2 acknowledged of 2 sent; interrupted by SIGINT'),
    });
    expect(await consumeAll(topic)).toHaveLength(2);
  });

  test('a reader that goes away is no failure', async () => {
    const topic = await topicOf('head');
    await zhumq.run(['produce', topic], LINES.join('\n'));
    const running = zhumq.start(['consume', topic, '--from', 'earliest']);
    await says(running, 'line 0');
    running.child.stdout.destroy();
    await zhumq.run(['produce', topic], LINES.join('\n'));
    expect(await running.ended).toMatchObject({ code: 0 });
  });
});

describe('partitions and the cluster', () => {
  interface Described {
    readonly leader: number;
    readonly replicas: readonly { readonly broker: number; readonly role: string }[];
  }

  const described = async (topic: string): Promise<Described> => {
    const { stdout } = await zhumq.run(['partition', 'describe', topic, '-o', 'json']);
    return (JSON.parse(stdout) as Described[])[0];
  };

  test('describe has the form that scripts rely on', async () => {
    const topic = await topicOf('form', 2);
    const { stdout } = await zhumq.run([
      'partition',
      'describe',
      topic,
      '--partition',
      '1',
      '-o',
      'json',
    ]);
    const replica = {
      broker: expect.any(Number),
      replicaId: expect.stringMatching(/^[0-9a-f]{32}$/),
      role: expect.stringMatching(/^(leader|follower)$/),
      ...{ mode: 'raft', generation: 1, epoch: expect.any(Number), logStart: 0 },
      logEnd: expect.any(Number),
      durableEnd: expect.any(Number),
      highWatermark: expect.any(Number),
      lag: expect.any(Number),
      problem: '',
    };
    expect(JSON.parse(stdout)).toEqual([
      {
        ...{ topic, partition: 1, mode: 'raft', generation: 1 },
        ...{ leader: expect.any(Number), leaderAlive: true, epoch: expect.any(Number) },
        ...{ logStart: 0, highWatermark: expect.any(Number), isr: [], elr: [] },
        voters: expect.arrayContaining([1, 2, 3]),
        ...{ sealed: false, transition: null, lastSwitch: null, seal: null, possibleLoss: null },
        replicas: [replica, replica, replica],
      },
    ]);
    const beyond = await zhumq.run(['partition', 'describe', topic, '--partition', '9']);
    expect(beyond).toMatchObject({ code: 4 });
  });

  test('elect hands the leadership over', async () => {
    const topic = await topicOf('elect');
    const { leader, replicas } = await described(topic);
    const to = String(replicas.find(({ broker }) => broker !== leader)?.broker);
    const args = ['partition', 'elect', topic, '--partition', '0', '--to', to];
    expect(await zhumq.run([...args, '--dry-run'])).toMatchObject({
      code: 0,
      stdout: `would move the leadership of elect-0 from broker ${leader} to broker ${to}\n`,
    });
    expect((await described(topic)).leader).toBe(leader);
    expect(await zhumq.run(args)).toMatchObject({ code: 0 });
    expect(String((await described(topic)).leader)).toBe(to);
    expect((await zhumq.run(args)).stdout).toBe(`broker ${to} leads elect-0 already\n`);
    const stranger = await zhumq.run([...args.slice(0, -1), '77']);
    expect(stranger.code).toBe(2);
    expect(stranger.stderr).toContain('broker 77 has no replica of elect-0');
  });

  test('the cluster is described and healthy', async () => {
    const { stdout } = await zhumq.run(['cluster', 'describe', '-o', 'json']);
    const brokers = [1, 2, 3].map((id) => expect.objectContaining({ id, alive: true }));
    expect(JSON.parse(stdout)).toMatchObject({ controller: 1, brokers });
    const health = await zhumq.run(['cluster', 'health', '--watch', '--exit-when-healthy']);
    expect(health).toMatchObject({ code: 0 });
    expect(health.stdout).toContain('healthy: 3 of 3 brokers alive');
  });

  test('the metadata store can be looked into', async () => {
    const topic = await topicOf('stored');
    const nodes = await zhumq.jsonl<{ path: string; data: unknown }>([
      'zk',
      'dump',
      '/topics',
      '-o',
      'jsonl',
    ]);
    const node = nodes.find(({ path }) => path === `/topics/${topic}`);
    expect(node?.data).toMatchObject({ partitions: 1 });
    expect(await zhumq.run(['zk', 'dump', '/nope'])).toMatchObject({ code: 4 });
  });
});

describe('the files of a partition', () => {
  const foldersOf = (topic: string): string[] =>
    [1, 2, 3].map((broker) => {
      const partitions = join(directory, 'data', `broker-${broker}`, 'partitions');
      const name = readdirSync(partitions).find((one) => one.startsWith(`${topic}-0.`));
      return join(partitions, String(name));
    });

  test('are sound and hold what was sent, while the brokers run', async () => {
    const topic = await topicOf('files');
    await zhumq.run(['produce', topic], LINES.join('\n'));
    for (const folder of foldersOf(topic)) {
      const verified = await zhumq.run(['log', 'verify', folder, '-o', 'json']);
      expect(verified).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, problems: [] });
    }
    const [folder] = foldersOf(topic);
    interface Batch {
      readonly control?: object;
      readonly records?: readonly { readonly value: unknown }[];
    }
    const batches = await zhumq.jsonl<Batch>(['log', 'dump', folder, '--records', '-o', 'jsonl']);
    const values = batches.flatMap(({ records = [] }) => records.map(({ value }) => value));
    expect(values.length).toBeGreaterThan(0);
    expect(values.join('\n')).toBe(LINES.slice(0, values.length).join('\n'));
    expect(batches[0].control).toMatchObject({ kind: 'leaderChange' });
  });

  test('damage is found and its place told', async () => {
    const topic = await topicOf('damaged');
    await zhumq.run(['produce', topic], LINES.slice(0, 100).join('\n'));
    const copy = mkdtempSync(join(directory, 'copy-'));
    const segment = '00000000000000000000.log';
    await until('the records are in the segment', () =>
      readFileSync(join(foldersOf(topic)[0], segment)).includes('line 99'),
    );
    const bytes = readFileSync(join(foldersOf(topic)[0], segment));
    bytes[bytes.indexOf('line 50')] ^= 1;
    writeFileSync(join(copy, segment), bytes);
    const { code, stdout, stderr } = await zhumq.run(['log', 'verify', copy, '-o', 'json']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/damage in .*00000000000000000000\.log at byte \d+ \(offset \d+\)/);
    const report = JSON.parse(stdout) as { problems: { position: number }[] };
    expect(report.problems[0].position).toBeLessThan(bytes.indexOf('line 51'));
    // A write that was cut off is no damage.
    truncateSync(join(copy, segment), report.problems[0].position + 10);
    expect(await zhumq.run(['log', 'verify', copy])).toMatchObject({ code: 0 });
    const above = await zhumq.run(['log', 'verify', join(directory, 'data')]);
    expect(above.code).toBe(2);
    expect(above.stderr).toContain('give one of these');
  });
});
