import { AckGaps, mergeGaps } from './ack-gaps.js';

let nowUs: number;
let gaps: AckGaps;
beforeEach(() => {
  nowUs = 1_000_000;
  gaps = new AckGaps(() => nowUs);
});

function acknowledged(partition: number, afterMs: number): void {
  nowUs += afterMs * 1e3;
  gaps.acknowledged(partition);
}

test('the longest time without an acknowledgement counts, for each partition', () => {
  acknowledged(0, 5);
  acknowledged(0, 30);
  acknowledged(1, 10);
  acknowledged(0, 2);
  expect(gaps.gaps).toEqual([
    { partition: 0, longestMs: 30, lastAckUs: nowUs },
    { partition: 1, longestMs: 45, lastAckUs: nowUs - 2_000 },
  ]);
});

test('a gap that has not ended yet counts, from the beginning of the window on', () => {
  acknowledged(0, 1);
  nowUs += 50_000;
  expect(gaps.gaps).toMatchObject([{ longestMs: 50 }]);
  gaps.begin();
  nowUs += 20_000;
  expect(gaps.gaps).toMatchObject([{ longestMs: 20 }]);
});

test('of what several processes saw, the longest gap and the last acknowledgement count', () => {
  const one = [{ partition: 1, longestMs: 4, lastAckUs: 90 }];
  const other = [
    { partition: 1, longestMs: 7, lastAckUs: 80 },
    { partition: 0, longestMs: 1, lastAckUs: 5 },
  ];
  expect(mergeGaps([one, other])).toEqual([
    { partition: 0, longestMs: 1, lastAckUs: 5 },
    { partition: 1, longestMs: 7, lastAckUs: 90 },
  ]);
});
