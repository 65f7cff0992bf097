import { SeededRandom } from '@zhumq/base';
import { QuickBackoff, RetrySchedule } from './retry-schedule.js';

const random = new SeededRandom(1);
const LIMITS = { minMs: 50, maxMs: 500 };

test('what passes is tried again after at most 5, 10 and 20 ms, then a quarter later each time', () => {
  const schedule = new RetrySchedule(LIMITS, random);
  const ceilings = [5, 10, 20, 25, 32, 40, 49, 62, 77, 96, 120];
  for (const ceiling of ceilings) {
    const waitMs = schedule.nextMs('PARTITION_SEALED');
    expect(waitMs).toBeGreaterThanOrEqual(Math.floor(ceiling / 2));
    expect(waitMs).toBeLessThanOrEqual(ceiling);
  }
});

test('a wait never ends later than a quarter of the trouble, 20 ms, and its own length allow', () => {
  const backoff = new QuickBackoff(1000, random);
  let elapsedMs = 0;
  for (let n = 0; n < 20; n++) {
    const waitMs = backoff.nextMs();
    expect(waitMs).toBeLessThanOrEqual(20 + elapsedMs * 0.6);
    elapsedMs += waitMs;
  }
});

test('it stays at the limit, and begins anew after a success', () => {
  const schedule = new RetrySchedule(LIMITS, random);
  for (let n = 0; n < 1000; n++) schedule.nextMs('NOT_LEADER');
  const longest = schedule.nextMs('NOT_LEADER');
  expect(longest).toBeGreaterThanOrEqual(250);
  expect(longest).toBeLessThanOrEqual(500);
  schedule.reset();
  expect(schedule.nextMs('NOT_LEADER')).toBeLessThanOrEqual(5);
});

test('other errors have waits of their own', () => {
  const schedule = new RetrySchedule(LIMITS, random);
  expect(schedule.nextMs('OVERLOADED')).toBeGreaterThanOrEqual(25);
  expect(schedule.nextMs('STALE_GENERATION')).toBeLessThanOrEqual(5);
});
