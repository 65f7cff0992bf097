import { ManualClock } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import { SessionDeadline } from './session-deadline.js';

function started(
  clock: Clock,
  timeoutMs = 6_000,
): { deadline: SessionDeadline; passed: () => number } {
  let count = 0;
  const deadline = new SessionDeadline(clock, () => void count++);
  deadline.begin(timeoutMs, clock.monotonicMs());
  return { deadline, passed: () => count };
}

test('it passes once, two thirds of the timeout after the last answered request was sent', () => {
  const clock = new ManualClock();
  const { deadline, passed } = started(clock);
  clock.advance(3_000);
  deadline.answered(1_000); // answered at 3,000, sent at 1,000
  clock.advance(1_999);
  expect(passed()).toBe(0);
  clock.advance(1);
  expect(passed()).toBe(1);
  clock.advance(60_000);
  expect(passed()).toBe(1);
});

test('an answer that comes too late does not bring it back', () => {
  const clock = new ManualClock();
  const { deadline, passed } = started(clock);
  clock.advance(4_000);
  deadline.answered(3_999);
  clock.advance(10_000);
  expect(passed()).toBe(1);
});

test('after a pause of the process the clock decides, before any timer has run', () => {
  let nowMs = 0;
  const timerless = { monotonicMs: () => nowMs, after: () => ({ cancel: () => undefined }) };
  const { deadline, passed } = started(timerless as never);
  nowMs = 3_999;
  expect(deadline.passed()).toBe(false);
  nowMs = 4_000;
  expect(deadline.passed()).toBe(true);
  expect(passed()).toBe(1);
});

test('a stopped one and one without a timeout never pass', () => {
  const clock = new ManualClock();
  const stopped = started(clock);
  stopped.deadline.stop();
  const endless = started(clock, Infinity);
  clock.advance(1e9);
  expect([stopped.passed(), endless.passed()]).toEqual([0, 0]);
});
