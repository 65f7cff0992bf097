import fc from 'fast-check';
import { Lz4BlockFault } from './lz4-block.js';
import { compressLz4Frame, decompressLz4Frame, lz4FrameBound } from './lz4-frame.js';
import { loadNativeLz4 } from './native-modules.js';
import { xxhash32 } from './xxhash32.js';

/** undefined with ZHUMQ_NATIVE=0. */
const native = loadNativeLz4();
const NO_LIMIT = 2 ** 30;

/** Bytes with repetitions near and far: where a packer makes its mistakes. */
const repetitive = fc
  .array(
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 400 })),
    {
      maxLength: 20,
    },
  )
  .map((parts) =>
    Buffer.concat(parts.flatMap(([part, times]) => Array<Uint8Array>(times).fill(part))),
  );

function sample(bytes: number): Buffer {
  const lines = Array.from(
    { length: Math.ceil(bytes / 15) },
    (_, i) => `{"id":${i},"user":${(i * 7919) % 97}}\n`,
  );
  return Buffer.from(lines.join('')).subarray(0, bytes);
}

describe('an LZ4 frame', () => {
  test.each([0, 1, 4, 5, 11, 12, 13, 14, 100, 65535, 65536, 65537, 200_000])(
    'of %i equal bytes, of text and of noise comes back, in JavaScript and natively',
    async (length) => {
      const noise = Buffer.from(
        Array.from({ length }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) ^ (i * i)) >>> 13),
      );
      for (const content of [Buffer.alloc(length, 7), sample(length), noise]) {
        const ours = compressLz4Frame(content);
        expect(decompressLz4Frame(ours, length).equals(content)).toBe(true);
        if (native !== undefined) {
          expect((await native.decompressFrame(ours)).equals(content)).toBe(true);
          const theirs = await native.compressFrame(content);
          expect(decompressLz4Frame(theirs, length).equals(content)).toBe(true);
        }
        expect(lz4FrameBound(ours)).toBeGreaterThanOrEqual(length);
      }
    },
  );

  test('of anything comes back', () => {
    fc.assert(
      fc.property(fc.oneof(repetitive, fc.uint8Array({ maxLength: 500 })), (bytes) => {
        const content = Buffer.from(bytes);
        const frame = compressLz4Frame(content);
        expect(decompressLz4Frame(frame, content.length).equals(content)).toBe(true);
      }),
    );
  });

  test('is smaller than repetitive content and hardly larger than noise', () => {
    expect(compressLz4Frame(sample(65536)).length).toBeLessThan(65536 / 2);
    expect(compressLz4Frame(Buffer.alloc(1_000_000)).length).toBeLessThan(5000);
  });

  test('is Kafka-like: version 1, independent blocks of 64 KiB, no sizes, no checksums', () => {
    expect(compressLz4Frame(sample(1000)).subarray(0, 7).toString('hex')).toBe('04224d18604082');
  });

  test('does not grow beyond the limit, whatever its bytes say', () => {
    const bomb = compressLz4Frame(Buffer.alloc(1_000_000));
    expect(() => decompressLz4Frame(bomb, 999_999)).toThrow(Lz4BlockFault);
    expect(decompressLz4Frame(bomb, 1_000_000)).toHaveLength(1_000_000);
  });

  test('that is cut short or goes on is refused', () => {
    const frame = compressLz4Frame(sample(3000));
    for (let length = 0; length < frame.length; length++) {
      expect(() => decompressLz4Frame(frame.subarray(0, length), NO_LIMIT)).toThrow(Lz4BlockFault);
    }
    expect(() => decompressLz4Frame(Buffer.concat([frame, Buffer.alloc(1)]), NO_LIMIT)).toThrow(
      Lz4BlockFault,
    );
  });

  test('with any byte changed gives bytes within the limit or a fault, never more', () => {
    const content = sample(2000);
    const frame = compressLz4Frame(content);
    for (let position = 0; position < frame.length; position++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const bad = Buffer.from(frame);
        bad[position] ^= change;
        try {
          expect(decompressLz4Frame(bad, 4000).length).toBeLessThanOrEqual(4000);
        } catch (error) {
          expect(error).toBeInstanceOf(Lz4BlockFault);
        }
      }
    }
  });

  test('of arbitrary blocks behind a good header is content or a fault', () => {
    const header = Buffer.from('04224d18604082', 'hex');
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (block) => {
        const size = Buffer.alloc(4);
        size.writeUInt32LE(block.length);
        const frame = Buffer.concat([header, size, block, Buffer.alloc(4)]);
        try {
          decompressLz4Frame(frame, 10_000);
        } catch (error) {
          expect(error).toBeInstanceOf(Lz4BlockFault);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('that states a size which its blocks can not have is refused before anything is allocated', () => {
    const frame = compressLz4Frame(sample(1000));
    const sized = Buffer.concat([
      frame.subarray(0, 4),
      Buffer.from([0x68, 0x40]),
      Buffer.from('0000000001000000', 'hex'),
      Buffer.alloc(1),
      frame.subarray(7),
    ]);
    sized[14] = (xxhash32(sized, 4, 14) >>> 8) & 0xff;
    expect(() => lz4FrameBound(sized)).toThrow(/states 4294967296 bytes/);
    sized.writeUInt32LE(1000, 6);
    sized.writeUInt32LE(0, 10);
    sized[14] = (xxhash32(sized, 4, 14) >>> 8) & 0xff;
    expect(decompressLz4Frame(sized, NO_LIMIT)).toEqual(sample(1000));
  });

  test('of one small block asks for no more memory than the block can give', () => {
    const header = Buffer.from('04224d18604082', 'hex');
    const frame = Buffer.concat([header, Buffer.from('010000000000000000', 'hex')]);
    expect(lz4FrameBound(frame)).toBe(255);
  });
});
