import { MessageCodec, integer, list, maybe, one, text, textMap } from './message-codec.js';
import {
  epochOffsetCodec,
  generationRecordCodec,
  hardStateCodec,
  knownBrokerCodec,
  partitionRecordCodec,
  producerIdsCodec,
  topicRecordCodec,
} from './state-codecs.js';
import type { HardState, PartitionRecord } from './state-messages.js';

const hardState: HardState = {
  generation: 0,
  term: 0,
  vote: undefined,
  closed: false,
  tainted: false,
  taintReason: '',
};

describe('a persisted message', () => {
  test('takes no bytes for what is zero, empty or absent, and gives it back', () => {
    expect(hardStateCodec.encode(hardState)).toHaveLength(0);
    expect(hardStateCodec.decode(Buffer.alloc(0))).toEqual(hardState);
  });

  test.each([
    0,
    1,
    -1,
    2 ** 31,
    2 ** 32 + 1,
    -(2 ** 40),
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
  ])('holds the number %d exactly', (next) =>
    expect(producerIdsCodec.decode(producerIdsCodec.encode({ next }))).toEqual({ next }),
  );

  test.each(['0880808080808080808001', '08ffffffffffffffff7f', '088080808080808010'])(
    'with a number that is not safe (%s) is refused',
    (hex) => {
      expect(() => producerIdsCodec.decode(Buffer.from(hex, 'hex'))).toThrow(
        expect.objectContaining({ code: 'DATA_CORRUPT' }) as Error,
      );
    },
  );

  test.each([1n, 0.5, NaN, 2 ** 53, '1', undefined])(
    'is not made of %p, which would become another number',
    (next) => {
      expect(() => producerIdsCodec.encode({ next: next as number })).toThrow(/is no safe integer/);
    },
  );

  test('is not made of a number beyond its 32-bit field', () => {
    const record = { topicId: '', partitions: 2 ** 31, replicationFactor: 1, config: {} };
    expect(() => topicRecordCodec.encode(record)).toThrow(/no 32-bit integer/);
  });

  test('without the mode it needs, or with one that is unknown, is refused', () => {
    expect(() => generationRecordCodec.decode(Buffer.alloc(0))).toThrow(
      /replication mode 0 is unknown/,
    );
    expect(() => generationRecordCodec.decode(Buffer.from([0x10, 9]))).toThrow(
      /replication mode 9 is unknown/,
    );
    const wrong = { mode: 'paxos', replicas: [] } as unknown as PartitionRecord;
    expect(() => partitionRecordCodec.encode(wrong)).toThrow(/no replication mode/);
  });

  test('without a part that it needs is refused', () => {
    expect(() => knownBrokerCodec.decode(Buffer.alloc(0))).toThrow(/without a BrokerRegistration/);
  });

  test('has equal bytes for equal maps, whatever their order', () => {
    const record = { topicId: '', partitions: 1, replicationFactor: 1 };
    const one = topicRecordCodec.encode({ ...record, config: { a: '1', b: '2' } });
    const other = topicRecordCodec.encode({ ...record, config: { b: '2', a: '1' } });
    expect(one.equals(other)).toBe(true);
  });

  test('keeps a map safe from names that JavaScript knows', () => {
    const config = Object.fromEntries([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    const record = { topicId: '', partitions: 1, replicationFactor: 1, config };
    const found = topicRecordCodec.decode(topicRecordCodec.encode(record)).config;
    expect(Object.entries(found).sort()).toEqual(Object.entries(config).sort());
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
  });

  test('does not share memory with the bytes that it came from', () => {
    const bytes = hardStateCodec.encode({ ...hardState, taintReason: 'because' });
    const found = hardStateCodec.decode(bytes);
    bytes.fill(0);
    expect(found.taintReason).toBe('because');
  });

  test('that is nested without end is a typed error', () => {
    interface Nested {
      readonly inner: { readonly epoch: number; readonly offset: number } | undefined;
    }
    const deep = new MessageCodec<Nested>(
      'Deep',
      {
        encode: () => ({ finish: () => new Uint8Array() }),
        decode: () => {
          throw new Error('max depth exceeded');
        },
      },
      { inner: maybe(epochOffsetCodec) },
    );
    expect(() => deep.decode(new Uint8Array(4))).toThrow(/4 bytes are no Deep: max depth exceeded/);
  });
});

test('fields of messages and lists are carried one by one', () => {
  expect(list(integer).toWire([1, 2])).toEqual([1, 2]);
  expect(() => list(integer).toWire([1, 0.5])).toThrow(/no safe integer/);
  expect(one(epochOffsetCodec).fromWire({ epoch: 1, offset: 2 })).toEqual({ epoch: 1, offset: 2 });
  expect(() => text.toWire(1 as unknown as string)).toThrow(/needs a text/);
  expect(textMap.toWire({ b: '2', a: '1' })).toEqual({ a: '1', b: '2' });
});
