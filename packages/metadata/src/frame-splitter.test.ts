import { FrameSplitter } from './frame-splitter.js';

function frame(body: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, Buffer.from(body)]);
}

test('packets come out whole, however the stream is cut', () => {
  const bodies = ['a', '', 'longer packet', 'x'.repeat(300)];
  const stream = Buffer.concat(bodies.map(frame));
  for (let size = 1; size <= stream.length; size++) {
    const splitter = new FrameSplitter();
    const packets: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      for (const packet of splitter.push(stream.subarray(at, at + size))) {
        packets.push(packet.subarray(4).toString());
      }
    }
    expect(packets).toEqual(bodies);
  }
});

test('half a packet of an old connection is forgotten', () => {
  const splitter = new FrameSplitter();
  expect([...splitter.push(frame('abc').subarray(0, 5))]).toEqual([]);
  splitter.reset();
  expect([...splitter.push(frame('new'))]).toEqual([frame('new')]);
});

test('a length that can not be is refused before anything is kept for it', () => {
  for (const length of [-1, 2 ** 31 - 1]) {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    expect(() => [...new FrameSplitter().push(bytes)]).toThrow(`packet of ${length} bytes`);
  }
});
