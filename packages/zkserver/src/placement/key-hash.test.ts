import { keyHash } from './key-hash.js';

// Computed apart from the program, from the description at its top. They may never change: placements depend on them.
const golden: readonly (readonly [readonly (string | number)[], bigint])[] = [
  [[], 0xefd01f60ba992926n],
  [[''], 0x4d33a93727192487n],
  [['a', 'bc'], 0x65c9d289814c10a2n],
  [['ab', 'c'], 0x5f973db74bd917dan],
  [['broker', 1, 0], 0xcd56ffd8ef8ad5fn],
  [['partition', 'orders', 0], 0xaa7533bd5492bd98n],
  [['partition', 'orders', 9999], 0x4476f2baef522ba8n],
  [['ä', '€', '😀'], 0xf109219e8420f951n],
];

test.each(golden)('the key %j has the same hash on every machine', (parts, hash) => {
  expect(keyHash(...parts)).toBe(hash);
});

test('the parts of a key are kept apart', () => {
  expect(keyHash('a', 'bc')).not.toBe(keyHash('ab', 'c'));
  expect(keyHash('abc')).not.toBe(keyHash('a', 'bc'));
  expect(keyHash('a', '')).not.toBe(keyHash('a'));
});
