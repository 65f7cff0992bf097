import { AssertionFailed, assert, assertNever } from './assert.js';

test('a true condition passes and narrows the type', () => {
  const value: string | undefined = ['x'].at(0);
  assert(value !== undefined, 'there is a value');
  expect(value.length).toBe(1);
});

test('a false condition throws AssertionFailed with the message', () => {
  expect(() => assert(0, 'zero is false')).toThrow(new AssertionFailed('zero is false'));
});

test('an unexpected member of a closed union is named', () => {
  expect(() => assertNever('sideways' as never, 'direction')).toThrow(
    'unexpected direction: "sideways"',
  );
});
