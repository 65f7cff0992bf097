import { Deadline } from './deadline.js';
import { ManualClock } from './manual-clock.js';

test('the remaining time shrinks to zero and stays there', () => {
  const clock = new ManualClock();
  const deadline = Deadline.after(clock, 100);
  expect([deadline.remainingMs(), deadline.expired]).toEqual([100, false]);
  clock.advance(99);
  expect([deadline.remainingMs(), deadline.expired]).toEqual([1, false]);
  clock.advance(1);
  expect([deadline.remainingMs(), deadline.expired]).toEqual([0, true]);
  clock.advance(50);
  expect(deadline.remainingMs()).toBe(0);
});

test('a jump of the wall clock does not move it', () => {
  const clock = new ManualClock();
  const deadline = Deadline.after(clock, 100);
  clock.jumpWall(3_600_000);
  expect(deadline.remainingMs()).toBe(100);
});

test('the share of a step is never longer than the whole', () => {
  const clock = new ManualClock();
  const whole = Deadline.after(clock, 100);
  expect(whole.within(30).remainingMs()).toBe(30);
  clock.advance(90);
  expect(whole.within(30).remainingMs()).toBe(10);
});

test('an infinite deadline does not expire', () => {
  const clock = new ManualClock();
  const never = Deadline.after(clock, Infinity);
  clock.advance(1e12);
  expect(never.expired).toBe(false);
});
