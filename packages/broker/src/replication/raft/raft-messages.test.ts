import { encodeBatch, stampBatch } from '@zhumq/model';
import type { Message } from '@zhumq/raft';
import type { RaftMessage } from '@zhumq/rpc';
import { fromWire, toWire } from './raft-messages.js';

const GROUP = { topicId: 'f'.repeat(32), partition: 3, generation: 1 };
const ENVELOPE = { from: 'a', to: 'b', term: 7 };

function batch(baseOffset: number, epoch: number, values: readonly string[]): Buffer {
  const records = values.map((value) => ({
    timestamp: 1,
    key: null,
    value: Buffer.from(value),
    headers: [],
  }));
  const bytes = encodeBatch(records);
  stampBatch(bytes, 0, baseOffset, epoch);
  return bytes;
}

/** What the far side gets: the pieces of an append in one buffer. */
function transmitted(message: Message, buffers: readonly Buffer[] = []): RaftMessage {
  const wire = toWire(GROUP, message, buffers);
  return {
    ...wire,
    batches: wire.batches === undefined ? undefined : Buffer.concat(buffers),
  } as RaftMessage;
}

const MESSAGES: readonly Message[] = [
  { ...ENVELOPE, type: 'preVote', lastOffset: -1, lastEpoch: 0, transfer: false },
  { ...ENVELOPE, type: 'vote', lastOffset: 12, lastEpoch: 6, transfer: true },
  { ...ENVELOPE, type: 'preVoteReply', granted: true },
  { ...ENVELOPE, type: 'voteReply', granted: false },
  {
    ...ENVELOPE,
    type: 'appendReply',
    rejected: true,
    matched: 5,
    matchedEpoch: 4,
    probe: 9,
    tainted: true,
    incarnation: 8,
  },
  { ...ENVELOPE, type: 'heartbeat', commit: 4, readContext: 11, untaint: 3 },
  {
    ...ENVELOPE,
    type: 'heartbeatReply',
    readContext: 11,
    matched: 4,
    tainted: false,
    incarnation: 8,
  },
  { ...ENVELOPE, type: 'timeoutNow' },
  { ...ENVELOPE, type: 'snapshot', prevOffset: 99, prevEpoch: 2 },
  { ...ENVELOPE, type: 'snapshotReply', rejected: false, matched: 120, incarnation: 8 },
];

describe('raft messages on the wire', () => {
  test.each(MESSAGES.map((message) => [message.type, message] as const))(
    '%s comes back as it was',
    (_, message) => {
      expect(fromWire(transmitted(message))).toEqual(message);
    },
  );

  test('an append comes back with its batches in order and their bytes untouched', () => {
    const buffers = [batch(5, 6, ['x', 'y']), batch(7, 7, ['z'])];
    const message: Message = {
      ...ENVELOPE,
      type: 'append',
      prevOffset: 4,
      prevEpoch: 6,
      batches: [],
      commit: 3,
      untaint: undefined,
    };
    const received = fromWire(transmitted(message, buffers));
    expect(received).toMatchObject({
      batches: [
        { baseOffset: 5, lastOffset: 6, epoch: 6, bytes: buffers[0].length },
        { baseOffset: 7, lastOffset: 7, epoch: 7, bytes: buffers[1].length },
      ],
      payload: Buffer.concat(buffers),
    });
  });

  test('damaged, cut or future batches are refused before the core sees them', () => {
    const append = (bytes: Buffer): Message | undefined =>
      fromWire(
        transmitted(
          { ...ENVELOPE, type: 'append', prevOffset: 4, prevEpoch: 6, batches: [], commit: 3 },
          [bytes],
        ),
      );
    const good = batch(5, 6, ['x']);
    expect(append(good)).toBeDefined();
    expect(append(good.subarray(0, good.length - 1))).toBeUndefined();
    const flipped = Buffer.from(good);
    flipped[flipped.length - 1] ^= 1;
    expect(append(flipped)).toBeUndefined();
    expect(append(batch(5, 8, ['x']))).toBeUndefined();
  });

  test('terms and offsets beyond their range are refused: a term must fit the i32 of a batch', () => {
    const vote: Message = {
      ...ENVELOPE,
      type: 'vote',
      lastOffset: 1,
      lastEpoch: 1,
      transfer: false,
    };
    expect(fromWire({ ...transmitted(vote), term: 2 ** 31 })).toBeUndefined();
    expect(fromWire({ ...transmitted(vote), term: -1 })).toBeUndefined();
    expect(fromWire({ ...transmitted(vote), offset: -2 })).toBeUndefined();
    expect(fromWire({ ...transmitted(vote), epoch: undefined })).toBeUndefined();
    expect(fromWire({ ...transmitted(vote), type: 99 as never })).toBeUndefined();
  });
});
