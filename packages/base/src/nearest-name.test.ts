import { nearestName } from './nearest-name.js';

const known = ['segment.bytes', 'segment.age', 'retention.bytes', 'acks'];

test.each([
  ['segment.byte', 'segment.bytes'],
  ['segmentbytes', 'segment.bytes'],
  ['retension.bytes', 'retention.bytes'],
  ['ack', 'acks'],
  ['acsk', undefined],
  ['compression', undefined],
  ['', undefined],
])('%s -> %s', (given, nearest) => {
  expect(nearestName(given, known)).toBe(nearest);
});

test('a very long name is answered at once', () => {
  expect(nearestName('x'.repeat(1_000_000), known)).toBeUndefined();
});
