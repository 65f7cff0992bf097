import fc from 'fast-check';
import { VarintReader, varintBytes, writeVarint } from './varint.js';
import { isError } from './error-table.js';

function encode(value: number): Buffer {
  const buffer = Buffer.alloc(12);
  return buffer.subarray(0, writeVarint(buffer, 0, value));
}

function reader(bytes: Buffer): VarintReader {
  return new VarintReader(bytes, 0, bytes.length);
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return isError(error, 'INVALID_BATCH') ? 'INVALID_BATCH' : String(error);
  }
}

describe('varints', () => {
  test.each([
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [300, 'd804'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
    [1700000000000, '80a0abfef962'],
  ])('%d is %s', (value, hex) => {
    expect(encode(value).toString('hex')).toBe(hex);
    expect(reader(Buffer.from(hex, 'hex')).varint()).toBe(value);
  });

  test('come back as they went, in the number of bytes foretold', () => {
    const limit = 2 ** 52 - 1;
    fc.assert(
      fc.property(
        fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -200, max: 200 })),
        (wide) => {
          const value = Math.max(-limit, Math.min(limit, wide));
          const bytes = encode(value);
          expect(bytes.length).toBe(varintBytes(value));
          expect(reader(bytes).varint()).toBe(value);
        },
      ),
    );
  });

  test.each([
    ['nothing', ''],
    ['an unfinished one', '80'],
    ['more than ten bytes', '8080808080808080808001'],
    ['more than 2^53', 'ffffffffffffffffff01'],
  ])('%s is refused', (_, hex) => {
    expect(codeOf(() => reader(Buffer.from(hex, 'hex')).varint())).toBe('INVALID_BATCH');
  });

  test('a length beyond the end, or a negative one, is refused', () => {
    for (const hex of ['0a61', '03', 'feffffff0f']) {
      expect(codeOf(() => reader(Buffer.from(hex, 'hex')).length())).toBe('INVALID_BATCH');
      expect(codeOf(() => reader(Buffer.from(hex, 'hex')).nullableBytes())).toBe('INVALID_BATCH');
      expect(codeOf(() => reader(Buffer.from(hex, 'hex')).text())).toBe('INVALID_BATCH');
    }
  });

  test('a length of -1 is null', () => {
    expect(reader(Buffer.from([1])).nullableBytes()).toBeNull();
  });
});
