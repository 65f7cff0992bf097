// The picture of a lag on a terminal.
import type { GroupLag } from '@zhumq/client';
import { LagScreen, lagFrame } from './lag-screen.js';

const AT = '2026-11-21T10:00:00.000Z';

function lagOf(...messages: number[]): GroupLag {
  const partitions = messages.map((count, partition) => ({
    ...{ topic: 't', partition, committed: 0, logStart: 0, highWatermark: count },
    ...{ messages: count, seconds: count, member: '', problem: count < 0 ? 'no leader' : '' },
  }));
  const known = messages.filter((count) => count > 0);
  const total = known.reduce((sum, count) => sum + count, 0);
  return { group: 'g', messages: total, seconds: Math.max(0, ...known), partitions };
}

test('a bar for each partition, and the course of the whole', () => {
  const size = { columns: 60, rows: 24 };
  expect(lagFrame(lagOf(100, 50, 0, -1), [300, 150, 0], AT, size)).toEqual([
    'g  150 messages, 100 s; 1 partition not known  2026-11-21T1',
    '█▅▁',
    '',
    `t-0  100  100 s  ${'█'.repeat(40)}`,
    `t-1    50  50 s  ${'█'.repeat(20)}`,
    't-2           0',
    't-3   not known',
  ]);
});

test.each([
  [10, 6],
  [80, 3],
  [1, 1],
])('it fits into %d columns and %d rows', (columns, rows) => {
  const lag = lagOf(...Array.from({ length: 50 }, (_, index) => index));
  const lines = lagFrame(lag, [1, 2, 3], AT, { columns, rows });
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(Math.max(2, columns));
  expect(lines.length).toBeLessThanOrEqual(Math.max(rows, 5));
});

test('those furthest behind are shown when not all fit', () => {
  const lag = lagOf(1, 90, 2, 80, 3);
  const lines = lagFrame(lag, [1], AT, { columns: 40, rows: 7 });
  expect(lines.slice(3).map((line) => line.split(' ')[0])).toEqual(['t-1', 't-3', 'and']);
});

test('it is drawn over the last picture', () => {
  let written = '';
  const screen = new LagScreen({ columns: 0, rows: 0, write: (text) => void (written += text) });
  screen.show(lagOf(2), AT);
  expect(written).not.toContain('\x1b');
  written = '';
  screen.show(lagOf(1), AT);
  expect(written).toMatch(/^\x1b\[4A\r\x1b\[Jg  1 message/);
});
