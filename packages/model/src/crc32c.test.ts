import fc from 'fast-check';
import { crc32c, crc32cJs } from './crc32c.js';
import { loadNativeCrc } from './native-modules.js';

describe('crc32c', () => {
  // RFC 3720, appendix B.4, and the usual check value.
  const vectors: [string, Buffer, number][] = [
    ['nothing', Buffer.alloc(0), 0],
    ['123456789', Buffer.from('123456789'), 0xe3069283],
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['31 to 0', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
  ];

  test.each(vectors)('of %s is the published value', (_, bytes, expected) => {
    expect(crc32cJs(bytes)).toBe(expected);
    expect(crc32c(bytes)).toBe(expected);
  });

  test('is installed natively, unless turned off, so that the two ways are really compared', () => {
    expect(loadNativeCrc() !== undefined).toBe(process.env.ZHUMQ_NATIVE !== '0');
  });

  test('is the same in JavaScript and natively, whole and in parts', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 2000 }),
        fc.nat(2000),
        fc.nat(2000),
        (bytes, one, other) => {
          const start = Math.min(one, other, bytes.length);
          const end = Math.min(Math.max(one, other), bytes.length);
          const part = crc32c(bytes, 0, start, end);
          expect(part).toBe(crc32cJs(bytes, 0, start, end));
          expect(part).toBe(crc32cJs(bytes.slice(start, end)));
          const resumed = crc32c(bytes, crc32c(bytes, 0, 0, start), start);
          expect(resumed).toBe(crc32cJs(bytes));
        },
      ),
    );
  });
});
