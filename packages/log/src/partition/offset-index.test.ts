import fc from 'fast-check';
import { OffsetIndex } from './offset-index.js';
import { TimeIndex } from './time-index.js';

function made(base: number, entries: readonly (readonly [number, number])[]): OffsetIndex {
  const index = OffsetIndex.empty(base);
  for (const [offset, position] of entries) index.append(offset, position);
  return index;
}

describe('an offset index', () => {
  const index = made(100, [
    [119, 4000],
    [139, 8000],
    [159, 12_000],
  ]);

  test('finds the block of an offset from the second block on, too', () => {
    expect(index.floor(100)).toBe(0);
    expect(index.floor(118)).toBe(0);
    expect(index.floor(119)).toBe(4000);
    expect(index.floor(138)).toBe(4000);
    expect(index.floor(139)).toBe(8000);
    expect(index.floor(158)).toBe(8000);
    expect(index.floor(1_000_000)).toBe(12_000);
  });

  test('finds the first entry from a position on', () => {
    expect(index.ceiling(0)).toBe(4000);
    expect(index.ceiling(4000)).toBe(4000);
    expect(index.ceiling(4001)).toBe(8000);
    expect(index.ceiling(12_001)).toBeUndefined();
    expect(index.lastOffsetAt(8000)).toBe(139);
    expect(index.lastOffsetAt(8001)).toBeUndefined();
  });

  test('is the same after it was written and read', () => {
    const read = OffsetIndex.decode(100, index.encode(), 20_000);
    expect(read?.encode()).toEqual(index.encode());
    expect([...index.encode().subarray(0, 8)]).toEqual([0, 0, 0, 19, 0, 0, 15, 160]);
  });

  test('is refused when its length, its order or its positions can not be right', () => {
    const bytes = Buffer.from(index.encode());
    expect(OffsetIndex.decode(100, bytes.subarray(0, 12), 20_000)).toBeUndefined();
    expect(OffsetIndex.decode(100, bytes, 12_000)).toBeUndefined();
    expect(OffsetIndex.decode(100, Buffer.alloc(16), 20_000)).toBeUndefined();
    bytes.writeInt32BE(10, 8);
    expect(OffsetIndex.decode(100, bytes, 20_000)).toBeUndefined();
  });

  test('finds for any offset the last entry that does not lie behind it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 99 }))),
        fc.nat(200),
        (steps, offset) => {
          let last = -1;
          let position = 0;
          const entries = steps.map(([offsets, bytes]): [number, number] => [
            (last += offsets),
            (position += bytes),
          ]);
          const expected = entries.filter(([entry]) => entry <= offset).at(-1)?.[1] ?? 0;
          expect(made(0, entries).floor(offset)).toBe(expected);
        },
      ),
    );
  });
});

describe('a time index', () => {
  test('keeps rising timestamps only and finds where older ones end', () => {
    const times = TimeIndex.empty(50);
    times.maybeAppend(1000, 59);
    times.maybeAppend(1000, 69);
    times.maybeAppend(900, 79);
    times.maybeAppend(2000, 89);
    expect(times.count).toBe(2);
    expect(times.floor(1000)).toBe(50);
    expect(times.floor(1001)).toBe(60);
    expect(times.floor(2000)).toBe(60);
    expect(times.floor(2001)).toBe(90);
    expect(TimeIndex.decode(50, times.encode(), 90)?.last()).toEqual({
      timestamp: 2000,
      offset: 89,
    });
    expect(TimeIndex.decode(50, times.encode(), 89)).toBeUndefined();
  });
});
