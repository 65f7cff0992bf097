import fc from 'fast-check';
import { decodeRecords } from './batch-decoder.js';
import { encodeBatch } from './batch-encoder.js';
import { BATCH_CRC_START, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES } from './batch-header.js';
import { crc32c } from './crc32c.js';
import { isError } from './error-table.js';

const LIMITS = { maxDecompressedBytes: 100_000 };
const EMPTY = { timestamp: 1000, key: null, value: null };

/** A batch with a good header and checksum around any records section. */
function around(
  section: Buffer,
  count: number,
  lastOffsetDelta = count - 1,
  attributes = 0,
): Buffer {
  const header = encodeBatch([EMPTY]).subarray(0, BATCH_HEADER_BYTES);
  const batch = Buffer.concat([header, section]);
  batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, 8);
  batch.writeInt16BE(attributes, 21);
  batch.writeInt32BE(lastOffsetDelta, 23);
  batch.writeInt32BE(count, 57);
  batch.writeUInt32BE(crc32c(batch, 0, BATCH_CRC_START), 17);
  return batch;
}

function failureOf(batch: Buffer): unknown {
  try {
    return decodeRecords(batch, LIMITS);
  } catch (error) {
    return error;
  }
}

describe('the records of a batch', () => {
  test('are read with what they hold', () => {
    // length 9: attributes, timestamp +1, offset 0, key "k", value "v", no headers
    const section = Buffer.from('10000200026b027600', 'hex');
    expect(decodeRecords(around(section, 1), LIMITS)).toEqual([
      { offset: 0, timestamp: 1001, key: Buffer.from('k'), value: Buffer.from('v'), headers: [] },
    ]);
  });

  test('may leave offsets out, as compaction does', () => {
    const section = Buffer.from('0c000004010100', 'hex');
    expect(decodeRecords(around(section, 1, 5), LIMITS)[0].offset).toBe(2);
    expect(decodeRecords(around(Buffer.alloc(0), 0, 5), LIMITS)).toEqual([]);
  });

  const hostile: [string, string, number][] = [
    ['fewer bytes than records', '0c000000010100', 2],
    ['a count of 2^31 - 1', '0c000000010100', 2147483647],
    ['a negative count', '0c000000010100', -1],
    ['bytes left over', '0c00000001010000', 1],
    ['a record longer than the batch', '0e000000010100', 1],
    ['a record longer than its fields', '0e00000001010000', 1],
    ['a record shorter than its fields', '0a000000010100', 1],
    ['a negative record length', '01000000010100', 1],
    ['a record length of 2^31 - 1', 'feffffff0f000000010100', 1],
    ['a key longer than the record', '0c0000007e0100', 1],
    ['a key length of -2', '0c000000030100', 1],
    ['a value longer than the record', '0c000000017e00', 1],
    ['a negative count of headers', '0c000000010101', 1],
    ['more headers than bytes', '0c00000001017e', 1],
    ['a header without a name', '1000000001010201ff', 1],
    ['an offset beyond the last', '0c000002010100', 1],
    ['a negative offset', '0c000001010100', 1],
    ['an offset twice', '0c0000000101000c000000010100', 2],
    ['a timestamp of more than 64 bits', '2000ffffffffffffffffffff0000010100', 1],
    ['a timestamp beyond 2^53', '1e00ffffffffffffffffff0100010100', 1],
  ];

  test.each(hostile)('with %s are refused', (_, hex, count) => {
    expect(failureOf(around(Buffer.from(hex, 'hex'), count))).toMatchObject({
      code: 'INVALID_BATCH',
    });
  });

  test('with a codec that does not exist, or that is not here, are refused', () => {
    const section = Buffer.from('0c000000010100', 'hex');
    expect(failureOf(around(section, 1, 0, 5))).toMatchObject({ code: 'INVALID_BATCH' });
    expect(failureOf(around(section, 1, 0, 2))).toMatchObject({ code: 'COMPRESSION_UNAVAILABLE' });
    expect(failureOf(around(section, 1, 0, 1))).toMatchObject({ code: 'INVALID_BATCH' });
  });

  test('that unpack to more than allowed are refused', () => {
    for (const codec of ['gzip', 'lz4'] as const) {
      const value = Buffer.alloc(LIMITS.maxDecompressedBytes);
      const bomb = encodeBatch([{ ...EMPTY, value }], { codec });
      expect(bomb.length).toBeLessThan(1000);
      expect(failureOf(bomb)).toMatchObject({ code: 'INVALID_BATCH' });
    }
  });

  test('behind a wrong checksum are not read, unless it was checked before', () => {
    const batch = encodeBatch([EMPTY]);
    batch[17] ^= 1;
    expect(failureOf(batch)).toMatchObject({ code: 'CORRUPT_BATCH', retriable: true });
    expect(decodeRecords(batch, { ...LIMITS, checkCrc: false })).toHaveLength(1);
  });

  test('of arbitrary bytes give records or a typed error, whatever the codec', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: -1, max: 40 }),
        fc.constantFrom(0, 1, 3),
        (section, count, attributes) => {
          const result = failureOf(around(Buffer.from(section), count, 50, attributes));
          expect(Array.isArray(result) || isError(result, 'INVALID_BATCH')).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('with any byte changed, under a checksum made to fit, give records or a typed error', () => {
    const input = [
      {
        timestamp: 1000,
        key: Buffer.from('key'),
        value: Buffer.from('value'),
        headers: [['a', Buffer.from('b')]] as const,
      },
      { timestamp: 1001, key: null, value: Buffer.alloc(30, 1) },
    ];
    const section = encodeBatch(input).subarray(BATCH_HEADER_BYTES);
    for (let position = 0; position < section.length; position++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = Buffer.from(section);
        changed[position] = byte;
        const result = failureOf(around(changed, 2));
        if (!Array.isArray(result) && !isError(result, 'INVALID_BATCH')) throw result;
      }
    }
  });

  test('of anything that is no batch at all give a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const result = failureOf(Buffer.from(bytes));
        expect(isError(result, 'INVALID_BATCH') || isError(result, 'CORRUPT_BATCH')).toBe(true);
      }),
    );
  });
});
