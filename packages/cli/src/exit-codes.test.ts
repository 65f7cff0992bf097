// The exit code and the words of each kind of failure.
import { zhumqError } from '@zhumq/model';
import type { ErrorCode } from '@zhumq/model';
import { Interrupted, UsageError, exitCodeOf, explain } from './exit-codes.js';

test.each<[ErrorCode, number]>([
  ['INTERNAL', 1],
  ['TOPIC_EXISTS', 1],
  ['UNSUPPORTED', 1],
  ['INVALID_TOPIC', 2],
  ['UNKNOWN_TOPIC', 4],
  ['UNKNOWN_PARTITION', 4],
  ['TIMEOUT', 6],
  ['CONNECTION_REFUSED', 6],
])('%s ends with %d', (code, exit) => {
  expect(exitCodeOf(zhumqError(code, 'x'))).toBe(exit);
});

test('errors of the command itself have their codes', () => {
  expect(exitCodeOf(new UsageError('x'))).toBe(2);
  expect(exitCodeOf(new Interrupted('x'))).toBe(130);
  expect(exitCodeOf(new Error('x'))).toBe(1);
  expect(exitCodeOf('x')).toBe(1);
});

test('an error says what happened, its code, and what to do next', () => {
  expect(explain(zhumqError('UNKNOWN_TOPIC', 'topic "x" does not exist'))).toBe(
    'topic "x" does not exist [UNKNOWN_TOPIC, see docs/errors.md#unknown_topic]\n' +
      '"zhumq topic list" shows all topics, "zhumq topic create NAME" makes one.',
  );
  expect(explain(new Error('boom'))).toBe('boom');
});
