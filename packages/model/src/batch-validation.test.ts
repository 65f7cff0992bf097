import fc from 'fast-check';
import { encodeBatch } from './batch-encoder.js';
import { BATCH_CRC_START, stampBatch, writeI64 } from './batch-header.js';
import { checkProducedBatch, checkStoredBatch, forEachBatch } from './batch-validation.js';
import { controlBatch } from './control-batch.js';
import { crc32c } from './crc32c.js';
import { zhumqError } from './error-table.js';

const LIMITS = { maxBatchBytes: 10_000 };
const RECORDS = [1, 2, 3].map((timestamp) => ({ timestamp, key: null, value: Buffer.from('v') }));

/** A good batch of three records, changed, with its checksum made to fit again. */
function changed(change: (batch: Buffer) => void): Buffer {
  const batch = encodeBatch(RECORDS, { producerId: 7, producerEpoch: 1, baseSequence: 0 });
  change(batch);
  batch.writeUInt32BE(crc32c(batch, 0, BATCH_CRC_START), 17);
  return batch;
}

function refusal(batch: Buffer): unknown {
  try {
    return checkProducedBatch(batch, LIMITS);
  } catch (error) {
    return error;
  }
}

describe('a produced batch', () => {
  test('that is good is taken, whatever stands where the leader stamps', () => {
    const batch = changed((good) => stampBatch(good, 0, 123, 4));
    expect(checkProducedBatch(batch, LIMITS)).toMatchObject({
      recordsCount: 3,
      producerId: 7,
      lastOffsetDelta: 2,
    });
    expect(checkProducedBatch(encodeBatch(RECORDS), LIMITS)).toMatchObject({ producerId: -1 });
    for (const codec of [1, 2, 3, 4]) {
      expect(
        checkProducedBatch(
          changed((good) => good.writeInt16BE(codec, 21)),
          LIMITS,
        ).attributes,
      ).toBe(codec);
    }
  });

  const wrong: [string, string, (batch: Buffer) => void][] = [
    ['magic 1', 'UNSUPPORTED', (batch) => batch.writeInt8(1, 16)],
    ['magic 3', 'UNSUPPORTED', (batch) => batch.writeInt8(3, 16)],
    ['the control bit', 'INVALID_BATCH', (batch) => batch.writeInt16BE(0x20, 21)],
    ['the transactional bit', 'UNSUPPORTED', (batch) => batch.writeInt16BE(0x10, 21)],
    ['log-append time', 'UNSUPPORTED', (batch) => batch.writeInt16BE(0x08, 21)],
    ['codec 5', 'UNSUPPORTED', (batch) => batch.writeInt16BE(5, 21)],
    ['codec 7', 'UNSUPPORTED', (batch) => batch.writeInt16BE(7, 21)],
    ['attribute bit 6', 'INVALID_BATCH', (batch) => batch.writeInt16BE(0x40, 21)],
    ['attribute bit 15', 'INVALID_BATCH', (batch) => batch.writeInt16BE(-0x8000, 21)],
    [
      'a length one too small',
      'INVALID_BATCH',
      (batch) => batch.writeInt32BE(batch.length - 13, 8),
    ],
    [
      'a length one too large',
      'INVALID_BATCH',
      (batch) => batch.writeInt32BE(batch.length - 11, 8),
    ],
    ['a negative length', 'INVALID_BATCH', (batch) => batch.writeInt32BE(-1, 8)],
    [
      'no records',
      'INVALID_BATCH',
      (batch) => void (batch.writeInt32BE(0, 57), batch.writeInt32BE(-1, 23)),
    ],
    ['a negative count', 'INVALID_BATCH', (batch) => batch.writeInt32BE(-5, 57)],
    ['a hole at the end', 'INVALID_BATCH', (batch) => batch.writeInt32BE(0x7fffffff, 23)],
    ['a last offset delta too small', 'INVALID_BATCH', (batch) => batch.writeInt32BE(1, 23)],
    [
      'more records than bytes',
      'INVALID_BATCH',
      (batch) => void (batch.writeInt32BE(1000, 57), batch.writeInt32BE(999, 23)),
    ],
    [
      'a producer id alone',
      'INVALID_BATCH',
      (batch) => void (batch.writeInt16BE(-1, 51), batch.writeInt32BE(-1, 53)),
    ],
    ['no producer id', 'INVALID_BATCH', (batch) => writeI64(batch, 43, -1)],
    ['no sequence', 'INVALID_BATCH', (batch) => batch.writeInt32BE(-1, 53)],
    ['no producer epoch', 'INVALID_BATCH', (batch) => batch.writeInt16BE(-1, 51)],
    ['a producer id of -2', 'INVALID_BATCH', (batch) => writeI64(batch, 43, -2)],
    ['a producer id beyond 2^53', 'INVALID_BATCH', (batch) => batch.fill(0x7f, 43, 51)],
    ['a negative timestamp', 'INVALID_BATCH', (batch) => writeI64(batch, 27, -1)],
    ['a largest timestamp before the first', 'INVALID_BATCH', (batch) => writeI64(batch, 35, 0)],
    ['a timestamp beyond 2^53', 'INVALID_BATCH', (batch) => batch.fill(0x7f, 35, 43)],
  ];

  test.each(wrong)('with %s is refused as %s, not to be tried again', (_, code, change) => {
    expect(refusal(changed(change))).toMatchObject({ code, retriable: false });
  });

  test('made as a control batch is refused', () => {
    expect(refusal(controlBatch(1000, Buffer.alloc(0), 1))).toMatchObject({
      code: 'INVALID_BATCH',
    });
  });

  test('that is too large is refused with both sizes, before anything is read', () => {
    expect(refusal(Buffer.alloc(10_001))).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      context: { bytes: 10_001, limit: 10_000 },
    });
  });

  test('with a wrong checksum may be tried again', () => {
    const batch = encodeBatch(RECORDS);
    batch[batch.length - 1] ^= 1;
    expect(refusal(batch)).toMatchObject({ code: 'CORRUPT_BATCH', retriable: true });
  });

  test('of two batches, or of part of one, is refused', () => {
    const batch = encodeBatch(RECORDS);
    expect(refusal(Buffer.concat([batch, batch]))).toMatchObject({ code: 'INVALID_BATCH' });
    for (let length = 0; length < batch.length; length++) {
      expect(refusal(batch.subarray(0, length))).toMatchObject({ code: 'INVALID_BATCH' });
    }
  });

  test('of arbitrary bytes is never a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(refusal(Buffer.from(bytes))).toHaveProperty('kind');
      }),
    );
  });
});

describe('a stored batch', () => {
  const stored = (offset: number, epoch: number): Buffer => {
    const batch = encodeBatch(RECORDS);
    stampBatch(batch, 0, offset, epoch);
    return batch;
  };

  test('is found at its position', () => {
    const bytes = Buffer.concat([stored(10, 1), stored(13, 2)]);
    const first = checkStoredBatch(bytes, 0, { nextOffset: 10, minEpoch: 1, maxEpoch: 2 });
    expect(first).toMatchObject({ kind: 'batch', header: { baseOffset: 10, lastOffset: 12 } });
    const second = checkStoredBatch(bytes, bytes.length / 2, { nextOffset: 13, minEpoch: 1 });
    expect(second).toMatchObject({ kind: 'batch', header: { baseOffset: 13, epoch: 2 } });
  });

  test('that ends early says how many bytes it needs', () => {
    const batch = stored(0, 0);
    for (let length = 0; length < batch.length; length++) {
      const bytes = length < 61 ? 61 : batch.length;
      expect(checkStoredBatch(batch.subarray(0, length), 0)).toEqual({ kind: 'incomplete', bytes });
    }
  });

  test.each([
    ['another offset', { nextOffset: 6 }],
    ['an older epoch', { minEpoch: 4 }],
    ['a newer epoch', { maxEpoch: 2 }],
    ['more bytes', { maxBytes: 80 }],
  ])('with %s than expected is invalid', (_, expected) => {
    expect(checkStoredBatch(stored(5, 3), 0)).toMatchObject({ kind: 'batch' });
    expect(checkStoredBatch(stored(5, 3), 0, expected)).toMatchObject({ kind: 'invalid' });
  });

  test('of zeros, as preallocated files hold them, is invalid', () => {
    expect(checkStoredBatch(Buffer.alloc(1000), 0)).toEqual({ kind: 'invalid', reason: 'magic 0' });
  });

  test('of control records is one, too', () => {
    expect(checkStoredBatch(stamped(controlBatch(1000, Buffer.alloc(0), 1)), 0)).toMatchObject({
      kind: 'batch',
    });
  });

  test('of arbitrary bytes is never a crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(220), (bytes, position) => {
        expect(checkStoredBatch(Buffer.from(bytes), position).kind).not.toBe('batch');
      }),
    );
  });

  function stamped(batch: Buffer): Buffer {
    stampBatch(batch, 0, 0, 0);
    return batch;
  }
});

describe('a run of batches', () => {
  const batch = encodeBatch(RECORDS);
  const run = Buffer.concat([batch, batch, batch]);

  test('is walked batch by batch', () => {
    const positions: number[] = [];
    forEachBatch(run, (header, position) => {
      positions.push(position);
      expect(header.recordsCount).toBe(3);
    });
    expect(positions).toEqual([0, batch.length, 2 * batch.length]);
    forEachBatch(Buffer.alloc(0), () => {
      throw zhumqError('INTERNAL', 'nothing to call with');
    });
  });

  test('with a partial one at its end is refused', () => {
    for (const bytes of [1, 11, 12, 60, 61, batch.length - 1]) {
      const cut = run.subarray(0, 2 * batch.length + bytes);
      expect(() => forEachBatch(cut, () => undefined)).toThrow(/no whole batch at byte/);
    }
  });
});
