import { changesOf } from './alter.js';

test('what was so already is no change; an absent value is the default', () => {
  const before = { 'retention.ms': '1d', flush: 'os', 'segment.bytes': '1MiB' };
  const after = { 'retention.ms': '2d', flush: 'os', 'max.message.bytes': '2MiB' };
  const names = ['retention.ms', 'flush', 'segment.bytes', 'max.message.bytes'];
  expect(changesOf(names, before, after)).toEqual([
    { name: 'retention.ms', from: '1d', to: '2d' },
    { name: 'segment.bytes', from: '1MiB', to: null },
    { name: 'max.message.bytes', from: null, to: '2MiB' },
  ]);
});
