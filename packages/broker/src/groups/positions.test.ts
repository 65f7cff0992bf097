import { LoneCoordinator } from '../testing/groups/lone-coordinator.js';
import type { LoneMember } from '../testing/groups/lone-coordinator.js';
import {
  deleteGroup,
  describeGroup,
  dropTopics,
  expireGroup,
  summarizeGroup,
  topicIdsOf,
} from './group-admin.js';
import { Group } from './group.js';
import { fetchPositions, resetPositions } from './positions.js';
import type { NamedPosition, ResetStep } from './positions.js';

function start(): LoneCoordinator {
  const coordinator = new LoneCoordinator();
  coordinator.topics.create('a', 2);
  coordinator.topics.create('b', 2);
  return coordinator;
}

function offset(coordinator: LoneCoordinator, topic: string, partition: number): number {
  const { state, topics } = coordinator;
  const group = state.get('g') ?? new Group('g');
  return fetchPositions(group, [{ topic, partition }], topics)[0].offset;
}

function at(topic: string, partition: number, to: number): NamedPosition {
  return { topic, partition, offset: to, lastEpoch: -1, metadata: '' };
}

function reset(
  coordinator: LoneCoordinator,
  positions: readonly NamedPosition[],
  isDryRun = false,
): readonly ResetStep[] {
  return coordinator.decide('g', (draft, moment) =>
    resetPositions(draft, positions, isDryRun, moment),
  );
}

describe('a commit', () => {
  test('of more positions than one request may set is refused, and so is a reset', () => {
    const coordinator = start();
    const many = Array.from({ length: 20_001 }, () => at('a', 0, 7));
    expect(() => coordinator.join(['a']).commitAll(many)).toThrow(
      'positions has 20001 entries, more than 20000: send several requests',
    );
    expect(() => reset(coordinator, many)).toThrow('more than 20000');
  });

  test('is of partitions that the member owns, those included that it was told to give up', () => {
    const coordinator = start();
    const one = coordinator.join(['a']);
    expect(one.commit('a', 1, 7).error).toBeUndefined();
    expect(one.commit('b', 0, 7).error).toMatchObject({ code: 'NOT_OWNED' });
    coordinator.join(['a']);
    const before = one.reading;
    one.beat({ owned: before });
    expect(one.reading).toHaveLength(1);
    for (const { partition } of before) {
      expect(one.commit('a', partition, 9).error).toBeUndefined();
    }
    one.beat();
    expect(one.commit('a', 0, 9).error ?? one.commit('a', 1, 9).error).toMatchObject({
      code: 'NOT_OWNED',
    });
  });

  test('of another epoch than the present one is refused as a whole', () => {
    const coordinator = start();
    const one = coordinator.join(['a']);
    const old = one.epoch;
    one.beat({ topics: ['a', 'b'] });
    expect(one.epoch).not.toEqual(old);
    Object.assign(one, { epoch: old });
    expect(() => one.commit('a', 0, 7)).toThrow(expect.objectContaining({ code: 'FENCED_MEMBER' }));
    expect(offset(coordinator, 'a', 0)).toBe(-1);
  });

  test('never goes back, unless the log was cut', () => {
    const coordinator = start();
    const one = coordinator.join(['a']);
    expect(one.commit('a', 0, 100, 5).error).toBeUndefined();
    expect(one.commit('a', 0, 100, 5).error).toBeUndefined();
    expect(one.commit('a', 0, 99, 5).error).toMatchObject({ code: 'POSITION_BEHIND' });
    expect(one.commit('a', 0, 99, -1).error).toMatchObject({ code: 'POSITION_BEHIND' });
    expect(one.commit('a', 0, 120, 4).error).toMatchObject({ code: 'POSITION_BEHIND' });
    expect(one.commit('a', 0, 90, 6).error).toBeUndefined();
    expect(offset(coordinator, 'a', 0)).toBe(90);
  });

  test.each([
    ['offset', -1, 1],
    ['offset', 2 ** 53, 1],
    ['epoch', 5, 2 ** 31],
  ])('with an %s out of range is refused', (_, to, epoch) => {
    const one = start().join(['a']);
    expect(one.commit('a', 0, to, epoch).error).toMatchObject({ code: 'INVALID_REQUEST' });
  });
});

describe('a reset', () => {
  test('says what it would do, and does it', () => {
    const coordinator = start();
    const one = coordinator.join(['a']);
    one.commit('a', 0, 7);
    one.send({ leaving: true });
    const steps = [{ topic: 'a', partition: 0, from: 7, to: 3, error: undefined }];
    expect(reset(coordinator, [at('a', 0, 3)], true)).toEqual(steps);
    expect(offset(coordinator, 'a', 0)).toBe(7);
    expect(reset(coordinator, [at('a', 0, 3)])).toEqual(steps);
    expect(offset(coordinator, 'a', 0)).toBe(3);
    reset(coordinator, [at('a', 0, -1)]);
    expect(offset(coordinator, 'a', 0)).toBe(-1);
  });

  test('is refused for topics that members read, and only for those', () => {
    const coordinator = start();
    coordinator.join(['a']);
    expect(() => reset(coordinator, [at('b', 0, 1), at('a', 0, 1)])).toThrow(/read a: stop them/);
    expect(offset(coordinator, 'b', 0)).toBe(-1);
    reset(coordinator, [at('b', 0, 1)]);
    expect(offset(coordinator, 'b', 0)).toBe(1);
    expect(coordinator.group().head?.emptySince).toBe(0);
  });

  test('makes a group that nobody has joined yet, in partitions that exist', () => {
    const coordinator = start();
    const wrong = [at('c', 0, 1), at('a', 2, 1), at('a', 0, -2), at('a', 0, -1)];
    const refused = reset(coordinator, wrong).map(({ error }) => error?.message);
    expect(refused).toMatchObject([
      expect.stringContaining('no topic c'),
      expect.stringContaining('no partition 2'),
      expect.stringContaining('-2 is no offset'),
      undefined,
    ]);
    expect(coordinator.state.get('g')).toBeUndefined();
    // What can be set is set, whatever is wrong with the others.
    const steps = reset(coordinator, [at('a', 1, 4), at('a', 2, 1)]);
    expect(steps.map(({ error }) => error === undefined)).toEqual([true, false]);
    const { state, topics } = coordinator;
    expect(describeGroup('g', state.get('g'), topics)).toMatchObject({
      state: 'empty',
      positions: [{ topic: 'a', partition: 1, offset: 4 }],
    });
  });
});

test('a group is listed and described as it is', () => {
  const coordinator = start();
  const [one] = [coordinator.join(['a']), coordinator.join(['a', 'b'])];
  one.commit('a', 0, 7);
  const { topics } = coordinator;
  expect(summarizeGroup(coordinator.group(), topics).state).toBe('stable');
  coordinator.join(['a']);
  expect(summarizeGroup(coordinator.group(), topics)).toEqual({
    group: 'g',
    state: 'assigning',
    members: 3,
    topics: ['a', 'b'],
  });
  const { members } = describeGroup('g', coordinator.group(), topics);
  expect(members.map(({ owned }) => owned.length)).toEqual([2, 2, 0]);
  expect(() => describeGroup('x', undefined, topics)).toThrow(/"x" does not exist/);
});

test('only an empty group is deleted, and nothing of it stays', () => {
  const coordinator = start();
  const one = coordinator.join(['a']);
  one.commit('a', 0, 7);
  const remove = (): void =>
    coordinator.decide('g', (draft, moment) => deleteGroup(draft, false, moment));
  expect(remove).toThrow(expect.objectContaining({ code: 'GROUP_NOT_EMPTY' }));
  one.send({ leaving: true });
  remove();
  expect(coordinator.state.get('g')).toBeUndefined();
  expect(remove).toThrow(expect.objectContaining({ code: 'UNKNOWN_GROUP' }));
});

test('a group without members is forgotten after its retention', () => {
  const coordinator = start();
  const one = coordinator.join(['a']);
  one.commit('a', 0, 7);
  const { retentionMs } = coordinator.settings;
  coordinator.now += 2 * retentionMs;
  expect(coordinator.decide('g', expireGroup)).toBe(false);
  one.send({ leaving: true });
  coordinator.now += retentionMs - 1;
  expect(coordinator.decide('g', expireGroup)).toBe(false);
  coordinator.now += 1;
  expect(coordinator.decide('g', expireGroup)).toBe(true);
  expect([...coordinator.state.all()]).toEqual([]);
});

test('a topic that is created again is another one: its reader gives up the old one first, positions are gone', () => {
  const coordinator = start();
  const one = coordinator.join(['a']);
  one.commit('a', 0, 7);
  const [old] = topicIdsOf(coordinator.group());
  coordinator.topics.create('a', 1);
  coordinator.decide('g', (draft, moment) => dropTopics(draft, new Set([old]), moment));
  const before = one.reading;
  one.beat();
  expect(one.partitions).toEqual([]);
  expect(one.commit('a', 0, 9).error).toMatchObject({ code: 'NOT_OWNED' });
  one.beat({ owned: before });
  expect(one.partitions).toEqual([]);
  one.beat();
  expect(one.partitions).toEqual(['a/0']);
  expect(offset(coordinator, 'a', 0)).toBe(-1);
  expect(topicIdsOf(coordinator.group()).has(old)).toBe(false);
});

test('a topic that was created again is not shown with the positions of the old one', () => {
  const coordinator = start();
  const one = coordinator.join(['a']);
  one.commit('a', 0, 7);
  const { topics } = coordinator;
  topics.create('a', 1);
  // The member still has the old one: its name must not say otherwise.
  expect(describeGroup('g', coordinator.group(), topics).positions).toEqual([]);
  expect(summarizeGroup(coordinator.group(), topics).topics).toEqual(['a']);
  one.send({ leaving: true });
  expect(describeGroup('g', coordinator.group(), topics).positions).not.toContainEqual(
    expect.objectContaining({ topic: 'a' }),
  );
  expect(offset(coordinator, 'a', 0)).toBe(-1);
});

describe('a member that asks where to begin', () => {
  function ask(coordinator: LoneCoordinator, one: LoneMember, partition = 0): number {
    const { memberId, epoch: memberEpoch = { term: 0, counter: 0 } } = one;
    const where = [{ topic: 'a', partition }];
    const reader = { memberId, memberEpoch };
    return fetchPositions(coordinator.group(), where, coordinator.topics, reader)[0].offset;
  }

  test('is told what is committed of the partitions that it owns, and of no others', () => {
    const coordinator = start();
    const one = coordinator.join(['a']);
    one.commit('a', 0, 7);
    expect(ask(coordinator, one)).toBe(7);
    const two = coordinator.join(['a']);
    coordinator.calm(one, two);
    const [mine] = one.reading;
    expect(() => ask(coordinator, two, mine.partition)).toThrow(
      expect.objectContaining({ code: 'NOT_OWNED' }),
    );
  });

  test('is refused once it is not the member that it takes itself for', () => {
    const coordinator = start();
    const one = coordinator.join(['a']);
    const { epoch } = one;
    one.beat({ topics: ['a', 'b'] });
    one.epoch = epoch;
    expect(() => ask(coordinator, one)).toThrow(expect.objectContaining({ code: 'FENCED_MEMBER' }));
    one.send({ leaving: true });
    expect(() => ask(coordinator, one)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_MEMBER' }),
    );
  });

  test('gets the position of the topic that it was given, whatever the metadata say of the name', () => {
    const coordinator = start();
    const one = coordinator.join(['a']);
    one.commit('a', 0, 7);
    coordinator.topics.create('a', 2);
    expect(ask(coordinator, one)).toBe(7);
    // It is given the new one when it has let the old one go, and begins there from the beginning.
    coordinator.calm(one);
    expect(ask(coordinator, one)).toBe(-1);
    one.commit('a', 0, 3);
    expect(ask(coordinator, one)).toBe(3);
  });
});
