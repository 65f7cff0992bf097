import { xxhash32 } from './xxhash32.js';

describe('xxhash32', () => {
  test.each([
    ['', 0, 0x02cc5d05],
    ['a', 0, 0x550d7456],
    ['abc', 0, 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0, 0xe2293b2f],
    ['', 0x9e3779b1, 0x36b78ae7],
  ])('of "%s" with seed %i is the published value', (text, seed, expected) => {
    const bytes = Buffer.from(text);
    expect(xxhash32(bytes, 0, bytes.length, seed)).toBe(expected);
  });

  test('looks only at the bytes it is told', () => {
    expect(xxhash32(Buffer.from('xxabcxx'), 2, 5)).toBe(0x32d153ff);
  });
});
