// What --to of `group reset` takes.
import { resetTarget } from './reset-target.js';

const now = Date.parse('2026-11-21T10:00:00Z');

test.each([
  ['earliest', 'earliest'],
  ['latest', 'latest'],
  ['none', 'none'],
  ['0', 0],
  ['17', 17],
  ['+5', { by: 5 }],
  ['-5', { by: -5 }],
  ['-1h', new Date('2026-11-21T09:00:00Z')],
  ['-1h ago', new Date('2026-11-21T09:00:00Z')],
  ['-90s', new Date('2026-11-21T09:58:30Z')],
  ['2026-11-21T09:30:00Z', new Date('2026-11-21T09:30:00Z')],
  ['2026-11-21', new Date('2026-11-21T00:00:00Z')],
])('%s', (text, target) => {
  expect(resetTarget(text, now)).toEqual(target);
});

test.each(['', 'begin', '1.5', '+1h', '5h', '-', '--1', '99999999999999999', '2026-13-01'])(
  '"%s" is refused with what is taken',
  (text) => {
    expect(() => resetTarget(text, now)).toThrow(`"${text}" is none of them`);
  },
);
