import { spreadOf } from './percentiles.js';

test('a percentile is the value that so many do not exceed', () => {
  const values = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect(spreadOf(values)).toEqual({ count: 200, min: 1, p50: 100, p99: 198, max: 200 });
  expect(spreadOf([7])).toEqual({ count: 1, min: 7, p50: 7, p99: 7, max: 7 });
  expect(spreadOf([])).toBeUndefined();
});
