import { Durability } from './durability.js';

test('a sync that was asked for before a cut confirms nothing that was written after it', () => {
  const durability = new Durability(0);
  durability.append(1, 0, 3, true);
  durability.complete(1);
  const mark = durability.mark(3);
  durability.cut(1);
  // The cut's frame is number 2; other records at the same offsets, their segment synced, their frame not.
  durability.append(3, 1, 3, true);
  durability.complete(3);
  durability.syncBegan();
  durability.syncEnded();
  durability.reached(mark);
  expect(durability.end(true)).toBe(3);
  expect(durability.end(false)).toBe(1);
  durability.reached(durability.mark(3));
  expect(durability.end(false)).toBe(3);
});

test('a direct append is synced when its segment is and a later frame was, never by one of both', () => {
  const durability = new Durability(0);
  durability.append(1, 0, 2, true);
  durability.complete(1);
  durability.append(2, 2, 4, false);
  durability.complete(2);
  expect(durability.end(true)).toBe(4);
  expect(durability.end(false)).toBe(0);
  durability.syncBegan();
  expect(durability.end(false)).toBe(0);
  durability.syncEnded();
  expect(durability.end(false)).toBe(4);
});
