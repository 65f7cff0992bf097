// What comes from a socket: positions and answers that make no sense do not reach the core.
import { encodeBatch, stampBatch } from '@zhumq/model';
import { FetchOutcome } from '@zhumq/rpc';
import type { FetchedPartition, FetchPosition } from '@zhumq/rpc';
import {
  answerFromWire,
  answerToWire,
  positionFromWire,
  positionToWire,
} from './fetch-messages.js';

const REPLICA = '1a'.repeat(16);
const LEADER = '2b'.repeat(16);
const GROUP = { topicId: '7'.repeat(32), partition: 3, generation: 2 };

const position: FetchPosition = {
  ...GROUP,
  ...{ replicaId: REPLICA, epoch: 5, offset: 10, lastEpoch: 4, durableEnd: 9, syncedEnd: 8 },
  tainted: false,
};

function batchAt(offset: number, epoch: number): Buffer {
  const batch = encodeBatch([{ timestamp: 1, key: null, value: Buffer.from('value') }]);
  stampBatch(batch, 0, offset, epoch);
  return batch;
}

function records(batches: Buffer, change: Partial<FetchedPartition> = {}): FetchedPartition {
  const answer = { kind: 'records', epoch: 5, from: 10, highWatermark: 7, logStart: 0 } as const;
  const wire = answerToWire(GROUP, 10, { ...answer, untaint: false, syncThrough: 0 });
  return { ...wire, batches, ...change } as FetchedPartition;
}

test('a position survives the wire', () => {
  const read = positionFromWire(position, 77);
  expect(read).toMatchObject({ replica: REPLICA, incarnation: 77, offset: 10, durableEnd: 9 });
  expect(positionToWire(GROUP, read as NonNullable<typeof read>)).toEqual(position);
});

test.each<[string, Partial<Record<keyof FetchPosition, unknown>>]>([
  ['an offset below 0', { offset: -1 }],
  ['an offset that no number holds', { offset: 2 ** 60 }],
  ['an epoch that no batch holds', { epoch: 2 ** 31 }],
  ['a missing epoch', { lastEpoch: undefined }],
  ['more on disk than in the log', { durableEnd: 11 }],
  ['more synced than in the log', { syncedEnd: 11 }],
  ['a replica id that is none', { replicaId: 'nobody' }],
])('a position with %s is dropped', (_what, change) => {
  expect(positionFromWire({ ...position, ...change } as FetchPosition, 1)).toBeUndefined();
});

test('who does not say that it can be trusted is tainted', () => {
  const silent = { ...position, tainted: undefined } as unknown as FetchPosition;
  expect(positionFromWire(silent, 1)).toMatchObject({ tainted: true });
});

test('batches are found by their headers and handed on by reference', () => {
  const batches = Buffer.concat([batchAt(10, 4), batchAt(11, 5)]);
  const answer = answerFromWire(records(batches), LEADER);
  expect(answer).toMatchObject({ kind: 'records', leader: LEADER, from: 10, offset: 10 });
  expect(answer?.batches).toMatchObject([
    { baseOffset: 10, lastOffset: 10, epoch: 4 },
    { baseOffset: 11, lastOffset: 11, epoch: 5 },
  ]);
  expect(answer?.payload).toBe(batches);
});

test.each<[string, Buffer]>([
  ['that begin elsewhere', batchAt(11, 5)],
  ['with a hole', Buffer.concat([batchAt(10, 5), batchAt(12, 5)])],
  ['with an epoch that falls', Buffer.concat([batchAt(10, 5), batchAt(11, 4)])],
  ['of an epoch above the leader (rule 22)', batchAt(10, 6)],
  ['that are cut off', batchAt(10, 5).subarray(0, -1)],
  ['that are shorter than a header', Buffer.alloc(20)],
  [
    'that are damaged',
    Buffer.from(batchAt(10, 5).map((byte, at) => (at === 65 ? byte ^ 1 : byte))),
  ],
])('an answer with batches %s is dropped', (_what, batches) => {
  expect(answerFromWire(records(batches), LEADER)).toBeUndefined();
});

test.each<[string, Partial<Record<keyof FetchedPartition, unknown>>]>([
  ['a high watermark below 0', { highWatermark: -1 }],
  ['no log start', { logStart: undefined }],
  ['an epoch out of range', { epoch: -1 }],
  ['an outcome of the future', { outcome: 99 }],
  ['a divergence at a strange place', { outcome: FetchOutcome.DIVERGING, divergingEnd: NaN }],
])('an answer with %s is dropped', (_what, change) => {
  const wire = records(Buffer.alloc(0), change as Partial<FetchedPartition>);
  expect(answerFromWire(wire, LEADER)).toBeUndefined();
});

test.each([
  { kind: 'diverging', epoch: 5, divergingEpoch: 3, divergingEnd: 6 },
  { kind: 'copySegments', epoch: 5 },
  { kind: 'fenced', epoch: 6 },
  { kind: 'notLeader', epoch: 4 },
] as const)('$kind survives the wire', (answer) => {
  const wire = answerToWire(GROUP, 10, answer) as FetchedPartition;
  expect(answerFromWire(wire, LEADER)).toMatchObject({ ...answer, leader: LEADER, offset: 10 });
});
