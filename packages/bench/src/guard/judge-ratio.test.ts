import { judgeRatio } from './judge-ratio.js';
import type { GuardRound } from './judge-ratio.js';

const BASELINE = { ratioToCeiling: 0.4, tolerance: 0.25 };

/** Of a ceiling of 100,000 messages a second. */
function round(messagesPerSecond: number, otherCores: number | null = 0.1): GuardRound {
  return { messagesPerSecond, ceilingPerSecond: 100_000, otherCores };
}

test('the best round counts, and the best ceiling', () => {
  const rounds = [round(20_000), round(31_000), { ...round(25_000), ceilingPerSecond: 50_000 }];
  const verdict = { verdict: 'kept', ratio: 0.31, least: expect.closeTo(0.3) };
  expect(judgeRatio(rounds, BASELINE)).toEqual(verdict);
});

test('a drop of more than the tolerance is a regression', () => {
  expect(judgeRatio([round(29_900), round(20_000)], BASELINE).verdict).toBe('fallen');
  expect(judgeRatio([round(30_100)], BASELINE).verdict).toBe('kept');
});

test('when others kept the machine busy in every round, a low figure says nothing, and a high one does', () => {
  expect(judgeRatio([round(10_000, 1.6), round(20_000, 0.9)], BASELINE).verdict).toBe('unknown');
  expect(judgeRatio([round(10_000, 1.6), round(20_000, 0.3)], BASELINE).verdict).toBe('fallen');
  expect(judgeRatio([round(10_000, 1.6), round(35_000, 1.2)], BASELINE).verdict).toBe('kept');
});

test('where the machine does not tell what others do, a low figure is a regression', () => {
  expect(judgeRatio([round(10_000, null)], BASELINE).verdict).toBe('fallen');
});

test('without a ceiling nothing is judged', () => {
  expect(() => judgeRatio([{ ...round(1), ceilingPerSecond: null }], BASELINE)).toThrow('ceiling');
  expect(() => judgeRatio([], BASELINE)).toThrow('ceiling');
});
