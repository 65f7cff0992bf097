import fc from 'fast-check';
import { BatchBuilder, singleBatchBytes, stampProducer } from './batch-builder.js';
import { decodeRecords, decodeRecordsElsewhere } from './batch-decoder.js';
import { encodeBatch } from './batch-encoder.js';
import { readBatchHeader, stampBatch } from './batch-header.js';
import { checkProducedBatch, checkStoredBatch } from './batch-validation.js';
import type { UsableCodec } from './compression.js';
import { loadNativeLz4 } from './native-modules.js';
import { MAX_TIMESTAMP_MS } from './records.js';
import type { RecordInput } from './records.js';

const LIMITS = { maxDecompressedBytes: 2 ** 24 };
const bytes = fc.oneof(fc.uint8Array({ maxLength: 10 }), fc.uint8Array({ maxLength: 300 }));
const maybeBytes = fc.option(bytes.map((array) => Buffer.from(array)));
const header = fc.tuple(fc.string({ unit: 'grapheme', maxLength: 8 }), maybeBytes);
const record: fc.Arbitrary<RecordInput> = fc.record({
  timestamp: fc.oneof(
    fc.integer({ min: 1.7e12, max: 1.8e12 }),
    fc.nat(),
    fc.integer({ min: 0, max: MAX_TIMESTAMP_MS }),
  ),
  key: maybeBytes,
  value: maybeBytes,
  headers: fc.array(header, { maxLength: 3 }),
});
const records = fc.array(record, { minLength: 1, maxLength: 20 });
const codec = fc.constantFrom<UsableCodec>('none', 'gzip', 'lz4');
const producer = fc.record({
  producerId: fc.maxSafeNat(),
  producerEpoch: fc.nat(32767),
  baseSequence: fc.nat(2147483647),
});

describe('a batch', () => {
  test('comes back as it went', () => {
    fc.assert(
      fc.property(records, codec, producer, (input, used, identity) => {
        const batch = encodeBatch(input, { codec: used, ...identity });
        const found = checkProducedBatch(batch, { maxBatchBytes: batch.length });
        expect(found).toMatchObject({
          ...identity,
          recordsCount: input.length,
          baseOffset: 0,
          epoch: -1,
        });
        expect(found.maxTimestamp).toBe(Math.max(...input.map(({ timestamp }) => timestamp)));
        stampBatch(batch, 0, 1000, 7);
        const decoded = decodeRecords(batch, LIMITS);
        expect(decoded).toEqual(input.map((one, index) => ({ ...one, offset: 1000 + index })));
      }),
    );
  });

  test('has the size that was foretold, and takes no record beyond the limit', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 61, max: 2000 }), (input, limit) => {
        const builder = new BatchBuilder({ initialBytes: 0 });
        let taken = 0;
        for (const one of input) {
          const before = builder.sizeBytes;
          if (builder.append(one, limit)) taken++;
          else expect(builder.sizeBytes).toBe(before);
          if (
            taken === 1 &&
            builder.recordsCount === 1 &&
            before === 61 &&
            builder.sizeBytes > 61
          ) {
            expect(builder.sizeBytes).toBe(singleBatchBytes(one));
          }
        }
        expect(builder.recordsCount).toBe(taken);
        expect(builder.sizeBytes).toBeLessThanOrEqual(limit);
        if (taken > 0) expect(builder.finishSync()).toHaveLength(builder.sizeBytes);
      }),
    );
  });

  test('with any single bit flipped is found out', () => {
    const good = encodeBatch(
      [
        { timestamp: 5, key: Buffer.from('k'), value: Buffer.from('value') },
        { timestamp: 9, key: null, value: null, headers: [['h', null]] },
      ],
      { producerId: 1, producerEpoch: 2, baseSequence: 3 },
    );
    stampBatch(good, 0, 42, 3);
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = Buffer.from(good);
      bad[bit >> 3] ^= 1 << (bit & 7);
      // Base offset and epoch are the leader's and lie outside the checksum: a reader knows what they must be.
      const stored = checkStoredBatch(bad, 0, { nextOffset: 42, minEpoch: 3, maxEpoch: 3 });
      expect(stored.kind).not.toBe('batch');
      const inStamp = bit < 64 || (bit >= 96 && bit < 128);
      if (!inStamp) expect(() => checkProducedBatch(bad, { maxBatchBytes: 1000 })).toThrow();
    }
  });

  test('is compressed only where that makes it smaller', () => {
    const tiny = encodeBatch([{ timestamp: 1, key: null, value: Buffer.from('x') }], {
      codec: 'gzip',
    });
    expect(readBatchHeader(tiny).attributes).toBe(0);
    const value = Buffer.alloc(1000, 'x');
    const packed = encodeBatch([{ timestamp: 1, key: null, value }], { codec: 'lz4' });
    expect(readBatchHeader(packed).attributes).toBe(3);
    expect(packed.length).toBeLessThan(200);
  });

  test.each(['gzip', 'lz4'] as const)(
    'of many bytes is packed with %s and unpacked elsewhere',
    async (used) => {
      const builder = new BatchBuilder({ codec: used });
      for (let i = 0; i < 5000; i++) {
        builder.append({
          timestamp: i,
          key: null,
          value: Buffer.from(`${Math.imul(i, 0x9e3779b1)} ${Math.imul(i, 0x85ebca77)} ${i}`),
        });
      }
      const pending = builder.finish({ producerId: 1, producerEpoch: 0, baseSequence: 0 });
      expect(Buffer.isBuffer(pending)).toBe(used === 'lz4' && loadNativeLz4() === undefined);
      const batch = await pending;
      expect(checkProducedBatch(batch, { maxBatchBytes: 1e6 }).recordsCount).toBe(5000);
      const decoded = await decodeRecordsElsewhere(batch, LIMITS);
      expect(decoded).toHaveLength(5000);
      expect(decoded).toEqual(decodeRecords(batch, LIMITS));
    },
  );

  test('gets another producer epoch and stays whole', () => {
    const batch = encodeBatch([{ timestamp: 1, key: null, value: null }], {
      producerId: 5,
      producerEpoch: 0,
      baseSequence: 9,
    });
    const identity = { producerId: 5, producerEpoch: 1, baseSequence: 0 };
    stampProducer(batch, identity);
    expect(checkProducedBatch(batch, { maxBatchBytes: 1000 })).toMatchObject(identity);
  });

  test.each([-1, 0.5, NaN, Infinity, MAX_TIMESTAMP_MS + 1])(
    'takes no timestamp of %d',
    (timestamp) => {
      expect(() => encodeBatch([{ timestamp, key: null, value: null }])).toThrow(
        /whole milliseconds/,
      );
    },
  );

  test('is never empty and is finished once', () => {
    expect(() => new BatchBuilder().finishSync()).toThrow(/at least one record/);
    const builder = new BatchBuilder();
    builder.append({ timestamp: 1, key: null, value: null });
    builder.finishSync();
    expect(() => builder.finishSync()).toThrow(/finished once/);
    expect(() => builder.append({ timestamp: 1, key: null, value: null })).toThrow(
      /no more records/,
    );
  });
});
