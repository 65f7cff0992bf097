// What is said while a produce waits.
import { ProduceProgress } from './produce-progress.js';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function progressOf(underWay: number, reasons: string[]) {
  const told: string[] = [];
  const sender = { sent: underWay, acknowledged: 0, underWay };
  const progress = new ProduceProgress(
    sender,
    () => reasons,
    (line) => told.push(line),
  );
  told.length = 0;
  return { told, sender, progress };
}

test('what is waited for is told after a moment, and why as soon as that is known', () => {
  const reasons: string[] = [];
  const { told, progress } = progressOf(1, reasons);
  jest.advanceTimersByTime(2_000);
  expect(told).toEqual(['zhumq: waiting for the acknowledgement of 1 message ...']);
  reasons.push('t-0 has 1 replica in sync');
  jest.advanceTimersByTime(2_000);
  expect(told.slice(1)).toEqual([
    'zhumq: waiting for the acknowledgement of 1 message (t-0 has 1 replica in sync) ...',
  ]);
  jest.advanceTimersByTime(9_000);
  expect(told).toHaveLength(2);
  jest.advanceTimersByTime(2_000);
  expect(told).toHaveLength(3);
  progress.end();
});

test('of several partitions one is named; nothing is said while messages are acknowledged', () => {
  const { told, sender, progress } = progressOf(7, ['t-0: no leader', 't-1: no leader']);
  for (let second = 0; second < 10; second++) {
    sender.acknowledged++;
    jest.advanceTimersByTime(1_000);
  }
  expect(told).toEqual([]);
  jest.advanceTimersByTime(2_000);
  expect(told).toEqual([
    'zhumq: waiting for the acknowledgement of 7 messages (t-0: no leader, and 1 other partition) ...',
  ]);
  progress.end();
});
