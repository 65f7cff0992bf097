import { AssertionFailed } from './assert.js';
import { BudgetRefused, ByteBudget } from './byte-budget.js';

const limits = { maxBytes: 100, maxWaiters: 10 };

/** Notes the order in which reservations are granted. */
function granting(budget: ByteBudget) {
  const granted: string[] = [];
  const ask = async (name: string, bytes: number, signal?: AbortSignal): Promise<void> => {
    await budget.reserve(bytes, signal);
    granted.push(name);
  };
  return { granted, ask };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('bytes are reserved up to the limit and come back by release', () => {
  const budget = new ByteBudget(limits);
  expect(budget.tryReserve(100)).toBe(true);
  expect(budget.tryReserve(1)).toBe(false);
  budget.release(40);
  expect([budget.used, budget.available]).toEqual([60, 40]);
  expect(budget.tryReserve(40)).toBe(true);
});

test('waiters are served in order of arrival, even if a later one would fit', async () => {
  const budget = new ByteBudget(limits);
  const { granted, ask } = granting(budget);
  budget.tryReserve(90);
  void ask('large', 50);
  void ask('small', 5);
  expect(budget.tryReserve(1)).toBe(false);
  await turn();
  expect([granted, budget.waiting]).toEqual([[], 2]);
  budget.release(40);
  await turn();
  expect(granted).toEqual(['large']);
  budget.release(10);
  await turn();
  expect(granted).toEqual(['large', 'small']);
  expect(budget.used).toBe(95);
});

test('a waiter that gives up holds nothing and lets those behind it pass', async () => {
  const budget = new ByteBudget(limits);
  const { granted, ask } = granting(budget);
  budget.tryReserve(90);
  const abort = new AbortController();
  const large = ask('large', 50, abort.signal);
  void ask('small', 5);
  abort.abort(new Error('closed'));
  await expect(large).rejects.toThrow('closed');
  await turn();
  expect(granted).toEqual(['small']);
  expect([budget.used, budget.waiting]).toEqual([95, 0]);
});

test('an abort after the grant changes nothing', async () => {
  const budget = new ByteBudget(limits);
  const abort = new AbortController();
  budget.tryReserve(100);
  const waiting = budget.reserve(10, abort.signal);
  budget.release(100);
  abort.abort();
  await expect(waiting).resolves.toBeUndefined();
  expect(budget.used).toBe(10);
});

test('an aborted signal reserves nothing, even if there is room', async () => {
  const budget = new ByteBudget(limits);
  await expect(budget.reserve(1, AbortSignal.abort(new Error('closed')))).rejects.toThrow('closed');
  expect(budget.used).toBe(0);
});

test('what never fits is refused instead of waiting for ever', async () => {
  const budget = new ByteBudget(limits);
  expect(budget.tryReserve(101)).toBe(false);
  await expect(budget.reserve(101)).rejects.toMatchObject({ reason: 'too-large' });
});

test('the queue of waiters has a limit', async () => {
  const budget = new ByteBudget({ maxBytes: 10, maxWaiters: 1 });
  budget.tryReserve(10);
  const first = budget.reserve(1);
  await expect(budget.reserve(1)).rejects.toThrow(BudgetRefused);
  budget.release(10);
  await first;
});

test('releasing more than is held and counting by fractions are bugs', () => {
  const budget = new ByteBudget(limits);
  budget.tryReserve(5);
  expect(() => budget.release(6)).toThrow(AssertionFailed);
  expect(() => budget.release(-1)).toThrow(AssertionFailed);
  expect(() => budget.tryReserve(0.5)).toThrow(AssertionFailed);
  expect(budget.used).toBe(5);
});
