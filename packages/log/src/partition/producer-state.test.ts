import { readBatchHeader } from '@zhumq/model';
import type { BatchHeader } from '@zhumq/model';
import { makeBatch } from './partition-world.test-support.js';
import { ProducerState, nextSequence } from './producer-state.js';

const FOR_EVER = 1e15;

function header(
  baseSequence: number,
  options: { id?: number; epoch?: number; count?: number; timestamp?: number } = {},
): BatchHeader {
  const { id = 7, epoch = 0, count = 1, timestamp = 1000 } = options;
  return readBatchHeader(
    makeBatch(count, { producerId: id, producerEpoch: epoch, baseSequence, timestamp }),
  );
}

/** A log of batches of one record each, appended when the state says so. */
class Log {
  readonly state: ProducerState;
  end = 0;
  stableEnd = 0;

  constructor(
    state = new ProducerState(),
    readonly expirationMs = FOR_EVER,
  ) {
    this.state = state;
  }

  put(...headers: BatchHeader[]): this {
    for (const batch of headers) {
      this.state.append(batch, this.end, this.stableEnd, this.expirationMs);
      this.end += batch.lastOffsetDelta + 1;
    }
    return this;
  }

  kind(batch: BatchHeader): string {
    return this.state.check(batch, this.expirationMs).kind;
  }
}

describe('the state of producers', () => {
  test('takes batches in order and answers a retry with the offsets of the original', () => {
    const log = new Log().put(header(0, { count: 3 }), header(3));
    expect(log.state.check(header(0, { count: 3 }), FOR_EVER)).toEqual({
      kind: 'duplicate',
      baseOffset: 0,
      lastOffset: 2,
    });
    expect(log.state.check(header(3), FOR_EVER)).toEqual({
      kind: 'duplicate',
      baseOffset: 3,
      lastOffset: 3,
    });
    expect(log.kind(header(4))).toBe('append');
  });

  test('refuses a gap, and a retry of other bounds than the original', () => {
    const log = new Log().put(header(0, { count: 3 }));
    expect(log.state.check(header(4), FOR_EVER)).toEqual({
      kind: 'outOfOrder',
      expectedSequence: 3,
    });
    expect(log.kind(header(0, { count: 2 }))).toBe('outOfOrder');
    expect(log.kind(header(1))).toBe('outOfOrder');
  });

  test('recognises the last five batches and no more', () => {
    const log = new Log();
    for (let sequence = 0; sequence < 7; sequence++) log.put(header(sequence));
    expect(log.kind(header(1))).toBe('outOfOrder');
    expect(log.kind(header(2))).toBe('duplicate');
    expect(log.kind(header(6))).toBe('duplicate');
  });

  test('refuses an unknown producer unless it begins (rule 26)', () => {
    const log = new Log();
    expect(log.kind(header(5))).toBe('unknownProducer');
    expect(log.kind(header(0))).toBe('append');
  });

  test('fences older epochs and lets a newer one begin at 0 only', () => {
    const log = new Log().put(header(0, { epoch: 1 }));
    expect(log.kind(header(1, { epoch: 0 }))).toBe('fenced');
    expect(log.kind(header(1, { epoch: 2 }))).toBe('outOfOrder');
    expect(log.kind(header(0, { epoch: 2 }))).toBe('append');
    log.put(header(0, { epoch: 2 }));
    expect(log.kind(header(1, { epoch: 1 }))).toBe('fenced');
    expect(log.kind(header(0, { epoch: 2 }))).toBe('duplicate');
  });

  test('wraps sequence numbers after 2^31 - 1', () => {
    expect(nextSequence(0x7fffffff)).toBe(0);
    expect(nextSequence(0x7ffffffe, 3)).toBe(1);
    const log = new Log().put(header(0x7ffffffe, { count: 4 }));
    expect(log.kind(header(2))).toBe('append');
    expect(log.kind(header(0x7ffffffe, { count: 4 }))).toBe('duplicate');
  });

  test('lets all batches without a producer id pass', () => {
    expect(new Log().kind(readBatchHeader(makeBatch(1)))).toBe('append');
  });

  test('forgets by the time of the log, not by a clock (rule 26)', () => {
    const log = new Log(new ProducerState(), 500).put(header(0, { timestamp: 1000 }));
    log.put(header(0, { id: 8, timestamp: 1500 }));
    expect(log.kind(header(1))).toBe('append');
    log.put(header(1, { id: 8, timestamp: 1501 }));
    expect(log.kind(header(1))).toBe('unknownProducer');
    expect(log.kind(header(0))).toBe('append');
    // The record that made it expire is cut away again.
    log.state.cut(2);
    expect(log.kind(header(1))).toBe('append');
  });

  test('remembers who writes old records for as long as anybody else', () => {
    const old = { id: 8, timestamp: 1000 };
    const log = new Log(undefined, 100).put(header(0, { timestamp: 5000 }), header(0, old));
    expect(log.kind(header(0, old))).toBe('duplicate');
    expect(log.kind(header(1, old))).toBe('append');
    log.put(header(1, { timestamp: 5101 }));
    expect(log.kind(header(1, old))).toBe('unknownProducer');
  });

  test('is after a cut what it was at that offset, with all five batches (rule 15)', () => {
    const log = new Log();
    for (let sequence = 0; sequence < 5; sequence++) log.put(header(sequence));
    log.stableEnd = log.end;
    for (let sequence = 5; sequence < 12; sequence++) log.put(header(sequence));
    log.put(header(0, { epoch: 1 }));
    log.state.cut(5);
    expect([0, 1, 2, 3, 4].map((sequence) => log.kind(header(sequence)))).toEqual(
      Array(5).fill('duplicate'),
    );
    expect(log.kind(header(5))).toBe('append');
    expect(log.kind(header(6))).toBe('outOfOrder');
  });

  test('does not remember more than five batches below the high watermark', () => {
    const log = new Log();
    for (let sequence = 0; sequence < 1000; sequence++) {
      log.put(header(sequence));
      log.stableEnd = log.end;
    }
    expect(log.state.asOf(log.end, FOR_EVER).producers[0].batches).toHaveLength(5);
  });

  test('survives being stored as of an offset', () => {
    const log = new Log().put(
      header(0),
      header(1),
      header(2),
      header(0, { id: 9, timestamp: 3000 }),
    );
    const copy = new Log(new ProducerState(log.state.asOf(3, FOR_EVER)));
    expect(copy.kind(header(2))).toBe('duplicate');
    expect(copy.kind(header(3))).toBe('append');
    expect(copy.kind(header(1, { id: 9 }))).toBe('unknownProducer');
    expect(log.state.asOf(3, FOR_EVER).maxTimestamp).toBe(1000);
  });

  test('leaves out of a stored state who expired, and gives back its memory', () => {
    const log = new Log(new ProducerState(), 500).put(
      header(0),
      header(0, { id: 9, timestamp: 5000 }),
    );
    expect(log.state.asOf(2, 500).producers.map(({ producerId }) => producerId)).toEqual([9]);
    log.state.forgetExpired(1, 500);
    expect(log.state.count).toBe(2);
    log.state.forgetExpired(2, 500);
    expect(log.state.count).toBe(1);
  });
});
