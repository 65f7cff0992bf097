import { ManualClock } from '@zhumq/base';
import type { Session, SessionListener } from '@zhumq/metadata';
import { broker } from '../testing/fetch-world.js';
import { RegistrationGrace } from './registration-grace.js';

const TIMEOUT_MS = 6_000;

function world(number = 1) {
  const clock = new ManualClock();
  const listeners = new Set<SessionListener>();
  const store = {
    session: { state: 'connected', number, token: 't' } as Session,
    onSession: (listener: SessionListener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const grace = new RegistrationGrace({ store, clock, sessionTimeoutMs: TIMEOUT_MS });
  const change = (state: Session['state'], session: number): void => {
    for (const listener of listeners) listener({ state, number: session, token: 't' });
  };
  const see = (...ids: number[]): void =>
    grace.see({ liveBrokers: new Map(ids.map((id) => [id, broker(id)])) });
  return { clock, grace, change, see, listeners };
}

test('a zkserver that has just started waits for brokers that it has not seen, and no longer than a session', () => {
  const { clock, grace, see } = world();
  see(1);
  expect([1, 2].map((id) => grace.isAwaited(id))).toEqual([false, true]);
  clock.advance(TIMEOUT_MS - 1);
  expect([grace.isAwaited(2), grace.remainingMs]).toEqual([true, 1]);
  clock.advance(1);
  expect([grace.isAwaited(2), grace.remainingMs]).toEqual([false, 0]);
});

test('the first session may come late: it is not the one after a loss', () => {
  const { clock, grace, change, see } = world(0);
  clock.advance(60_000);
  change('connected', 1);
  see(1);
  expect([1, 2].map((id) => grace.isAwaited(id))).toEqual([false, true]);
});

test('after the loss of a session everybody is awaited, seen or not: the old nodes may go before the new ones come', () => {
  const { clock, grace, change, see } = world();
  clock.advance(TIMEOUT_MS);
  change('lost', 1);
  expect(grace.isAwaited(1)).toBe(false);
  change('connected', 2);
  see(1);
  expect(grace.isAwaited(1)).toBe(true);
  clock.advance(TIMEOUT_MS);
  expect(grace.isAwaited(1)).toBe(false);
});

test('a connection that is interrupted within one session makes nobody wait', () => {
  const { clock, grace, change, listeners } = world();
  clock.advance(TIMEOUT_MS);
  change('suspended', 1);
  change('connected', 1);
  expect(grace.isAwaited(1)).toBe(false);
  grace.stop();
  expect(listeners.size).toBe(0);
});
