import {
  formatBytes,
  formatDurationMs,
  formatExactBytes,
  parseBytes,
  parseDurationMs,
} from './quantities.js';

test.each([
  ['500ms', 500],
  ['15s', 15_000],
  ['1.1s', 1100],
  ['10m', 600_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
  [' 3 s ', 3000],
  ['0', 0],
])('%s is %d milliseconds', (text, ms) => {
  expect(parseDurationMs(text, 'ms')).toBe(ms);
});

test('a bare number counts the unit that the caller names', () => {
  expect(parseDurationMs('30', 's')).toBe(30_000);
  expect(parseDurationMs('30', 'ms')).toBe(30);
  expect(parseDurationMs(30, 's')).toBe(30_000);
});

test.each([
  ['512B', 512],
  ['64KiB', 65_536],
  ['1.5MiB', 1_572_864],
  ['0.1KiB', 102],
  ['10GiB', 10_737_418_240],
  ['4096', 4096],
])('%s is %d bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each([
  '',
  'x',
  '-1s',
  '1 0s',
  '1x',
  '1e3',
  '0x10',
  '1constructor',
  '1toString',
  '9'.repeat(400),
])('"%s" is neither a duration nor a size', (text) => {
  expect(parseDurationMs(text, 'ms')).toBeUndefined();
  expect(parseBytes(text)).toBeUndefined();
});

test.each([NaN, Infinity, -1])('the number %d is neither', (value) => {
  expect(parseDurationMs(value, 'ms')).toBeUndefined();
  expect(parseBytes(value)).toBeUndefined();
});

test('units are exact: KB and kib are not known', () => {
  expect(parseBytes('1KB')).toBeUndefined();
  expect(parseBytes('1kib')).toBeUndefined();
});

test('durations are written in the largest unit that fits', () => {
  const written = [0, 999, 1000, 90_000, 3_600_000, 86_400_000].map(formatDurationMs);
  expect(written).toEqual(['0ms', '999ms', '1s', '90s', '1h', '1d']);
});

test('sizes for people have one digit after the point and never 1024 of a unit', () => {
  const written = [0, 1000, 1024, 1536, 2 ** 20 - 1, 2 ** 30 - 1, 2 ** 31].map(formatBytes);
  expect(written).toEqual(['0B', '1000B', '1KiB', '1.5KiB', '1MiB', '1GiB', '2GiB']);
});

test('exact sizes are read again as the same number', () => {
  for (const bytes of [0, 1, 1023, 1024, 1025, 1_572_864, 2 ** 30, 2 ** 30 + 1]) {
    expect(parseBytes(formatExactBytes(bytes))).toBe(bytes);
  }
});
