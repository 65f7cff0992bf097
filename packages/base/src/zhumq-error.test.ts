import { ZhumqError } from './zhumq-error.js';

const kind = {
  code: 7,
  name: 'NOT_LEADER',
  retriable: true,
  fatal: false,
  outcome: 'rejected',
} as const;

test('an error carries its kind, its context and where it is explained', () => {
  const cause = new Error('socket');
  const error = new ZhumqError(kind, 'broker 2 leads orders-0', { broker: 2 }, cause);
  expect(error).toMatchObject({
    name: 'ZhumqError',
    message: 'broker 2 leads orders-0',
    code: 'NOT_LEADER',
    kind: { code: 7 },
    retriable: true,
    fatal: false,
    outcome: 'rejected',
    context: { broker: 2 },
    helpUrl: 'docs/errors.md#not_leader',
    cause,
  });
});

test('without a cause there is no cause property', () => {
  expect('cause' in new ZhumqError(kind, 'm')).toBe(false);
});

test('errors made by another copy of the package are recognised', () => {
  const foreign = Object.assign(new Error('m'), { name: 'ZhumqError', kind });
  expect(ZhumqError.is(foreign)).toBe(true);
  expect(ZhumqError.is(new ZhumqError(kind, 'm'))).toBe(true);
});

test.each([new Error('m'), undefined, 'ZhumqError', { name: 'ZhumqError', kind }])(
  '%p is none',
  (value) => {
    expect(ZhumqError.is(value)).toBe(false);
  },
);
