import { ManualClock } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { StoreService } from '../generated/services.js';
import { methodsOf } from './method.js';
import { PendingCalls } from './pending-calls.js';

const [METHOD] = methodsOf(StoreService);

function start(calls: PendingCalls, timeoutMs = 1000, signal?: AbortSignal) {
  const sequenceId = calls.nextSequenceId();
  const outcome: { error?: Error & { code?: string }; value?: unknown } = {};
  calls.add(
    sequenceId,
    METHOD,
    timeoutMs,
    signal,
    (value) => (outcome.value = value),
    (error) => (outcome.error = error),
  );
  return { sequenceId, outcome };
}

test('sequence ids go from 2^31 - 1 to 1 and pass over those in use', () => {
  const calls = new PendingCalls(new ManualClock(), undefined, 0x7fff_fffd);
  const ids = [start(calls), start(calls)].map((call) => call.sequenceId);
  expect(ids).toEqual([0x7fff_fffe, 0x7fff_ffff]);
  expect(start(calls).sequenceId).toBe(1);
  const wrapped = new PendingCalls(new ManualClock(), undefined);
  expect([start(wrapped).sequenceId, start(wrapped).sequenceId]).toEqual([1, 2]);
  (wrapped as unknown as { sequenceId: number }).sequenceId = 0x7fff_ffff;
  expect(start(wrapped).sequenceId).toBe(3);
});

test('each call ends at its own deadline, with one timer for all', () => {
  const clock = new ManualClock();
  const durations: number[] = [];
  const calls = new PendingCalls(clock, {
    called: (_method, durationMs) => durations.push(durationMs),
  });
  const late = start(calls, 1000).outcome;
  const early = start(calls, 100).outcome;
  clock.advance(99);
  expect(early.error).toBeUndefined();
  clock.advance(1);
  expect(early.error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown', retriable: true });
  expect(early.error?.message).toBe('call got no answer within 100 ms; it may have been done');
  expect(late.error).toBeUndefined();
  clock.advance(900);
  expect(late.error?.code).toBe('TIMEOUT');
  expect(clock.nextDueMs()).toBeUndefined();
  expect([calls.size, durations]).toEqual([0, [100, 1000]]);
});

test('an aborted call ends at once and leaves no listener behind', () => {
  const controller = new AbortController();
  const removed = jest.spyOn(controller.signal, 'removeEventListener');
  const calls = new PendingCalls(new ManualClock(), undefined);
  const { outcome } = start(calls, 1000, controller.signal);
  controller.abort(new Error('no longer needed'));
  expect(outcome.error).toMatchObject({ code: 'ABORTED', cause: new Error('no longer needed') });
  expect(removed).toHaveBeenCalledTimes(1);
  expect(calls.size).toBe(0);
});

test('the end of the connection settles all calls and tells those that were sent from the others', () => {
  const clock = new ManualClock();
  const calls = new PendingCalls(clock, undefined);
  const [sent, notSent] = [start(calls), start(calls)];
  calls.failAll(1, (method, maySent) =>
    zhumqError(maySent ? 'CONNECTION_LOST' : 'CONNECTION_REFUSED', method),
  );
  expect([sent.outcome.error?.code, notSent.outcome.error?.code]).toEqual([
    'CONNECTION_LOST',
    'CONNECTION_REFUSED',
  ]);
  expect(clock.nextDueMs()).toBeUndefined();
});
