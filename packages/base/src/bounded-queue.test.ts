import { AssertionFailed } from './assert.js';
import { BoundedQueue } from './bounded-queue.js';
import { SeededRandom } from './random.js';

test('items leave in the order in which they came', () => {
  const queue = new BoundedQueue<string>({ maxCount: 10, maxBytes: 100 });
  for (const item of ['a', 'b', 'c']) expect(queue.offer(item, 1)).toBe('taken');
  expect(queue.peek()).toBe('a');
  expect([queue.poll(), queue.poll(), queue.poll(), queue.poll()]).toEqual([
    'a',
    'b',
    'c',
    undefined,
  ]);
});

test('it is full at the count limit and takes again when one has left', () => {
  const queue = new BoundedQueue<number>({ maxCount: 2, maxBytes: 100 });
  queue.offer(1, 0);
  queue.offer(2, 0);
  expect(queue.offer(3, 0)).toBe('full');
  queue.poll();
  expect(queue.offer(3, 0)).toBe('taken');
});

test('it is full at the byte limit, which it may reach exactly', () => {
  const queue = new BoundedQueue<number>({ maxCount: 10, maxBytes: 10 });
  expect(queue.offer(1, 6)).toBe('taken');
  expect(queue.offer(2, 5)).toBe('full');
  expect(queue.offer(3, 4)).toBe('taken');
  expect(queue.bytes).toBe(10);
});

test('an item that would never fit is told apart from one that has to wait', () => {
  const queue = new BoundedQueue<number>({ maxCount: 10, maxBytes: 10 });
  expect(queue.offer(1, 11)).toBe('too-large');
  expect(queue.count).toBe(0);
});

test('drain gives everything and leaves nothing', () => {
  const queue = new BoundedQueue<number>({ maxCount: 10, maxBytes: 10 });
  for (const item of [1, 2, 3]) queue.offer(item, 2);
  expect(queue.drain()).toEqual([1, 2, 3]);
  expect([queue.count, queue.bytes, queue.peek()]).toEqual([0, 0, undefined]);
});

test('it agrees with a plain array over many random steps', () => {
  const random = new SeededRandom(11);
  const queue = new BoundedQueue<number>({ maxCount: 50, maxBytes: 200 });
  const model: { item: number; bytes: number }[] = [];
  for (let step = 0; step < 20_000; step++) {
    if (random.below(2) === 0) {
      const bytes = random.below(10);
      const held = model.reduce((sum, entry) => sum + entry.bytes, 0);
      const room = model.length < 50 && held + bytes <= 200;
      expect(queue.offer(step, bytes)).toBe(room ? 'taken' : 'full');
      if (room) model.push({ item: step, bytes });
    } else {
      expect(queue.poll()).toBe(model.shift()?.item);
    }
    expect(queue.count).toBe(model.length);
  }
});

test('a queue without room and an item with negative bytes are bugs', () => {
  expect(() => new BoundedQueue({ maxCount: 0, maxBytes: 1 })).toThrow(AssertionFailed);
  expect(() => new BoundedQueue({ maxCount: 1, maxBytes: 1 }).offer(1, -1)).toThrow(
    AssertionFailed,
  );
});
