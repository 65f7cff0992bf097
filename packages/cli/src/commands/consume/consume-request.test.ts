// What the flags of consume mean together.
import { consumeRequest } from './consume-request.js';

const now = Date.parse('2026-11-21T10:00:00Z');
const of = (flags: object) => consumeRequest({ topic: 'orders', ...flags }, now);

test('alone it begins with what comes from now on, in a group where that is, or at the beginning', () => {
  expect(of({})).toMatchObject({ from: 'latest', group: undefined, delivery: 'pull' });
  expect(of({ group: 'g' })).toMatchObject({ from: 'earliest', group: { group: 'g' } });
  expect(of({ group: 'g', from: '7' })).toMatchObject({ from: 7 });
});

test('push is for both; a member has its name and its session', () => {
  expect(of({ delivery: 'push' })).toMatchObject({ delivery: 'push' });
  const flags = { group: 'g', delivery: 'push', 'instance-id': 'a', 'session-timeout': '5' };
  expect(of(flags)).toMatchObject({
    delivery: 'push',
    group: { group: 'g', instanceId: 'a', sessionTimeout: 5_000 },
  });
});

test.each([
  [{ group: 'g', partition: '1' }, 'leave --partition out, or read it without --group'],
  [{ group: '' }, '"" can not be a group\'s name: it is empty'],
  [{ group: 'x'.repeat(256) }, 'it has 256 characters, more than 255'],
  [{ group: 'a\nb' }, 'it has a control character'],
  [{ 'instance-id': 'a' }, '--instance-id is for a member of a group: say which one with --group'],
  [{ 'session-timeout': '5s' }, '--session-timeout is for a member of a group'],
  [{ group: 'g', 'instance-id': '' }, '--instance-id is a name; it is empty'],
  [{ group: 'g', 'session-timeout': '10ms' }, '--session-timeout is a time from 1s to 30m; "10ms"'],
  [{ group: 'g', 'session-timeout': '31m' }, '--session-timeout is a time from 1s to 30m; "31m"'],
])('%j is refused with what to do', (flags, sentence) => {
  expect(() => of(flags)).toThrow(sentence);
});
