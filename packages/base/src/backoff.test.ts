import { Backoff } from './backoff.js';
import { SeededRandom } from './random.js';

const lowest = { fraction: () => 0, below: () => 0 };

test('the wait doubles up to the limit', () => {
  const backoff = new Backoff({ minMs: 100, maxMs: 1000 }, lowest);
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.nextMs())).toEqual([50, 100, 200, 400, 500, 500]);
});

test('every wait lies between half of the ceiling and the ceiling', () => {
  const backoff = new Backoff({ minMs: 64, maxMs: 64 }, new SeededRandom(7));
  const waits = Array.from({ length: 1000 }, () => backoff.nextMs());
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(32);
  expect(Math.max(...waits)).toBeLessThanOrEqual(64);
  expect(new Set(waits).size).toBeGreaterThan(20);
});

test('reset starts again from the shortest wait', () => {
  const backoff = new Backoff({ minMs: 100, maxMs: 1000 }, lowest);
  backoff.nextMs();
  backoff.nextMs();
  backoff.reset();
  expect(backoff.nextMs()).toBe(50);
});

test('thousands of attempts do not overflow', () => {
  const backoff = new Backoff({ minMs: 100, maxMs: 1000 }, lowest);
  for (let attempt = 0; attempt < 5000; attempt++) backoff.nextMs();
  expect(backoff.nextMs()).toBe(500);
});
