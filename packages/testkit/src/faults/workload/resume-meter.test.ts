// How long producers had to wait is measured from a moment to the first acknowledgement of something that was sent later.
import { History } from '../../history/history.js';
import { ResumeMeter } from './resume-meter.js';

const CLASSES = [
  { topic: 'raft', partitions: 2, acks: 'all' as const },
  { topic: 'fetch', partitions: 1, acks: 'all' as const },
];

let meter: ResumeMeter;
let history: History;
let sent = 0;

beforeEach(() => {
  history = new History(() => 0);
  meter = new ResumeMeter(history, CLASSES);
});

/** Returns how to answer it. */
function send(topic: string, partition: number): (outcome: 'ok' | 'unknown') => void {
  const place = { topic, partition, producer: 'p', value: `p-${++sent}` };
  meter.record({ kind: 'send', ...place, acks: 'all' });
  return (outcome) => meter.record({ kind: 'sent', ...place, outcome });
}

test('what was sent before the moment says nothing, nor does a send that failed', async () => {
  const early = send('raft', 0);
  const mark = meter.mark();
  early('ok');
  send('raft', 0)('unknown');
  send('raft', 1)('ok');
  send('fetch', 0)('ok');
  expect(mark.missing).toEqual(['raft/all-0']);
  expect(Object.keys(mark.times)).toEqual(['fetch/all']);
  await expect(mark.resumed(0)).resolves.toBe(false);
});

test('it is over when every partition of every class has acknowledged something', async () => {
  const mark = meter.mark();
  const over = mark.resumed(60_000);
  const raft = mark.resumed(60_000, 'raft');
  for (const partition of [0, 1]) send('raft', partition)('ok');
  await expect(raft).resolves.toBe(true);
  expect(mark.missing).toEqual(['fetch/all-0']);
  send('fetch', 0)('ok');
  await expect(over).resolves.toBe(true);
  expect(Object.keys(mark.times)).toEqual(['raft/all', 'fetch/all']);
});

test('everything goes on to the history', () => {
  send('raft', 0)('ok');
  expect(history.events.map(({ kind }) => kind)).toEqual(['send', 'sent']);
  expect([meter.sent, meter.acknowledged]).toEqual([1, 1]);
});
