import { SeededRandom } from '@zhumq/base';
import { LatencyHistogram } from './latency-histogram.js';

test('quantiles are within 1.6 % of those of the sorted values', () => {
  const random = new SeededRandom(1);
  const values = Array.from({ length: 20_000 }, () => Math.exp(random.fraction() * 18));
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  values.sort((one, other) => one - other);
  for (const share of [0.01, 0.5, 0.9, 0.99, 0.999, 1]) {
    const exact = values[Math.ceil(values.length * share) - 1];
    const error = Math.abs(histogram.quantileUs(share) - exact) / exact;
    expect(error).toBeLessThan(exact < 64 ? 1 / exact : 0.016);
  }
});

test('histograms of several processes add up', () => {
  const one = new LatencyHistogram();
  const other = new LatencyHistogram();
  one.record(100);
  other.record(300);
  other.record(70_000);
  one.add(new LatencyHistogram(structuredClone(other.counters)));
  expect(one.count).toBe(3);
  expect(one.quantileUs(0.5)).toBeGreaterThanOrEqual(300);
  expect(one.summary().max).toBeGreaterThanOrEqual(70);
});

test('one without values is all zeros, and extremes have a place', () => {
  const histogram = new LatencyHistogram();
  expect(histogram.summary()).toEqual({ p50: 0, p99: 0, p999: 0, max: 0 });
  for (const extreme of [-1, 0, 127, 128, 2 ** 35, 2 ** 40]) histogram.record(extreme);
  expect(histogram.count).toBe(6);
});
