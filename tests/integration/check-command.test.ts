// npm run check: exit codes and output, on files.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

const COMMAND = join(__dirname, '../../packages/testkit/dist/check/check-command.js');
const place = { topic: 't', partition: 0 };

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zhumq-check-'));
  file = join(folder, 'history.jsonl');
});

afterAll(() => rmSync(folder, { recursive: true }));

function check(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

function write(...events: object[]): void {
  writeFileSync(file, events.map((event, at) => `${JSON.stringify({ at, ...event })}\n`).join(''));
}

const history = [
  { kind: 'history', version: 1, run: 'by hand' },
  { kind: 'send', ...place, producer: 'p', value: 'a', acks: 'all' },
  { kind: 'sent', ...place, producer: 'p', value: 'a', outcome: 'ok', offset: 7 },
];
const read = { kind: 'poll', ...place, consumer: 'c', records: [[7, 'a']] };

test('a history without anomalies ends with 0', () => {
  write(...history, read);
  const { status, stdout } = check(file);
  expect({ status, last: stdout.trim().split('\n').at(-1) }).toEqual({
    status: 0,
    last: 'no anomalies',
  });
});

test('an anomaly is told with its lines, and ends with 1', () => {
  write(...history);
  const { status, stdout } = check(file);
  expect(status).toBe(1);
  expect(stdout).toContain('run: by hand\nevents: 1 history, 1 send, 1 sent\n');
  expect(stdout).toContain(
    '  t-0: a was acknowledged at offset 7 and never read; reads went to -1 (line 2, 3)\n',
  );
  expect(stdout).toMatch(/unseen: 1 .*\n[^]*1 violation\n$/);
});

test('with -o json the last line is one object', () => {
  write(...history);
  const { status, stdout } = check('-o', 'json', file);
  expect(status).toBe(1);
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
    ...{ run: 'by hand', violations: 1, anomalies: { unseen: 1 } },
    examples: [{ anomaly: 'unseen', ...place, offset: 7, lines: [2, 3] }],
  });
});

test.each([
  ['no file', [], 'one history at a time, not 0'],
  ['two files', ['a', 'b'], 'one history at a time, not 2'],
  ['an unknown flag', ['--colour', 'a'], "Unknown option '--colour'"],
  ['an unknown output', ['-o', 'yaml', 'a'], '-o is text or json, not "yaml"'],
  ['a file that is not there', ['/nowhere.jsonl'], '/nowhere.jsonl: ENOENT'],
])('%s ends with 2 and says so', (_what, args, fault) => {
  const { status, stdout, stderr } = check(...args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(fault);
});

test('a line that is no event ends with 2 and is named', () => {
  write(...history, { kind: 'sand' });
  const { status, stderr } = check(file);
  expect(status).toBe(2);
  expect(stderr).toContain(`${file}: line 4: "kind" is none of `);
});

test('200,000 events are judged in bounded memory', async () => {
  const stream = createWriteStream(file);
  for (let offset = 0; offset < 50_000; offset += 1) {
    const value = `p/${offset}`;
    const events = [
      { kind: 'send', at: 0, ...place, producer: 'p', value, acks: 'all' },
      { kind: 'sent', at: 0, ...place, producer: 'p', value, outcome: 'ok', offset },
      { kind: 'poll', at: 0, ...place, consumer: 'c', records: [[offset, value]] },
      { kind: 'poll', at: 0, ...place, consumer: 'd', records: [[offset, value]] },
    ];
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    if (!stream.write(text)) await once(stream, 'drain');
  }
  stream.end();
  await finished(stream);
  const started = performance.now();
  const { status } = spawnSync(process.execPath, ['--max-old-space-size=256', COMMAND, file], {
    timeout: 120_000,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stderr.write(`    200,000 events judged in ${seconds} s\n`);
  expect(status).toBe(0);
});
