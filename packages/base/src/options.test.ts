import { AssertionFailed } from './assert.js';
import type { HostPort } from './host-port.js';
import { OptionsInvalid, defineOptions } from './options.js';
import type { OptionSources } from './option-sources.js';

const options = defineOptions(
  {
    'segment.bytes': {
      type: 'bytes',
      default: '1GiB',
      min: '1MiB',
      max: '2GiB',
      doc: 'Size at which a segment is closed.',
    },
    'segment.roll-after': { type: 'duration', default: '7d', doc: 'Age | at which it is closed.' },
    'retention.bytes': { type: 'bytes', doc: 'Size of a partition.' },
    mode: { type: 'enum', values: ['raft', 'fetch'], default: 'raft', doc: 'Replication.' },
    listen: { type: 'hostPort', default: '127.0.0.1:9092', doc: 'Address.' },
    sync: { type: 'boolean', default: true, doc: 'Sync.' },
  },
  (values) => {
    const retention = values['retention.bytes'];
    if (retention === undefined || retention >= values['segment.bytes']) return undefined;
    return 'retention.bytes is smaller than segment.bytes; nothing could be deleted';
  },
);

const file = (text: string) => ({ path: '/etc/zhumq.json', text });

function problemsOf(sources: OptionSources): readonly string[] {
  try {
    options.resolve(sources);
  } catch (error) {
    expect(error).toBeInstanceOf(OptionsInvalid);
    return (error as OptionsInvalid).problems.map(({ message }) => message);
  }
  return [];
}

test('values have the types that the declarations say', () => {
  const { values } = options.resolve();
  const size: number = values['segment.bytes'];
  const age: number = values['segment.roll-after'];
  const retention: number | undefined = values['retention.bytes'];
  const mode: 'raft' | 'fetch' = values.mode;
  const listen: HostPort = values.listen;
  // @ts-expect-error an option that may be missing is not simply a number
  const wrong: number = values['retention.bytes'];
  expect([size, age, retention, mode, wrong]).toEqual([2 ** 30, 604_800_000, , 'raft', ,]);
  expect(listen).toEqual({ host: '127.0.0.1', port: 9092 });
});

test('flags win over the environment, that over the file, that over the default', () => {
  const sources = {
    flags: { 'segment-bytes': '4MiB' },
    environment: { ZHUMQ_SEGMENT__BYTES: '3MiB', ZHUMQ_SEGMENT__ROLL_AFTER: '2h' },
    file: file('{"segment": {"bytes": "2MiB", "roll-after": "1h"}, "mode": "fetch"}'),
  };
  const { values, rows } = options.resolve(sources);
  expect([values['segment.bytes'], values['segment.roll-after'], values.mode]).toEqual([
    4 * 2 ** 20,
    7_200_000,
    'fetch',
  ]);
  expect(rows).toEqual([
    { name: 'segment.bytes', value: '4MiB', origin: 'flag --segment-bytes' },
    {
      name: 'segment.roll-after',
      value: '2h',
      origin: 'environment ZHUMQ_SEGMENT__ROLL_AFTER',
    },
    { name: 'retention.bytes', value: '', origin: 'default' },
    { name: 'mode', value: 'fetch', origin: 'file /etc/zhumq.json' },
    { name: 'listen', value: '127.0.0.1:9092', origin: 'default' },
    { name: 'sync', value: 'true', origin: 'default' },
  ]);
});

test('programs may give flags by option name and durations in milliseconds', () => {
  const flags = { 'segment.roll-after': 1500, sync: false, mode: undefined };
  const { values } = options.resolve({ flags });
  expect([values['segment.roll-after'], values.sync, values.mode]).toEqual([1500, false, 'raft']);
});

test('all that is wrong is reported, with name, value, origin and what is allowed', () => {
  const problems = problemsOf({
    flags: { mode: 'paxos' },
    environment: { ZHUMQ_SEGMENT__BYTES: '12' },
    file: file('{"segment": {"roll-after": 30}, "segmnt": {"bytes": 1}}'),
  });
  expect(problems).toEqual([
    'segmnt.bytes (file /etc/zhumq.json) is no option; did you mean segment.bytes?',
    'segment.bytes = "12" (environment ZHUMQ_SEGMENT__BYTES) must be a size (65536, 64KiB, 1GiB) from 1MiB to 2GiB',
    'segment.roll-after = 30 (file /etc/zhumq.json) must be a duration with its unit (500ms, 15s, 7d)',
    'mode = "paxos" (flag --mode) must be one of raft, fetch',
  ]);
});

test('the message lists the problems', () => {
  expect(() => options.resolve({ flags: { mode: 'x', sync: 'y' } })).toThrow(
    '2 options are not valid:\n  - mode = "x" (flag --mode) must be one of raft, fetch\n  - sync',
  );
});

test('relations between options are checked when each is fine alone', () => {
  expect(problemsOf({ flags: { 'retention-bytes': '1KiB' } })).toEqual([
    'retention.bytes is smaller than segment.bytes; nothing could be deleted',
  ]);
  expect(problemsOf({ flags: { 'retention-bytes': '1KiB', mode: 'x' } })).toHaveLength(1);
});

test('unknown flags are refused', () => {
  expect(problemsOf({ flags: { 'segment-byte': 1 } })).toEqual([
    'segment-byte (flag --segment-byte) is no option; did you mean segment-bytes?',
  ]);
});

test('the environment is searched for misspelt options, and for nothing else', () => {
  expect(problemsOf({ environment: { ZHUMQ_SEGMENT__BYTE: '1' } })).toEqual([
    'ZHUMQ_SEGMENT__BYTE (environment ZHUMQ_SEGMENT__BYTE) is no option; did you mean ZHUMQ_SEGMENT__BYTES?',
  ]);
  expect(problemsOf({ environment: { ZHUMQ_SEGMENT_BYTES: '1GiB' } })).toHaveLength(1);
  // Kubernetes sets these for a service called zhumq-broker.
  const links = { ZHUMQ_BROKER_PORT: 'tcp://10.0.0.1:9092', ZHUMQ_BROKER_SERVICE_HOST: '10.0.0.1' };
  expect(problemsOf({ environment: { ...links, ZHUMQ_CONFIG: '/etc', PATH: '/bin' } })).toEqual([]);
});

test('options of other programs may stand in the same environment and file', () => {
  const environment = { ZHUMQ_RING__TOKENS: '1' };
  const ours = { environment, file: file('{"ring": {"tokens": 1}}') };
  expect(problemsOf(ours)).toHaveLength(2);
  expect(problemsOf({ ...ours, alsoKnown: ['ring.tokens'] })).toEqual([]);
});

test('values and rows can not be changed', () => {
  const { values } = options.resolve();
  expect(Object.isFrozen(values)).toBe(true);
  expect(Object.isFrozen(values.listen)).toBe(true);
});

describe('settings of a topic', () => {
  test('are parsed by the same declarations', () => {
    const size: number = options.parseSetting('segment.bytes', '2MiB');
    expect(size).toBe(2_097_152);
    expect(options.format('segment.bytes', size)).toBe('2MiB');
    expect(() => options.parseSetting('segment.bytes', '2')).toThrow(
      'segment.bytes = "2" must be a size',
    );
    expect(() => options.parseSetting('segment.byte', '2')).toThrow('did you mean segment.bytes?');
    expect(() => options.parseSetting('constructor', '2')).toThrow('constructor is no option');
  });

  test('override the defaults of the broker, checks included', () => {
    const { values } = options.resolve();
    const topic = options.override(values, { 'segment.bytes': '1MiB', 'retention.bytes': '2MiB' });
    expect(topic).toEqual({ ...values, 'segment.bytes': 2 ** 20, 'retention.bytes': 2 ** 21 });
    expect(Object.isFrozen(topic)).toBe(true);
    const tooSmall = { 'retention.bytes': '2MiB' };
    expect(() => options.override(values, tooSmall)).toThrow('nothing could be deleted');
    expect(() => options.override(values, { mode: 'x', nope: 'y' })).toThrow('2 options are not');
  });
});

test('required options have no default; secrets are not shown', () => {
  const secrets = defineOptions({
    'broker.id': { type: 'integer', required: true, doc: 'Identity.' },
    token: { type: 'string', secret: true, pattern: /^t/, doc: 'Token.' },
  });
  expect(() => secrets.resolve()).toThrow(
    'broker.id is required; set it by --broker-id, ZHUMQ_BROKER__ID or the file',
  );
  const { values, rows } = secrets.resolve({ flags: { 'broker-id': '1', token: 'top' } });
  const id: number = values['broker.id'];
  expect([id, values.token]).toEqual([1, 'top']);
  expect(JSON.stringify(rows)).not.toContain('top');
  expect(() => secrets.resolve({ flags: { 'broker-id': '1', token: 'pot' } })).toThrow(
    'token = (hidden) (flag --token)',
  );
});

test('sets combine, with the checks of both', () => {
  const ops = defineOptions(
    { 'ops.port': { type: 'integer', default: 9644, doc: 'Port.' } },
    (o) => (o['ops.port'] === 9092 ? 'ops.port is the port of the broker' : undefined),
  );
  const both = options.and(ops);
  const port: number = both.resolve().values['ops.port'];
  expect(port).toBe(9644);
  expect(both.names).toHaveLength(7);
  expect(() => both.resolve({ flags: { 'ops-port': 9092 } })).toThrow('the port of the broker');
  expect(() => both.resolve({ flags: { 'retention-bytes': '1' } })).toThrow('nothing could be');
  expect(() => both.and(ops)).toThrow('option ops.port is declared twice');
});

test('a wrong declaration is found when it is made', () => {
  const doc = '';
  const wrong = { a: { type: 'integer', default: 5, max: 4, doc } } as const;
  expect(() => defineOptions(wrong)).toThrow('a = 5 (default) must be an integer of at most 4');
  const named = (name: string) => () => defineOptions({ [name]: { type: 'string', doc } });
  for (const name of ['segmentBytes', 'a..b', 'a_b', '', '.a']) {
    expect(named(name)).toThrow(AssertionFailed);
  }
  expect(() =>
    defineOptions({ 'a.b': { type: 'string', doc }, 'a-b': { type: 'string', doc } }),
  ).toThrow('two options have the same flag');
});

test('the command line gets its flags', () => {
  expect(options.flags().slice(1, 3)).toEqual([
    {
      flag: 'segment-roll-after',
      name: 'segment.roll-after',
      type: 'string',
      doc: 'Age | at which it is closed.',
      default: '7d',
    },
    {
      flag: 'retention-bytes',
      name: 'retention.bytes',
      type: 'string',
      doc: 'Size of a partition.',
      default: undefined,
    },
  ]);
  const argv = { _: ['broker'], $0: 'zhumq', 'segment-bytes': '2MiB', segmentBytes: '2MiB' };
  expect(options.pickFlags(argv)).toEqual({ 'segment.bytes': '2MiB' });
});

test('the reference is a table that Markdown reads', () => {
  const lines = options.markdown().trimEnd().split('\n');
  expect(lines).toHaveLength(2 + options.names.length);
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  expect(lines[3]).toContain('Age \\| at which');
  expect(lines[2].split('|').map((cell) => cell.trim())).toEqual([
    '',
    '`segment.bytes`',
    '`1GiB`',
    'a size (65536, 64KiB, 1GiB) from 1MiB to 2GiB',
    '`ZHUMQ_SEGMENT__BYTES`',
    'Size at which a segment is closed.',
    '',
  ]);
});
