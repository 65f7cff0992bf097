import { SystemClock, delay } from './clock.js';
import { ManualClock } from './manual-clock.js';

const DAY_MS = 86_400_000;

describe('SystemClock', () => {
  const clock = new SystemClock();

  afterEach(() => jest.useRealTimers());

  test('a timer never fires early by the monotonic clock', async () => {
    for (let round = 0; round < 20; round++) {
      const start = clock.monotonicMs();
      await delay(clock, 3);
      expect(clock.monotonicMs() - start).toBeGreaterThanOrEqual(3);
    }
  });

  test('a delay longer than setTimeout takes does not fire at once', () => {
    jest.useFakeTimers();
    const fired = jest.fn();
    clock.after(30 * DAY_MS, fired);
    jest.advanceTimersByTime(29 * DAY_MS);
    expect(fired).not.toHaveBeenCalled();
    jest.advanceTimersByTime(DAY_MS + 1);
    expect(fired).toHaveBeenCalledTimes(1);
  });

  test('a time that is over is not given to Node as a negative delay (kafkajs#1751)', async () => {
    const spy = jest.spyOn(globalThis, 'setTimeout');
    await delay(clock, -5);
    expect(spy.mock.calls.map(([, delayMs]) => delayMs)).toEqual([0]);
    spy.mockRestore();
  });

  test('a cancelled timer does not fire, also when its wait was cut in parts', () => {
    jest.useFakeTimers();
    const fired = jest.fn();
    const timer = clock.after(30 * DAY_MS, fired);
    jest.advanceTimersByTime(27 * DAY_MS);
    timer.cancel();
    jest.advanceTimersByTime(10 * DAY_MS);
    expect(fired).not.toHaveBeenCalled();
  });

  test('a periodic timer can cancel itself', () => {
    jest.useFakeTimers();
    let calls = 0;
    const timer = clock.every(10, () => {
      if (++calls === 3) timer.cancel();
    });
    jest.advanceTimersByTime(1000);
    expect(calls).toBe(3);
  });

  test('wall time is the time of day', () => {
    expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(1000);
  });
});

describe('delay', () => {
  test('resolves when the time has come', async () => {
    const clock = new ManualClock();
    const waiting = delay(clock, 100);
    clock.advance(100);
    await expect(waiting).resolves.toBeUndefined();
  });

  test('rejects with the reason of the signal and cancels its timer', async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const waiting = delay(clock, 100, abort.signal);
    abort.abort(new Error('closed'));
    await expect(waiting).rejects.toThrow('closed');
    expect(clock.nextDueMs()).toBeUndefined();
  });

  test('does not start when the signal is aborted already', async () => {
    const clock = new ManualClock();
    await expect(delay(clock, 100, AbortSignal.abort(new Error('closed')))).rejects.toThrow();
    expect(clock.nextDueMs()).toBeUndefined();
  });
});
