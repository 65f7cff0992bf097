import { SeededRandom } from '@zhumq/base';
import { decodeRecords, readBatchHeader, zhumqError } from '@zhumq/model';
import { PartitionQueue } from './partition-queue.js';
import { PendingSend } from './pending-send.js';
import { sequenceAfter } from './pending-batch.js';

const BATCH_BYTES = 1024;

describe('the queue of a partition', () => {
  let released = 0;
  let settled: unknown[];
  let queue: PartitionQueue;

  beforeEach(() => {
    released = 0;
    settled = [];
    queue = newQueue();
  });

  function newQueue(idempotent = true): PartitionQueue {
    const made = new PartitionQueue(
      't',
      0,
      {
        ...{ codec: 'none', maxInFlight: 5, idempotent, lingerMs: 0, deliveryTimeoutMs: 1000 },
        release: (bytes) => (released += bytes),
      },
      new SeededRandom(1),
    );
    made.adopt({ producerId: 7, producerEpoch: 0 });
    return made;
  }

  /** Fills whole batches, of three records each. */
  function fill(batches: number, nowMs = 0): void {
    for (let n = 0; n < batches * 3; n++) {
      const send = new PendingSend(
        (receipt) => settled.push((receipt as { offset: number }).offset),
        (error) => settled.push(`${error.code} ${error.outcome}`),
        undefined,
      );
      const value = Buffer.alloc(310);
      queue.append(
        { timestamp: 1, key: null, value, partition: undefined, costBytes: 10 },
        send,
        0,
        BATCH_BYTES,
        nowMs,
      );
    }
  }

  function take(nowMs = 0, force = true): NonNullable<ReturnType<PartitionQueue['take']>> {
    const taken = queue.take(nowMs, force);
    if (taken === undefined) throw new Error('nothing to take');
    return taken;
  }

  const sequenceOf = (bytes: Buffer): number => readBatchHeader(bytes).baseSequence;
  const epochOf = (bytes: Buffer): number => readBatchHeader(bytes).producerEpoch;
  const refusal = zhumqError('NOT_LEADER', 'not here');
  const lost = zhumqError('CONNECTION_LOST', 'gone');
  const outOfOrder = zhumqError('OUT_OF_ORDER_SEQUENCE', 'gap');

  test('gives at most five batches at a time, in sequence', () => {
    fill(7);
    const taken = [1, 2, 3, 4, 5].map(() => take());
    expect(taken.map(({ bytes }) => sequenceOf(bytes))).toEqual([0, 3, 6, 9, 12]);
    expect(queue.take(0, true)).toBeUndefined();
    queue.succeeded(taken[0].batch, 100, false, 'raft');
    expect(sequenceOf(take().bytes)).toBe(15);
    expect(settled).toEqual([100, 101, 102]);
    expect(released).toBe(30);
  });

  test('gives nothing after a failure until all that is under way has its answer, then all again in order', () => {
    fill(4);
    const [first, second, third] = [take(), take(), take()];
    queue.failed(second.batch, outOfOrder, 1, false, 0);
    expect(queue.take(5000, true)).toBeUndefined();
    queue.failed(first.batch, lost, 1, false, 0);
    expect(queue.take(5000, true)).toBeUndefined();
    queue.failed(third.batch, outOfOrder, 1, false, 0);
    const again = [take(5000), take(5000), take(5000), take(5000)];
    expect(again.map(({ bytes }) => sequenceOf(bytes))).toEqual([0, 3, 6, 9]);
    expect(again[0].bytes).toBe(first.bytes);
    expect(settled).toEqual([]);
  });

  test('counts answered batches, too, from the oldest without an answer on: the broker knows only the last five', () => {
    fill(8);
    const taken = [1, 2, 3, 4, 5].map(() => take());
    for (const { batch } of taken.slice(1)) queue.succeeded(batch, 100, false, 'raft');
    expect(queue.take(0, true)).toBeUndefined();
    queue.failed(taken[0].batch, lost, 1, false, 0);
    expect(take(5000).bytes).toBe(taken[0].bytes);
    expect(queue.take(5000, true)).toBeUndefined();
    queue.succeeded(taken[0].batch, 99, true, 'raft');
    expect(sequenceOf(take(5000).bytes)).toBe(15);
  });

  test('begins an epoch anew when the first batch was refused for its sequence and is certainly not stored', () => {
    fill(2);
    const [first, second] = [take(), take()];
    queue.failed(first.batch, zhumqError('UNKNOWN_PRODUCER', 'who'), 1, false, 0);
    queue.failed(second.batch, zhumqError('UNKNOWN_PRODUCER', 'who'), 1, false, 0);
    const again = [take(5000), take(5000)];
    expect(again.map(({ bytes }) => [epochOf(bytes), sequenceOf(bytes)])).toEqual([
      [1, 0],
      [1, 3],
    ]);
  });

  test('never sends a batch under another epoch that may be stored under the old one', () => {
    fill(2);
    const first = take();
    queue.failed(first.batch, lost, 1, false, 0);
    const again = take(5000);
    queue.failed(again.batch, outOfOrder, 1, false, 5000);
    expect(settled).toEqual(Array(3).fill('OUT_OF_ORDER_SEQUENCE unknown'));
    const next = take(10_000);
    expect([epochOf(next.bytes), sequenceOf(next.bytes)]).toEqual([1, 0]);
  });

  test('an epoch begins only when nothing is under way', () => {
    fill(3);
    const [first, second] = [take(), take()];
    queue.failed(first.batch, zhumqError('INVALID_BATCH', 'no'), 1, false, 0);
    expect(settled).toEqual(Array(3).fill('INVALID_BATCH rejected'));
    expect(queue.take(5000, true)).toBeUndefined();
    queue.failed(second.batch, outOfOrder, 1, false, 0);
    const again = [take(5000), take(5000)];
    expect(again.map(({ bytes }) => [epochOf(bytes), sequenceOf(bytes)])).toEqual([
      [1, 0],
      [1, 3],
    ]);
  });

  test('a batch whose messages were told of the timeout still keeps its place until its answer comes', () => {
    fill(1);
    const first = take();
    queue.expire(1000);
    expect(settled).toEqual(Array(3).fill('TIMEOUT unknown'));
    fill(1, 1000);
    expect(sequenceOf(take(1000).bytes)).toBe(3);
    queue.succeeded(first.batch, 100, false, 'raft');
    expect(settled).toHaveLength(3);
    expect(released).toBe(30);
  });

  test('a batch that was never sent leaves no gap when its time is over', () => {
    fill(1);
    queue.expire(1000);
    expect(settled).toEqual(Array(3).fill('TIMEOUT rejected'));
    fill(1, 1000);
    const next = take(1000);
    expect([epochOf(next.bytes), sequenceOf(next.bytes)]).toEqual([0, 0]);
  });

  test('sequence numbers go on from 0 after 2^31 - 1', () => {
    expect(sequenceAfter(0x7fff_fffe, 1)).toBe(0x7fff_ffff);
    expect(sequenceAfter(0x7fff_fffe, 3)).toBe(1);
  });

  test('asks for another producer id after 32,767 epochs, and when it is fenced', () => {
    queue.adopt({ producerId: 7, producerEpoch: 0x7fff });
    fill(1);
    queue.failed(take().batch, outOfOrder, 1, false, 0);
    expect(queue.take(5000, true)).toBeUndefined();
    expect([queue.needsProducerId, queue.spentProducerId]).toEqual([true, 7]);
    queue.adopt({ producerId: 8, producerEpoch: 0 });
    const taken = take(5000);
    expect(readBatchHeader(taken.bytes)).toMatchObject({ producerId: 8, baseSequence: 0 });
    queue.failed(taken.batch, zhumqError('PRODUCER_FENCED', 'old'), 1, false, 5000);
    expect([queue.needsProducerId, queue.spentProducerId]).toEqual([true, 8]);
  });

  test('halves of a batch keep its sequence numbers and its place', () => {
    fill(2);
    const [first, second] = [take(), take()];
    queue.failed(first.batch, zhumqError('MESSAGE_TOO_LARGE', 'no'), 1, false, 0);
    queue.failed(second.batch, outOfOrder, 1, false, 0);
    const again = [take(5000), take(5000), take(5000)];
    expect(again.map(({ bytes }) => sequenceOf(bytes))).toEqual([0, 2, 3]);
    const counts = again.map(
      ({ bytes }) => decodeRecords(bytes, { maxDecompressedBytes: 1e6 }).length,
    );
    expect(counts).toEqual([2, 1, 3]);
    again.forEach(({ batch }, index) => queue.succeeded(batch, 100 + index * 10, false, 'raft'));
    expect(settled).toEqual([100, 101, 110, 120, 121, 122]);
    expect(released).toBe(60);
  });

  test('what was refused goes to another broker at once, and waits when that refuses it, too', () => {
    fill(1);
    queue.failed(take().batch, refusal, 1, true, 0);
    queue.failed(take(0).batch, refusal, 2, true, 0);
    expect(queue.take(0, true)).toBeUndefined();
    take(5000);
  });

  const sealed = zhumqError('PARTITION_SEALED', 'in a moment');

  test('a sealed partition is asked again within 5 ms, however many batches were under way', () => {
    fill(5);
    const taken = [1, 2, 3, 4, 5].map(() => take());
    for (const { batch } of taken) queue.failed(batch, sealed, 1, false, 0);
    expect(queue.take(2, true)).toBeUndefined();
    expect(take(5).bytes).toBe(taken[0].bytes);
  });

  test('a sealed partition is asked by its first batch alone; all others follow when that is taken', () => {
    fill(5);
    const taken = [1, 2, 3, 4, 5].map(() => take());
    for (const { batch } of taken) queue.failed(batch, sealed, 1, false, 0);
    const first = take(5);
    expect(queue.take(5, true)).toBeUndefined();
    queue.failed(first.batch, sealed, 1, false, 6);
    expect(queue.take(10, true)).toBeUndefined();
    const again = take(16);
    expect(sequenceOf(again.bytes)).toBe(0);
    queue.succeeded(again.batch, 0, false, 'fetch');
    expect([take(16), take(16), take(16)].map(({ bytes }) => sequenceOf(bytes))).toEqual([3, 6, 9]);
  });

  test('a switch with the leader elsewhere: all again at once, in order', () => {
    fill(3);
    const taken = [1, 2, 3].map(() => take());
    queue.failed(taken[0].batch, zhumqError('LEADERSHIP_LOST', 'over'), 1, true, 0);
    queue.failed(taken[1].batch, sealed, 1, true, 0);
    queue.failed(taken[2].batch, zhumqError('STALE_GENERATION', 'old'), 1, true, 0);
    const again = [take(0), take(0), take(0)];
    expect(again.map(({ bytes }) => sequenceOf(bytes))).toEqual([0, 3, 6]);
    again.forEach(({ batch }, n) => queue.succeeded(batch, n * 3, n === 0, 'fetch'));
    expect(settled).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('other trouble is waited out longer', () => {
    fill(1);
    queue.failed(take().batch, zhumqError('OVERLOADED', 'full'), 1, false, 0);
    expect(queue.take(9, true)).toBeUndefined();
    take(20);
  });
});
