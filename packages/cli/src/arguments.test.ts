// Flags are read once and refused with a sentence that says what they take.
import {
  address,
  durationMs,
  intervalMs,
  optionalDurationMs,
  optionalNumber,
  pairs,
  settings,
} from './arguments.js';
import { UsageError } from './exit-codes.js';

test.each([
  ['500ms', 500],
  ['15s', 15_000],
  ['10m', 600_000],
  ['2h', 7_200_000],
  ['3', 3_000],
  ['0.5', 500],
])('the duration %s is %d ms', (text, ms) => {
  expect(durationMs('timeout', text)).toBe(ms);
});

test.each(['', 'soon', '-1s', '5 parsecs'])('"%s" is no duration', (text) => {
  expect(() => durationMs('timeout', text)).toThrow(UsageError);
  expect(() => durationMs('timeout', text)).toThrow('--timeout is a duration such as 500ms');
});

test('flags that are not given stay undefined', () => {
  expect(optionalDurationMs({}, 'timeout')).toBeUndefined();
  expect(optionalNumber({}, 'max', 1)).toBeUndefined();
});

test.each([
  ['1', 1],
  ['12', 12],
])('the number %s', (text, value) => {
  expect(optionalNumber({ max: text }, 'max', 1, 12)).toBe(value);
});

test.each(['0', '13', '1.5', '1e1', '-1', 'x', ''])('"%s" is no number from 1 to 12', (text) => {
  expect(() => optionalNumber({ max: text }, 'max', 1, 12)).toThrow(
    `--max is a whole number from 1 to 12; "${text}" is not`,
  );
});

test('a pair is split at its first =', () => {
  expect(pairs('header', ['a=b=c', 'd='], 'x=y')).toEqual([
    ['a', 'b=c'],
    ['d', ''],
  ]);
  expect(() => pairs('header', ['=b'], 'x=y')).toThrow('"=b" has no name or no =');
});

test('a setting that is given twice is refused', () => {
  expect(settings('config', ['a=1', 'b=2'])).toEqual({ a: '1', b: '2' });
  expect(() => settings('config', ['a=1', 'b=2', 'a=3'])).toThrow('--config a=… is given twice');
});

test('an address needs its port', () => {
  expect(address('listen', '127.0.0.1:9640')).toEqual({ host: '127.0.0.1', port: 9640 });
  expect(() => address('listen', 'localhost')).toThrow('--listen is HOST:PORT');
});

test('an interval that would ask without a pause is refused', () => {
  expect(intervalMs({ interval: '2s' })).toBe(2000);
  expect(intervalMs({ interval: '100ms' })).toBe(100);
  for (const interval of ['0', '0s', '1ms'])
    expect(() => intervalMs({ interval })).toThrow(
      `--interval is at least 100ms; "${interval}" is less`,
    );
});
