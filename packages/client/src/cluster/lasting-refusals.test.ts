import { LastingRefusals } from './lasting-refusals.js';

describe('a partition that refuses', () => {
  let refusals: LastingRefusals;
  beforeEach(() => (refusals = new LastingRefusals()));

  /** When it is time to look who leads, of refusals every 100 ms. */
  const looks = (fromMs: number, toMs: number, partition = 0, broker = 1): number[] => {
    const found: number[] = [];
    for (let nowMs = fromMs; nowMs <= toMs; nowMs += 100)
      if (refusals.refused('t', partition, broker, nowMs)) found.push(nowMs);
    return found;
  };

  test('is looked up when that lasts, with longer and longer pauses', () => {
    expect(looks(0, 24_000)).toEqual([600, 1200, 2300, 4400, 8500, 13_600, 18_700, 23_800]);
  });

  test('at another broker begins anew, as does one that was silent', () => {
    expect(looks(0, 500)).toEqual([]);
    expect(looks(600, 1100, 0, 2)).toEqual([]);
    expect(looks(1200, 1200, 0, 2)).toEqual([1200]);
    expect(looks(6300, 6800, 0, 2)).toEqual([]);
    expect(looks(6900, 6900, 0, 2)).toEqual([6900]);
  });

  test('does not count for others, and is forgotten', () => {
    looks(0, 0, 0);
    looks(400, 400, 1);
    expect(looks(600, 600, 0)).toEqual([600]);
    expect(looks(800, 800, 1)).toEqual([]);
    expect(refusals.size).toBe(2);
    looks(5700, 5700, 2);
    expect(refusals.size).toBe(2);
    looks(11_000, 11_000, 3);
    expect(refusals.size).toBe(1);
  });
});
