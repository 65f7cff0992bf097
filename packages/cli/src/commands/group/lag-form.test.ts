// How a lag reads.
import type { GroupLag, GroupPartitionLag } from '@zhumq/client';
import { partitionsText, timeText, totalText } from './lag-form.js';

const partition = (also: Partial<GroupPartitionLag>): GroupPartitionLag => ({
  ...{ topic: 't', partition: 0, committed: 4, logStart: 0, highWatermark: 4 },
  ...{ messages: 0, seconds: 0, member: '', problem: '' },
  ...also,
});
const lagOf = (
  messages: number,
  seconds: number,
  ...partitions: GroupPartitionLag[]
): GroupLag => ({
  ...{ group: 'g', messages, seconds, partitions },
});

test.each([
  [0, '0 s'],
  [0.4, '0 s'],
  [119, '119 s'],
  [120, '2 m'],
  [3_599, '59 m'],
  [7_200, '2 h'],
  [200_000, '2 d'],
])('%d seconds are %s', (seconds, text) => {
  expect(timeText(seconds)).toBe(text);
});

test('the total says what is not known', () => {
  expect(totalText(lagOf(0, 0, partition({})))).toBe('nothing');
  expect(totalText(lagOf(1, 3, partition({ messages: 1 })))).toBe('1 message, 3 s');
  const unknown = partition({ messages: -1, seconds: -1, problem: 'no leader' });
  expect(totalText(lagOf(5, 3, unknown))).toBe('5 messages, 3 s; 1 partition not known');
});

test('partitions are written as ranges, topic by topic, and not without end', () => {
  const of = (topic: string, ...numbers: number[]) =>
    numbers.map((one) => ({ topic, partition: one }));
  expect(partitionsText([])).toBeUndefined();
  expect(partitionsText([...of('a', 2, 0, 1, 7), ...of('b', 10)])).toBe('a 0-2,7; b 10');
  const even = Array.from({ length: 40 }, (_, index) => 2 * index);
  expect(partitionsText(of('t', ...even))).toBe('t 0,2,4,6,8,10,12,14,16,18,20,22,… (40)');
});
