import { AssertionFailed } from './assert.js';
import { ManualClock } from './manual-clock.js';

function recorder() {
  const clock = new ManualClock();
  const events: string[] = [];
  const note = (what: string) => () => void events.push(`${what}@${clock.monotonicMs()}`);
  return { clock, events, note };
}

test('time stands still until it is moved', () => {
  const clock = new ManualClock(5000);
  expect([clock.monotonicMs(), clock.wallMs()]).toEqual([0, 5000]);
  clock.advance(7);
  expect([clock.monotonicMs(), clock.wallMs()]).toEqual([7, 5007]);
});

test('timers fire in order of their time, each at its own moment', () => {
  const { clock, events, note } = recorder();
  clock.after(30, note('c'));
  clock.after(10, note('a'));
  clock.after(20, note('b'));
  clock.after(31, note('d'));
  clock.advance(30);
  expect(events).toEqual(['a@10', 'b@20', 'c@30']);
});

test('timers of the same moment fire in order of creation', () => {
  const { clock, events, note } = recorder();
  for (const name of ['a', 'b', 'c', 'd']) clock.after(10, note(name));
  clock.advance(10);
  expect(events).toEqual(['a@10', 'b@10', 'c@10', 'd@10']);
});

test('what a timer schedules fires in the same advance when it is due', () => {
  const { clock, events, note } = recorder();
  clock.after(10, () => void clock.after(5, note('nested')));
  clock.advance(20);
  expect(events).toEqual(['nested@15']);
});

test('a periodic timer fires again and again until it is cancelled', () => {
  const { clock, events, note } = recorder();
  const timer = clock.every(10, note('tick'));
  clock.advance(35);
  timer.cancel();
  clock.advance(100);
  expect(events).toEqual(['tick@10', 'tick@20', 'tick@30']);
});

test('a timer cancelled by an earlier one of the same moment does not fire', () => {
  const { clock, events, note } = recorder();
  clock.after(10, () => second.cancel());
  const second = clock.after(10, note('second'));
  clock.advance(10);
  expect(events).toEqual([]);
});

test('a jump of the wall clock leaves timers alone', () => {
  const { clock, events, note } = recorder();
  clock.after(10, note('a'));
  const before = clock.wallMs();
  clock.jumpWall(-60_000);
  expect(clock.wallMs()).toBe(before - 60_000);
  expect(events).toEqual([]);
  expect(clock.nextDueMs()).toBe(10);
});

test('time does not go back and a period is not zero', () => {
  const clock = new ManualClock();
  expect(() => clock.advance(-1)).toThrow(AssertionFailed);
  expect(() => clock.every(0, () => undefined)).toThrow(AssertionFailed);
});
