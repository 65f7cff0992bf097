import { HashRing } from './hash-ring.js';
import { keyHash } from './key-hash.js';

const members = (count: number): { id: number; weight: number }[] =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, weight: 1 }));

function order(ring: HashRing, key: bigint): number[] {
  const found: number[] = [];
  ring.walk(key, (owner) => found.push(ring.members[owner].id) > 0);
  return found;
}

test.each([1, 2, 3, 100])('a walk over %i members meets each of them once', (count) => {
  const ring = new HashRing(members(count), 128);
  for (let key = 0; key < 50; key++) {
    expect(order(ring, keyHash(key)).sort((a, b) => a - b)).toEqual(
      members(count).map(({ id }) => id),
    );
  }
});

test('a key behind the last point begins again at the first', () => {
  const ring = new HashRing(members(3), 1);
  expect(order(ring, 2n ** 64n - 1n)).toEqual(order(ring, 0n));
});

test('the order in which members are given does not matter', () => {
  const one = new HashRing(members(10), 128);
  const other = new HashRing(members(10).reverse(), 128);
  for (let key = 0; key < 50; key++) {
    expect(order(one, keyHash(key))).toEqual(order(other, keyHash(key)));
  }
});

test('a member that joins changes the order of the others for no key', () => {
  const before = new HashRing(members(9), 128);
  const after = new HashRing(members(10), 128);
  for (let key = 0; key < 200; key++) {
    const without = order(after, keyHash(key)).filter((id) => id !== 10);
    expect(without).toEqual(order(before, keyHash(key)));
  }
});

test('the member with the nearest point is the first of the walk', () => {
  const ring = new HashRing(members(10), 128);
  for (let key = 0; key < 50; key++) {
    const distances = ring.members.map((_, owner) => ring.distance(keyHash(key), owner));
    const nearest = distances.indexOf(distances.reduce((a, b) => (a < b ? a : b)));
    expect(order(ring, keyHash(key))[0]).toBe(ring.members[nearest].id);
  }
});
