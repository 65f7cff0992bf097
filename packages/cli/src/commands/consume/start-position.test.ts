// What --from takes.
import { startPosition } from './start-position.js';

const now = Date.parse('2026-11-21T10:00:00Z');

test.each([
  ['earliest', 'earliest'],
  ['latest', 'latest'],
  ['0', 0],
  ['17', 17],
  ['2026-11-21T09:30:00Z', new Date('2026-11-21T09:30:00Z')],
  ['2026-11-21T09:30:00.250+01:00', new Date('2026-11-21T08:30:00.250Z')],
  // Tests run in UTC.
  ['2026-11-21T09:30', new Date('2026-11-21T09:30:00Z')],
  ['2026-11-21', new Date('2026-11-21T00:00:00Z')],
  ['-15m', new Date('2026-11-21T09:45:00Z')],
  ['-90', new Date('2026-11-21T09:58:30Z')],
  ['-1000000000h', new Date(0)],
])('%s', (text, position) => {
  expect(startPosition(text, now)).toEqual(position);
});

test.each([
  '',
  'yesterday',
  '1.5',
  '-',
  '-x',
  '15m',
  '2026-13-01',
  '2026-11-21T25:00Z',
  '99999999999999999',
])('"%s" is refused with what is taken', (text) => {
  expect(() => startPosition(text, now)).toThrow(`"${text}" is none of them`);
});
