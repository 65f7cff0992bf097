import { ManualClock } from '@zhumq/base';
import { Throttle } from './throttle.js';

test('what is taken comes back with time, and no more than a second of it is saved up', () => {
  const clock = new ManualClock();
  const throttle = new Throttle(1000, clock);
  expect(throttle).toMatchObject({ waitMs: 0, available: 1000 });
  throttle.take(1500);
  expect(throttle.waitMs).toBeGreaterThan(500);
  clock.advance(500);
  expect(throttle.waitMs).toBeGreaterThan(0);
  clock.advance(throttle.waitMs);
  expect(throttle.waitMs).toBe(0);
  clock.advance(60_000);
  expect(throttle.available).toBe(1000);
});

test('0 is no limit', () => {
  const throttle = new Throttle(0, new ManualClock());
  throttle.take(1e12);
  expect(throttle).toMatchObject({ waitMs: 0, available: Infinity });
});
