import fc from 'fast-check';
import { FrameReader } from './frame-reader.js';

const MAX = 1024 * 1024;

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeInt32BE(message.length);
  return Buffer.concat([prefix, message]);
}

function readAll(reader: FrameReader, chunks: readonly Buffer[]): Buffer[] {
  const frames: Buffer[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame);
  }
  return frames;
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const positions = [...new Set(at.map((one) => one % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...positions].map((from, index) =>
    bytes.subarray(from, positions[index] ?? bytes.length),
  );
}

test('frames come out whole, however the stream is cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 8 });
  fc.assert(
    fc.property(messages, fc.array(fc.nat(5000)), (contents, cuts) => {
      const wanted = contents.map((content) => Buffer.from(content));
      const reader = new FrameReader(MAX);
      const got = readAll(reader, cut(Buffer.concat(wanted.map(framed)), cuts));
      expect(got).toEqual(wanted);
      expect(reader.midFrame).toBe(false);
    }),
  );
});

test('a frame within one chunk is a slice of it', () => {
  const chunk = Buffer.concat([framed(Buffer.from('first')), framed(Buffer.from('second'))]);
  const frames = readAll(new FrameReader(MAX), [chunk]);
  expect(frames.map(String)).toEqual(['first', 'second']);
  expect(frames[1].buffer).toBe(chunk.buffer);
});

test('a long frame is gathered in one allocation of its exact size', () => {
  const message = Buffer.alloc(700_000, 'abc');
  const bytes = framed(message);
  const chunks = Array.from({ length: 11 }, (_, index) =>
    bytes.subarray(index * 65_536, (index + 1) * 65_536),
  );
  const [frame] = readAll(new FrameReader(MAX), chunks);
  expect(frame.equals(message)).toBe(true);
  expect(frame.buffer.byteLength).toBe(700_000);
});

test('chunks may be given before earlier frames were taken', () => {
  const reader = new FrameReader(MAX);
  const bytes = Buffer.concat(['a', 'bc', 'def'].map((text) => framed(Buffer.from(text))));
  reader.push(bytes.subarray(0, 7));
  reader.push(bytes.subarray(7));
  expect([reader.next(), reader.next(), reader.next()].map(String)).toEqual(['a', 'bc', 'def']);
});

test.each([
  [Buffer.from([0xff, 0xff, 0xff, 0xfc]), 4_294_967_292],
  [Buffer.from([0x7f, 0xff, 0xff, 0xff]), 2_147_483_647],
  [Buffer.from([0, 0x10, 0, 1]), MAX + 1],
])('a length of %p is refused before anything is kept', (prefix, length) => {
  const reader = new FrameReader(MAX);
  reader.push(prefix);
  expect(() => reader.next()).toThrow(`a frame of ${length} bytes; the limit is ${MAX}`);
});

test('a length alone reserves no memory', () => {
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 200 }, () => {
    const reader = new FrameReader(64 * MAX);
    reader.push(Buffer.from([0x03, 0xff, 0xff, 0xff, 1, 2, 3]));
    expect(reader.next()).toBeUndefined();
    return reader;
  });
  expect(readers.every((reader) => reader.midFrame)).toBe(true);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MAX);
});
