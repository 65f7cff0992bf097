import { ManualClock } from '@zhumq/base';
import { Throttle } from './throttle.js';

async function until(clock: ManualClock, condition: () => boolean): Promise<void> {
  for (let passed = 0; !condition(); passed++) {
    if (passed > 5_000) throw new Error(`still not so: ${condition.toString()}`);
    clock.advance(1);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  }
}

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

test('pieces of segments wait for their share, first come, first served, and only so many', async () => {
  const clock = new ManualClock();
  const throttle = new Throttle(800, clock);
  throttle.take(800);
  const granted: number[] = [];
  const claims = [300, 40].map((bytes) => throttle.claim(bytes).then((got) => granted.push(got)));
  for (let claim = 2; claim < 64; claim++) void throttle.claim(1);
  expect(() => throttle.claim(1)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  await Promise.resolve();
  expect(granted).toEqual([]);
  // One after another: the second waits until what the first has taken is made up for.
  await until(clock, () => granted.length === 1);
  expect(granted).toEqual([100]);
  expect(throttle.waitMs).toBeGreaterThan(100);
  await until(clock, () => granted.length === 2);
  await Promise.all(claims);
  expect(granted).toEqual([100, 40]);
});
