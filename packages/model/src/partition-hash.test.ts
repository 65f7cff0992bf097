import { keyHash, murmur2 } from './partition-hash.js';

describe('the hash of a key', () => {
  // Published with Kafka's own partitioner; checked once against kafkajs with 20,000 random keys.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
    ['', 275646681],
  ])('of "%s" is murmur2 as Kafka has it', (key, expected) => {
    expect(murmur2(Buffer.from(key))).toBe(expected);
    expect(keyHash(Buffer.from(key))).toBe(expected & 0x7fffffff);
  });

  test('takes bytes for unsigned', () => {
    expect(murmur2(Buffer.from([0xff, 0xfe, 0xfd, 0xfc, 0xfb]))).toBe(
      murmur2(new Uint8Array([255, 254, 253, 252, 251])),
    );
    expect(keyHash(Buffer.alloc(1000, 0xff))).toBeGreaterThanOrEqual(0);
  });
});
