// What is said below the tables of a group.
import type { GroupDetails, GroupLag, GroupPartitionLag } from '@zhumq/client';
import { groupHints } from './group-hints.js';

const member = (memberId: string, owned: number[], topics = ['t']) => ({
  ...{ memberId, instanceId: '', clientId: memberId, host: 'h', topics },
  memberEpoch: { term: 1, counter: 1 },
  owned: owned.map((partition) => ({ topic: 't', partition })),
  target: owned.map((partition) => ({ topic: 't', partition })),
});

function hints(
  members: GroupDetails['members'],
  partitions: Partial<GroupPartitionLag>[],
  state: GroupDetails['state'] = 'stable',
): string[] {
  const details: GroupDetails = { group: 'g', state, coordinator: 1, members, positions: [] };
  const whole = partitions.map((one, partition) => ({
    ...{ topic: 't', partition, committed: 0, logStart: 0, highWatermark: 0 },
    ...{ messages: 0, seconds: 0, member: '', problem: '', ...one },
  }));
  const messages = whole.reduce((sum, one) => sum + one.messages, 0);
  const lag: GroupLag = { group: 'g', messages, seconds: 1, partitions: whole };
  return groupHints(details, lag);
}

test('nothing when all is well', () => {
  expect(hints([member('m1', [0, 1])], [{ member: 'm1' }, { member: 'm1' }])).toEqual([]);
  expect(hints([], [{}, {}], 'empty')).toEqual([]);
});

test('a group that is behind and has nobody is told how to go on', () => {
  expect(hints([], [{ messages: 3 }], 'empty')).toEqual([
    'nobody reads: the group has no members, and is behind by 3 messages, 1 s; "zhumq consume t --group g" goes on',
  ]);
});

test('partitions without an owner are named, and whether that passes', () => {
  const members = [member('m1', [0])];
  const partitions = [{ member: 'm1' }, {}, {}];
  expect(hints(members, partitions, 'assigning')[0]).toMatch(
    /^t 1-2 changes hands .* in a moment$/,
  );
  expect(hints(members, partitions)[0]).toMatch(/^t 1-2 has no member; if that stays so/);
});

test('a member that is away keeps its partitions: that is told instead of a warning', () => {
  const away = { ...member('m2', [1, 2]), instanceId: 'A', owned: [] };
  expect(hints([member('m1', [0]), away], [{ member: 'm1' }, {}, {}])).toEqual([
    't 1-2 wait for member A, which is away: it has them again when it comes back, others when its session ends',
  ]);
});

test('members without a partition, topics that nobody reads, partitions that can not be asked', () => {
  const members = [member('m1', [0]), member('m2', [])];
  const other = { topic: 'old', partition: 3, messages: 9 };
  const unknown = { member: 'm1', messages: -1, problem: 'no leader\nat all' };
  expect(hints(members, [unknown, other])).toEqual([
    'old 3: the group has positions there, but no member reads that topic',
    '1 member without a partition: there are more members than partitions, and they step in when others go',
    'the lag of t 0 is not known: no leader at all',
  ]);
});
