import { deflateRawSync } from 'node:zlib';
import { MessageSet } from './message-set.js';
import { Payloads } from './payload.js';

test('a payload is read back by another process of the run, and by no other run', () => {
  const value = new Payloads(1024, 'run').make(3, 17, 5.5);
  expect(new Payloads(1024, 'run').read(value)).toEqual({
    producer: 3,
    sequence: 17,
    sentAtUs: 5.5,
  });
  expect(new Payloads(1024, 'another').read(value)).toBeUndefined();
});

test('a changed byte, a lost byte, and a tombstone are noticed', () => {
  const payloads = new Payloads(100, 'run');
  const value = payloads.make(1, 2, 3);
  for (const at of [0, 4, 16, 99]) {
    const changed = Buffer.from(value);
    changed[at] ^= 1;
    expect(payloads.read(changed)).toBeUndefined();
  }
  expect(payloads.read(value.subarray(1))).toBeUndefined();
  expect(payloads.read(null)).toBeUndefined();
});

test('a batch of payloads does not get smaller by compression', () => {
  const payloads = new Payloads(1024, 'run');
  const batch = Buffer.concat(Array.from({ length: 64 }, (_, index) => payloads.make(0, index, 0)));
  expect(deflateRawSync(batch).length).toBeGreaterThan(0.99 * batch.length);
});

test('a set of messages knows what is missing, what is twice, and its size', () => {
  const sent = new MessageSet();
  const read = new MessageSet();
  for (const sequence of [0, 7, 8, 40_000]) expect(sent.add(sequence)).toBe(true);
  expect(sent.add(8)).toBe(false);
  for (const sequence of [0, 40_000, 50_000]) read.add(sequence);
  expect(sent.without(read)).toBe(2);
  expect(sent.shared(read)).toBe(2);
  sent.union(new MessageSet(structuredClone(read.bytes)));
  expect(sent.size).toBe(5);
  expect(sent.has(50_000)).toBe(true);
  expect(sent.has(1_000_000)).toBe(false);
});
