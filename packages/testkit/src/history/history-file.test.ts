// What is written is what is read; what is wrong is refused with its line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HistoryEvent, Unstamped } from './events.js';
import { HistoryFile } from './history-file.js';
import { readHistory } from './read-history.js';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zhumq-history-'));
  file = join(folder, 'history.jsonl');
});

afterEach(() => rmSync(folder, { recursive: true }));

const place = { topic: 't', partition: 0 };
const events: readonly Unstamped[] = [
  { kind: 'history', version: 1, run: 'a test' },
  { kind: 'send', ...place, producer: 'p', value: 'ä\n1', acks: 'all' },
  { kind: 'sent', ...place, producer: 'p', value: 'ä\n1', outcome: 'ok', offset: 3, epoch: 1 },
  { kind: 'seek', ...place, consumer: 'c' },
  {
    kind: 'poll',
    ...place,
    consumer: 'c',
    records: [
      [3, 'ä\n1'],
      [4, 'b', 2],
    ],
  },
  { kind: 'assign', ...place, group: 'g', member: 'm', generation: [1, 2] },
  { kind: 'revoke', ...place, group: 'g', member: 'm', lost: true },
  { kind: 'commit', ...place, group: 'g', member: 'm', offset: 4, outcome: 'ok', invokedAt: 1 },
  { kind: 'position', ...place, group: 'g', offset: -1 },
  { kind: 'reset', ...place, group: 'g', offset: 0, outcome: 'ok' },
  { kind: 'watermark', ...place, broker: 1, role: 'leader', epoch: 1, highWatermark: 4 },
  { kind: 'leader', ...place, broker: 1, epoch: 1, mode: 'raft', startOffset: 0 },
  { kind: 'loss', ...place, epoch: 3, offset: 2, reason: 'power' },
  { kind: 'switch', ...place, phase: 'done', to: 'fetch', generation: 2, sealOffset: 9 },
  { kind: 'log-start', ...place, offset: 1 },
  { kind: 'fault', fault: 'kill', target: 'broker-1', phase: 'begun' },
  { kind: 'append', ...place, broker: 1, epoch: 1, offset: 0, count: 2, digest: 'd' },
  { kind: 'replica', ...place, broker: 1, logStart: 0, highWatermark: 2, records: [[0, 1, null]] },
];

async function read(): Promise<[number, HistoryEvent][]> {
  const found: [number, HistoryEvent][] = [];
  await readHistory(file, (event, line) => found.push([line, event]));
  return found;
}

test('every kind of event comes back as it was recorded, with its line', async () => {
  let now = 0;
  const history = new HistoryFile(file, () => now++);
  for (const event of events) history.record({ ...event });
  history.close();
  const expected = events.map((event, index) => [index + 1, { ...event, at: index }]);
  expect(await read()).toEqual(expected);
});

test('lines longer than what is read at a time come back whole', async () => {
  const records = Array.from({ length: 100_000 }, (_, offset) => [offset, `v${offset}`]);
  const poll = { kind: 'poll', at: 0, ...place, consumer: 'c', records };
  writeFileSync(file, `${JSON.stringify(poll)}\n\n${JSON.stringify(poll)}`);
  expect(await read()).toEqual([
    [1, poll],
    [3, poll],
  ]);
});

test('what is recorded by far faster than it is written is in the file', async () => {
  const history = new HistoryFile(file, () => 0);
  for (let offset = 0; offset < 20_000; offset += 1)
    history.record({ kind: 'log-start', ...place, offset });
  history.close();
  expect(await read()).toHaveLength(20_000);
});

describe('A line is refused', () => {
  const seek = { kind: 'seek', at: 0, ...place, consumer: 'c' };
  const commit = { kind: 'commit', at: 0, ...place, group: 'g', member: 'm', offset: 1 };
  const cases: [string, unknown, string][] = [
    ['that is not JSON', undefined, 'line 2: is not JSON'],
    ['that is no object', [seek], 'line 2: is not an object'],
    ['of an unknown kind', { ...seek, kind: 'toString' }, 'line 2: "kind" is none of history,'],
    ['without its time', { ...seek, at: undefined }, 'line 2: "seek" lacks "at"'],
    ['without its topic', { ...seek, topic: undefined }, 'line 2: "seek" lacks "topic"'],
    ['with a field too many', { ...seek, ofset: 1 }, 'line 2: "seek" has no field "ofset"'],
    ['with a field of another kind', { ...seek, outcome: 'ok' }, '"seek" has no field "outcome"'],
    ['with a partition below 0', { ...seek, partition: -1 }, '"partition" is not an integer'],
    ['with text for a number', { ...seek, at: '0' }, '"at" is not a number: "0"'],
    ['with a name without end', { ...seek, consumer: 'x'.repeat(5_000) }, '"consumer" is not text'],
    ['of no known outcome', { ...commit, outcome: 'maybe' }, '"outcome" is none of ok, fail'],
    [
      'with a generation of one number',
      { ...commit, outcome: 'ok', generation: [1] },
      '"generation" has 1 items',
    ],
    [
      'with a record that lacks its value',
      { ...seek, kind: 'poll', records: [[0, 'a'], [1]] },
      '"records" [1] has 1 items',
    ],
  ];

  test.each(cases)('%s', async (_what, value, fault) => {
    const line = value === undefined ? '{"kind"' : JSON.stringify(value);
    writeFileSync(file, `${JSON.stringify(seek)}\n${line}\n`);
    await expect(read()).rejects.toThrow(fault);
  });
});
