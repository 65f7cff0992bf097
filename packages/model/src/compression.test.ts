import { gzipSync } from 'node:zlib';
import {
  ASYNC_FROM_BYTES,
  compress,
  compressSync,
  decompress,
  decompressSync,
} from './compression.js';
import { isError } from './error-table.js';
import { compressLz4Frame } from './lz4-frame.js';
import { loadNativeLz4 } from './native-modules.js';

const small = Buffer.from('a record '.repeat(100));
/** Large, and still large when packed. */
const large = Buffer.from(
  Array.from(
    { length: 3 * ASYNC_FROM_BYTES },
    (_, i) => Math.imul(i ^ (i >>> 7), 0x9e3779b1) >>> 23,
  ),
);

describe.each(['none', 'gzip', 'lz4'] as const)('codec %s', (codec) => {
  test('gives back what it took, at once and elsewhere', async () => {
    for (const content of [small, large, Buffer.from('x')]) {
      const packed = await compress(codec, content);
      expect(decompressSync(codec, packed, content.length)).toEqual(content);
      expect(await decompress(codec, packed, content.length)).toEqual(content);
      const atOnce = compressSync(codec, content);
      expect(await decompress(codec, atOnce, content.length)).toEqual(content);
    }
  });
});

describe.each(['gzip', 'lz4'] as const)('codec %s', (codec) => {
  const elsewhere = codec === 'gzip' || loadNativeLz4() !== undefined;

  test('answers at once for small content and, where it can, by a promise for large', async () => {
    expect(compress(codec, small)).toBeInstanceOf(Buffer);
    expect(Buffer.isBuffer(compress(codec, large))).toBe(!elsewhere);
    const packed = await compress(codec, large);
    expect(packed.length).toBeGreaterThanOrEqual(ASYNC_FROM_BYTES);
    expect(decompress(codec, packed, large.length)).toHaveProperty('then');
  });

  test('unpacks to the limit and not beyond', async () => {
    const bomb = compressSync(codec, Buffer.alloc(50_000_000));
    expect(() => decompressSync(codec, bomb, 1_000_000)).toThrow(/at most 1000000 bytes/);
    const packed = await compress(codec, large);
    await expect(
      Promise.resolve(decompress(codec, packed, large.length - 1)),
    ).rejects.toMatchObject({
      code: 'INVALID_BATCH',
    });
    expect(decompressSync(codec, compressSync(codec, small), small.length)).toEqual(small);
  });

  test('refuses garbage with a typed error', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('garbage'), large]) {
      const error = await Promise.resolve()
        .then(() => decompress(codec, bytes, 1e9))
        .catch((reason: unknown) => reason);
      expect(isError(error, 'INVALID_BATCH')).toBe(true);
    }
  });
});

test('a frame that states a hostile size is refused before memory is asked for', () => {
  const frame = compressLz4Frame(small);
  const sized = Buffer.concat([
    frame.subarray(0, 4),
    Buffer.from([0x68, 0x40]),
    Buffer.alloc(8, 0x7f),
    frame.subarray(6),
  ]);
  expect(() => decompressSync('lz4', sized, 1e9)).toThrow(/header does not match/);
});

test.each(['snappy', 'zstd'] as const)('codec %s is known and not available', (codec) => {
  expect(() => decompressSync(codec, small, 1000)).toThrow(
    expect.objectContaining({ code: 'COMPRESSION_UNAVAILABLE' }) as Error,
  );
});

test('gzip of another maker is read', () => {
  expect(decompressSync('gzip', gzipSync(small, { level: 9 }), 10_000)).toEqual(small);
});
