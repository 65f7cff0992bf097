import { decodeRecords } from './batch-decoder.js';
import { encodeBatch } from './batch-encoder.js';
import { isControlBatch, readBatchHeader, stampBatch } from './batch-header.js';
import { checkStoredBatch } from './batch-validation.js';
import {
  controlBatch,
  leaderChangeBatch,
  modeSealBatch,
  parseControlBatch,
  stateSnapshotBeginBatch,
  stateSnapshotEndBatch,
  voterSetBatch,
} from './control-batch.js';

const VOTERS = ['a', 'b', 'c'].map((digit) => digit.repeat(32));

describe('a control batch', () => {
  test('says what was put in', () => {
    const leaderChange = { generation: 3, replicaId: VOTERS[0], voters: VOTERS };
    expect(parseControlBatch(leaderChangeBatch(leaderChange, 1))).toEqual({
      kind: 'leaderChange',
      body: leaderChange,
    });
    const voterSet = { generation: 3, voters: VOTERS, outgoing: [], learners: [VOTERS[1]] };
    expect(parseControlBatch(voterSetBatch(voterSet, 1))).toEqual({
      kind: 'voterSet',
      body: voterSet,
    });
    const modeSeal = { generation: 3, transitionId: VOTERS[2] };
    expect(parseControlBatch(modeSealBatch(modeSeal, 1))).toEqual({
      kind: 'modeSeal',
      body: modeSeal,
    });
    expect(parseControlBatch(stateSnapshotBeginBatch(70, 1))).toEqual({
      kind: 'stateSnapshotBegin',
      body: { beginOffset: 70, records: 0 },
    });
    const end = { beginOffset: 70, records: 12 };
    expect(parseControlBatch(stateSnapshotEndBatch(end, 1))).toEqual({
      kind: 'stateSnapshotEnd',
      body: end,
    });
  });

  test('is one record with the control bit, which a log takes like any batch', () => {
    const batch = modeSealBatch({ generation: 1, transitionId: '' }, 77);
    stampBatch(batch, 0, 5, 2);
    const found = checkStoredBatch(batch, 0, { nextOffset: 5 });
    expect(found).toMatchObject({
      kind: 'batch',
      header: { recordsCount: 1, lastOffset: 5, maxTimestamp: 77 },
    });
    expect(isControlBatch(readBatchHeader(batch))).toBe(true);
    const [record] = decodeRecords(batch, { maxDecompressedBytes: 1000 });
    expect(record.key?.toString('hex')).toBe('000003ea');
  });

  test('of a type that is not ours is passed over', () => {
    expect(parseControlBatch(controlBatch(2, Buffer.from([0, 0]), 1))).toEqual({
      kind: 'other',
      type: 2,
    });
  });

  test.each([
    [
      'a batch of data',
      encodeBatch([{ timestamp: 1, key: Buffer.from([0, 0, 3, 0xe8]), value: null }]),
    ],
    [
      'one without a key',
      encodeBatch([{ timestamp: 1, key: null, value: null }], { attributes: 0x20 }),
    ],
    [
      'one with a short key',
      encodeBatch([{ timestamp: 1, key: Buffer.alloc(3), value: null }], { attributes: 0x20 }),
    ],
    ['one with a damaged body', controlBatch(1000, Buffer.from([0x0a, 0xff]), 1)],
    ['no batch', Buffer.alloc(10)],
  ])('is not %s', (_, batch) => {
    expect(() => parseControlBatch(batch)).toThrow(
      expect.objectContaining({ code: 'DATA_CORRUPT' }) as Error,
    );
  });
});
