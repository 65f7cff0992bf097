import { EpochList } from './epoch-list.js';

const list = (): EpochList => {
  const epochs = new EpochList();
  epochs.add(1, 0);
  epochs.add(1, 5);
  epochs.add(3, 10);
  epochs.add(7, 20);
  return epochs;
};

describe('an epoch list', () => {
  test('knows the epoch of each offset', () => {
    expect([0, 9, 10, 19, 20, 99].map((offset) => list().at(offset))).toEqual([1, 1, 3, 3, 7, 7]);
    expect(list().at(-1)).toBeUndefined();
  });

  test('knows where an epoch, or the largest below it, ends', () => {
    expect(list().endOf(3, 25)).toEqual({ epoch: 3, endOffset: 20 });
    expect(list().endOf(5, 25)).toEqual({ epoch: 3, endOffset: 20 });
    expect(list().endOf(9, 25)).toEqual({ epoch: 7, endOffset: 25 });
    expect(list().endOf(0, 25)).toBeUndefined();
  });

  test('forgets what is cut', () => {
    const epochs = list();
    epochs.cut(20);
    expect(epochs.lastEpoch).toBe(3);
    epochs.cut(11);
    expect(epochs.lastEpoch).toBe(3);
    epochs.cut(0);
    expect(epochs.lastEpoch).toBe(0);
  });

  test('keeps the epoch of the record before the log start (rule 25)', () => {
    const epochs = list();
    epochs.dropBefore(20);
    expect(epochs.at(19)).toBe(3);
    expect(epochs.endOf(3, 25)).toEqual({ epoch: 3, endOffset: 20 });
    expect(epochs.at(9)).toBeUndefined();
    expect(EpochList.before(20, 3).at(19)).toBe(3);
  });
});
