import fc from 'fast-check';
import { CALL, MessageReader, TYPE } from './message-reader.js';
import { MessageWriter } from './message-writer.js';
import { messageHeader } from '../method.js';

const HEADER = messageHeader(CALL, 'test');

function write(body: (writer: MessageWriter) => void, writer = new MessageWriter()): Buffer {
  writer.beginFrame(HEADER, 5);
  body(writer);
  writer.endFrame(1 << 30);
  return Buffer.concat(writer.take());
}

function read<T>(frame: Buffer, body: (reader: MessageReader) => T): T {
  const reader = new MessageReader();
  expect(frame.readInt32BE(0)).toBe(frame.length - 4);
  reader.begin(frame.subarray(4));
  expect([reader.name, reader.kind, reader.sequenceId]).toEqual(['test', CALL, 5]);
  const value = body(reader);
  reader.end();
  return value;
}

/** What a method writes, read again with its counterpart. */
function again<T>(
  type: 'I64' | 'I32' | 'I16' | 'Byte' | 'Double' | 'String' | 'Bool',
  value: T,
): unknown {
  const frame = write((writer) =>
    (writer[`write${type}`] as (one: unknown) => void).call(writer, value),
  );
  return read(frame, (reader) => reader[`read${type}`]());
}

const MAX = Number.MAX_SAFE_INTEGER;

test('every integer that a number holds exactly travels as i64', () => {
  for (const value of [
    0,
    1,
    -1,
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 32,
    -(2 ** 32),
    MAX,
    -MAX,
    MAX - 1,
  ]) {
    expect(again('I64', value)).toBe(value);
  }
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => again('I64', value) === value));
});

test('an i64 is written in two-complement, big endian', () => {
  const bytes = (value: number) => write((writer) => writer.writeI64(value)).subarray(-8);
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => bytes(value).readBigInt64BE() === BigInt(value)),
  );
});

test.each([MAX + 1, -MAX - 1, 0.5, NaN, Infinity, 3n, '16', null, undefined, {}])(
  'an i64 of %p is refused with a RangeError',
  (value) => {
    expect(() => write((writer) => writer.writeI64(value as number))).toThrow(RangeError);
  },
);

test.each([2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n])(
  'an i64 of %p on the wire is not rounded but refused',
  (value) => {
    const frame = write((writer) => writer.writeBinary(Buffer.alloc(4)));
    frame.writeBigInt64BE(value, frame.length - 8);
    expect(() => read(frame, (reader) => reader.readI64())).toThrow('beyond the integers');
  },
);

test.each([
  ['I32', 2 ** 31],
  ['I32', -(2 ** 31) - 1],
  ['I32', 1.5],
  ['I16', 32_768],
  ['I16', -32_769],
  ['Byte', 128],
] as const)('%s refuses %p', (type, value) => {
  expect(() => again(type, value)).toThrow(RangeError);
});

test('the other scalars come back as they were', () => {
  fc.assert(fc.property(fc.integer(), (value) => again('I32', value) === value));
  fc.assert(
    fc.property(
      fc.integer({ min: -32_768, max: 32_767 }),
      (value) => again('I16', value) === value,
    ),
  );
  fc.assert(
    fc.property(fc.integer({ min: -128, max: 127 }), (value) => again('Byte', value) === value),
  );
  fc.assert(fc.property(fc.double(), (value) => Object.is(again('Double', value), value)));
  expect([again('Bool', true), again('Bool', false)]).toEqual([true, false]);
});

test('strings of every length and script come back', () => {
  const texts = [
    '',
    'a',
    'é',
    '日本',
    '🙂',
    'x'.repeat(40),
    'x'.repeat(41),
    'ß'.repeat(5000),
    '\u0000',
  ];
  for (const text of texts) expect(again('String', text)).toBe(text);
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      (text) => again('String', text) === text,
    ),
  );
});

test('half a surrogate pair and bytes that are not UTF-8 become U+FFFD', () => {
  expect(again('String', '\ud83d')).toBe('\ufffd');
  const frame = write((writer) => writer.writeBinary(Buffer.from([0x61, 0xff])));
  expect(read(frame, (reader) => reader.readString())).toBe('a\ufffd');
});

test.each([0, 1, 4095, 4096, 4097, 70_000])('binary values of %i bytes come back', (bytes) => {
  const value = Buffer.alloc(bytes, 'zhumq');
  const frame = write((writer) => writer.writeBinary(value));
  expect(read(frame, (reader) => reader.readBinary()).equals(value)).toBe(true);
});

test('several buffers are written as one value', () => {
  const runs = [Buffer.from('ab'), Buffer.alloc(5000, 'c'), Buffer.alloc(0), Buffer.from('d')];
  const frame = write((writer) => writer.writeBinary(runs));
  expect(read(frame, (reader) => reader.readBinary())).toEqual(Buffer.concat(runs));
  expect(
    read(
      write((writer) => writer.writeBinary([])),
      (reader) => reader.readBinary(),
    ),
  ).toHaveLength(0);
});

test('large binary values are passed on by reference and read as slices', () => {
  const value = Buffer.alloc(100_000, 1);
  const writer = new MessageWriter();
  writer.beginFrame(HEADER, 5);
  writer.writeBinary([value, value]);
  writer.endFrame(1 << 30);
  const pieces = writer.take();
  expect(pieces.filter((piece) => piece === value)).toHaveLength(2);
  const frame = Buffer.concat(pieces);
  expect(read(frame, (reader) => reader.readBinary()).buffer).toBe(frame.buffer);
});

test('small frames of one tick are one piece', () => {
  const writer = new MessageWriter();
  for (let count = 0; count < 20; count++) {
    writer.beginFrame(HEADER, count);
    writer.writeString('small');
    writer.endFrame(1000);
  }
  const bytes = writer.bytes;
  const pieces = writer.take();
  expect(pieces).toHaveLength(1);
  expect(pieces[0]).toHaveLength(bytes);
  expect([writer.bytes, writer.take()]).toEqual([0, []]);
});

test('a frame that is abandoned half-way leaves what was written before as it was', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 9000 }), fc.boolean()));
  fc.assert(
    fc.property(steps, (frames) => {
      const writer = new MessageWriter();
      const wanted: Buffer[] = [];
      const got: Uint8Array[] = [];
      for (const [keep, bytes, take] of frames) {
        const value = Buffer.alloc(bytes, wanted.length);
        writer.beginFrame(HEADER, 5);
        writer.writeBinary(value);
        writer.writeString('x'.repeat(bytes % 300));
        if (keep) {
          writer.endFrame(1 << 30);
          wanted.push(
            write((other) => {
              other.writeBinary(value);
              other.writeString('x'.repeat(bytes % 300));
            }),
          );
        } else writer.abandonFrame();
        if (take) got.push(...writer.take());
      }
      expect(writer.bytes).toBe(
        [...wanted].reduce((sum, one) => sum + one.length, 0) - lengthOf(got),
      );
      got.push(...writer.take());
      expect(Buffer.concat(got).equals(Buffer.concat(wanted))).toBe(true);
    }),
  );
});

function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

test('a frame over the limit is refused with FRAME_TOO_LARGE', () => {
  const writer = new MessageWriter();
  writer.beginFrame(HEADER, 1);
  writer.writeBinary(Buffer.alloc(100));
  expect(() => writer.endFrame(100)).toThrow(expect.objectContaining({ code: 'FRAME_TOO_LARGE' }));
});

const unreadable: [string, (reader: MessageReader) => unknown, number[]][] = [
  ['a string longer than the frame', (reader) => reader.readString(), [0, 0, 0, 9, 1]],
  ['a negative length', (reader) => reader.readBinary(), [0xff, 0xff, 0xff, 0xff]],
  [
    'a list of more items than bytes',
    (reader) => reader.readListBegin(),
    [TYPE.I64, 0, 0, 0, 2, 1, 2, 3],
  ],
  [
    'a list of a negative number of items',
    (reader) => reader.readListBegin(),
    [TYPE.I64, 0xff, 0, 0, 0],
  ],
  ['a list of what is no type', (reader) => reader.readListBegin(), [1, 0, 0, 0, 1, 0]],
  [
    'a map without types that is not empty',
    (reader) => reader.readMapBegin(),
    [0, 0, 0, 0, 0, 1, 9, 9],
  ],
  ['an unknown type', (reader) => reader.skip(7), [0, 0, 0, 0]],
  ['an i64 of seven bytes', (reader) => reader.skip(TYPE.I64), [0, 0, 0, 0, 0, 0, 0]],
];

test.each(unreadable)('%s is malformed', (_what, body, bytes) => {
  const reader = new MessageReader();
  const header = Buffer.concat([HEADER, Buffer.from([0, 0, 0, 5])]);
  reader.begin(Buffer.concat([header, Buffer.from(bytes)]));
  expect(() => body(reader)).toThrow(expect.objectContaining({ name: 'MalformedMessage' }));
});

test('a list may not have more items than a million, whatever the frame holds', () => {
  const reader = new MessageReader();
  const list = Buffer.alloc(3_000_000);
  list[0] = TYPE.BOOL;
  list.writeInt32BE(2_000_000, 1);
  reader.begin(Buffer.concat([HEADER, Buffer.from([0, 0, 0, 5]), list]));
  expect(() => reader.readListBegin()).toThrow('a list of 2000000 items');
});

test('an empty map may come without types', () => {
  const frame = write((writer) => writer.writeMapBegin(0, 0, 0));
  expect(read(frame, (reader) => reader.readMapBegin().size)).toBe(0);
});

test('values of all types can be passed over', () => {
  const frame = write((writer) => {
    writer.writeFieldBegin('', TYPE.MAP, 1);
    writer.writeMapBegin(TYPE.STRING, TYPE.LIST, 1);
    writer.writeString('key');
    writer.writeListBegin(TYPE.STRUCT, 2);
    for (const flag of [true, false]) {
      writer.writeFieldBegin('', TYPE.BOOL, 1);
      writer.writeBool(flag);
      writer.writeFieldBegin('', TYPE.DOUBLE, 2);
      writer.writeDouble(1);
      writer.writeFieldStop();
    }
    writer.writeFieldBegin('', TYPE.SET, 2);
    writer.writeSetBegin(TYPE.I16, 1);
    writer.writeI16(3);
    writer.writeFieldStop();
  });
  read(frame, (reader) => reader.skip(TYPE.STRUCT));
});

test('bytes after the end of a message are malformed', () => {
  const reader = new MessageReader();
  reader.begin(Buffer.concat([HEADER, Buffer.from([0, 0, 0, 5, 0, 1])]));
  reader.skip(TYPE.STRUCT);
  expect(() => reader.end()).toThrow('1 bytes after the end');
});
