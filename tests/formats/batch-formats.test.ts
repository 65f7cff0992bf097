// Record batches on disk and on the wire: the bytes that we write stay, and those of other makers are read.
import {
  checkProducedBatch,
  checkStoredBatch,
  decodeRecords,
  decompressSync,
  encodeBatch,
  leaderChangeBatch,
  modeSealBatch,
  parseControlBatch,
  stampBatch,
  voterSetBatch,
} from '@zhumq/model';
import type { RecordInput } from '@zhumq/model';
import { golden, readGolden } from './golden-file.js';

const LIMITS = { maxDecompressedBytes: 1_000_000 };
const PRODUCER = { producerId: 4000, producerEpoch: 3, baseSequence: 70 };
const RECORDS: readonly RecordInput[] = [
  {
    timestamp: 1_700_000_000_000,
    key: Buffer.from('key-1'),
    value: Buffer.from('{"total":1}'),
    headers: [['source', Buffer.from('web')]],
  },
  {
    timestamp: 1_700_000_000_250,
    key: null,
    value: Buffer.from('a value that repeats, a value that repeats, a value that repeats'),
    headers: [],
  },
  {
    timestamp: 1_699_999_999_000,
    key: Buffer.from('key-1'),
    value: null,
    headers: [
      ['empty', null],
      ['grüß', Buffer.from([0, 0xff])],
    ],
  },
  { timestamp: 1_700_000_001_000, key: Buffer.alloc(0), value: Buffer.alloc(0), headers: [] },
];
const DECODED = RECORDS.map((record, offset) => ({ ...record, offset }));

describe.each(['none', 'lz4'] as const)('a batch of ours with codec %s', (codec) => {
  test('has the bytes it always had', () => {
    const batch = encodeBatch(RECORDS, { codec, ...PRODUCER });
    expect(batch.toString('hex')).toBe(golden(`batch-${codec}`, batch).toString('hex'));
    expect(decodeRecords(batch, LIMITS)).toEqual(DECODED);
  });
});

// What gzip makes differs between versions of zlib; what it reads does not.
test('a batch of ours with codec gzip that was written once is read', () => {
  const batch = golden('batch-gzip', encodeBatch(RECORDS, { codec: 'gzip', ...PRODUCER }));
  expect(checkProducedBatch(batch, { maxBatchBytes: 1000 }).attributes).toBe(1);
  expect(decodeRecords(batch, LIMITS)).toEqual(DECODED);
});

test('a stamped batch has the bytes it always had', () => {
  const batch = encodeBatch(RECORDS, PRODUCER);
  stampBatch(batch, 0, 2 ** 40 + 5, 0x7fffffff);
  expect(batch.toString('hex')).toBe(golden('batch-stamped', batch).toString('hex'));
  expect(checkStoredBatch(batch, 0, { nextOffset: 2 ** 40 + 5 })).toMatchObject({ kind: 'batch' });
});

describe('control batches have the bytes they always had:', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(32));
  const timestamp = 1_700_000_000_000;

  test.each([
    [
      'leader-change',
      leaderChangeBatch({ generation: 2, replicaId: a, voters: [a, b] }, timestamp),
    ],
    [
      'voter-set',
      voterSetBatch({ generation: 2, voters: [a], outgoing: [b], learners: [c] }, timestamp),
    ],
    ['mode-seal', modeSealBatch({ generation: 2, transitionId: c }, timestamp)],
  ])('%s', (name, batch) => {
    const bytes = golden(`control-${name}`, batch);
    expect(batch.toString('hex')).toBe(bytes.toString('hex'));
    expect(parseControlBatch(bytes).kind).not.toBe('other');
  });
});

// Made with kafka-python 3.0.12 (and python-lz4 4.4.5) from the same records.
describe.each(['none', 'gzip', 'lz4'])('a batch of kafka-python with codec %s', (codec) => {
  test('is taken and read', () => {
    const batch = readGolden(`kafka-python-${codec}`);
    expect(checkProducedBatch(batch, { maxBatchBytes: 1000 })).toMatchObject(PRODUCER);
    expect(decodeRecords(batch, LIMITS)).toEqual(DECODED);
  });
});

test('without compression, kafka-python and we write the same records', () => {
  const theirs = readGolden('kafka-python-none').subarray(61);
  expect(encodeBatch(RECORDS).subarray(61).equals(theirs)).toBe(true);
});

// Made with the lz4 command (1.9.4) from the text below: features that Kafka's own frames do not use.
test.each(['linked-64k-block-checksums', 'content-size'])('an LZ4 frame, %s, is read', (name) => {
  const lines = Array.from({ length: 4000 }, (_, i) => `{"id":${i},"user":${(i * 7919) % 97}}\n`);
  const frame = readGolden(`frame-lz4-${name}`);
  expect(decompressSync('lz4', frame, 1_000_000).toString()).toBe(lines.join(''));
});
