import { isError } from '@zhumq/model';
import { LoneCoordinator, LoneMember, SETTINGS } from '../testing/groups/lone-coordinator.js';
import { NO_EPOCH, compareEpochs } from './epochs.js';
import { expireMembers } from './heartbeat.js';
import { fetchPositions } from './positions.js';

function start(partitions: number): LoneCoordinator {
  const coordinator = new LoneCoordinator();
  coordinator.topics.create('a', partitions);
  return coordinator;
}

function expire(coordinator: LoneCoordinator, ...members: readonly LoneMember[]): void {
  coordinator.decide('g', (draft, moment) =>
    expireMembers(
      draft,
      members.map(({ memberId }) => memberId),
      moment,
    ),
  );
}

test('the first member owns everything with the answer to its first heartbeat', () => {
  const coordinator = start(3);
  const one = coordinator.join(['a']);
  expect(one.epoch).toEqual({ term: 1, counter: 1 });
  expect(one.partitions).toEqual(['a/0', 'a/1', 'a/2']);
  expect(one.beat().heartbeatIntervalMs).toBe(3_000);
});

test('a heartbeat that changes nothing proposes nothing', () => {
  const coordinator = start(3);
  const one = coordinator.join(['a']);
  const before = coordinator.log.length;
  for (let count = 0; count < 3; count += 1) one.beat();
  expect(coordinator.log).toHaveLength(before);
});

test('a partition goes to its new owner only when the former one has let go; who keeps all is not interrupted', () => {
  const coordinator = start(6);
  const one = coordinator.join(['a']);
  const two = coordinator.join(['a']);
  coordinator.calm(one, two);
  const three = coordinator.join(['a']);
  expect(three.partitions).toEqual([]);
  expect(three.beat().heartbeatIntervalMs).toBe(200);

  const epoch = one.epoch;
  const before = one.reading;
  const told = one.send();
  expect(told.assigned).toHaveLength(2);
  // It has not heard it, so it still reads all three, and says so.
  one.beat({ owned: before });
  expect(one.epoch).not.toEqual(epoch);
  three.beat();
  expect(three.partitions).toEqual([]);
  one.beat({ owned: before });
  three.beat();
  expect(three.partitions).toEqual([]);
  // Now it is done with it.
  one.beat();
  three.beat();
  expect(three.partitions).toHaveLength(1);

  two.beat();
  two.beat();
  three.beat();
  const settled = two.epoch;
  coordinator.join(['b']);
  two.beat();
  expect(two.epoch).toEqual(settled);
});

test('what a member that has not heard of it does not report is not released', () => {
  const coordinator = start(2);
  const one = new LoneMember(coordinator, ['a'], {});
  one.beat({ topics: [] });
  // Granted, and the answer is lost: it reads nothing yet and may begin at any moment.
  one.send();
  const two = coordinator.join(['a']);
  one.send();
  one.send({ owned: [] });
  two.beat();
  expect(two.partitions).toEqual([]);
  one.beat();
  one.beat();
  two.beat();
  expect(two.partitions).toHaveLength(1);
});

describe('a join without an answer', () => {
  test('is repeated by the same member: nobody is joined twice, and what was given is told again', () => {
    const coordinator = start(4);
    const one = new LoneMember(coordinator, ['a'], {});
    const lost = one.send();
    const before = coordinator.log.length;
    expect(one.send()).toEqual(lost);
    expect(coordinator.log).toHaveLength(before);
    coordinator.succeed();
    expect(one.send()).toEqual(lost);
    expect(coordinator.group().members.size).toBe(1);
    one.beat();
    expect(one.commit('a', 0, 5).error).toBeUndefined();
  });

  test('is repeated when the partitions have moved on: what it was given it does not release by not knowing it', () => {
    const coordinator = start(4);
    const one = new LoneMember(coordinator, ['a'], {});
    one.send();
    const two = coordinator.join(['a']);
    one.send();
    two.beat();
    expect(two.partitions).toEqual([]);
    one.beat();
    one.beat();
    two.beat();
    expect([one.partitions.length, two.partitions.length]).toEqual([2, 2]);
  });

  test('is repeated by a member with an instance id, which does not fence itself', () => {
    const coordinator = start(4);
    const one = new LoneMember(coordinator, ['a'], { instanceId: 'i1' });
    one.send();
    one.beat();
    one.beat();
    expect(one.partitions).toHaveLength(4);
    expect(coordinator.group().members.size).toBe(1);
  });

  test('can be left: the coordinator may have heard it', () => {
    const coordinator = start(4);
    const one = new LoneMember(coordinator, ['a'], {});
    one.send();
    one.send({ leaving: true });
    expect(coordinator.group().members.size).toBe(0);
  });

  test('comes once more when its member is gone: epochs of the former life are refused in this one', () => {
    const coordinator = start(4);
    const one = coordinator.join(['a']);
    const two = coordinator.join(['a']);
    coordinator.calm(one, two);
    coordinator.calm(two, one);
    const { epoch } = one;
    expire(coordinator, one);
    coordinator.calm(two);
    // The first request was under way for so long.
    one.send({ memberEpoch: undefined, owned: [] });
    const again = coordinator.group().members.get(one.memberId)?.epoch ?? NO_EPOCH;
    expect(compareEpochs(again, epoch ?? again)).toBeGreaterThan(0);
    const code = expect.objectContaining({ code: 'FENCED_MEMBER' }) as Error;
    expect(() => one.send()).toThrow(code);
    expect(() => one.commit('a', 0, 5)).toThrow(code);
  });

  test('comes once more when its member with an instance id has left: it does not come back', () => {
    const coordinator = start(4);
    const one = coordinator.join(['a'], { instanceId: 'i1' });
    one.send({ leaving: true });
    expect(() => one.send({ memberEpoch: undefined })).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_MEMBER' }),
    );
  });
});

test('members that leave or time out free their partitions; the group remembers when the last one went', () => {
  const coordinator = start(4);
  const [one, two] = [coordinator.join(['a']), coordinator.join(['a'])];
  coordinator.calm(one, two);
  one.send({ leaving: true });
  two.beat();
  expect(two.partitions).toHaveLength(4);
  // Its answer was lost, it says so again.
  expect(one.send({ leaving: true }).assigned).toEqual([]);
  expect(() => one.send()).toThrow(/has no member m1-+ \(any more\): give up its partitions/);
  coordinator.now += 5;
  expire(coordinator, two, one);
  expect(coordinator.group().head?.emptySince).toBe(coordinator.now);
  expect(() => two.send()).toThrow(expect.objectContaining({ code: 'UNKNOWN_MEMBER' }));
});

describe('a member with an instance id', () => {
  test('finds its place again when it left, and nobody took it meanwhile', () => {
    const coordinator = start(4);
    const about = { instanceId: 'i1' };
    const [one, two] = [coordinator.join(['a'], about), coordinator.join(['a'])];
    coordinator.calm(one, two);
    const [place, epoch] = [one.partitions, two.epoch];
    one.send({ leaving: true });
    two.beat();
    expect(two.epoch).toEqual(epoch);
    expect(() => one.send()).toThrow(expect.objectContaining({ code: 'UNKNOWN_MEMBER' }));
    const again = coordinator.join(['a'], about);
    expect(again.partitions).toEqual(place);
    expect(again.memberId).not.toBe(one.memberId);
  });

  test('replaces its former life, which is told so and can commit no more', () => {
    const coordinator = start(4);
    const about = { instanceId: 'i1' };
    const one = coordinator.join(['a'], about);
    const again = coordinator.join(['a'], about);
    expect(again.partitions).toEqual(one.partitions);
    expect(coordinator.group().members.size).toBe(1);
    expect(() => one.send()).toThrow(
      expect.objectContaining({ code: 'FENCED_INSTANCE', fatal: true }),
    );
    expect(() => one.commit('a', 0, 1)).toThrow(
      expect.objectContaining({ code: 'UNKNOWN_MEMBER' }),
    );
  });

  test('loses its place when its session times out', () => {
    const coordinator = start(4);
    const [one, two] = [coordinator.join(['a'], { instanceId: 'i1' }), coordinator.join(['a'])];
    coordinator.calm(one, two);
    one.send({ leaving: true });
    expire(coordinator, one);
    two.beat();
    expect(two.partitions).toHaveLength(4);
  });
});

test('topics that grow, appear, or are read no more are divided anew', () => {
  const coordinator = start(2);
  const one = coordinator.join(['a', 'late']);
  coordinator.topics.grow('a', 3);
  one.beat();
  expect(one.partitions).toEqual(['a/0', 'a/1', 'a/2']);
  coordinator.topics.create('late', 1);
  one.beat();
  expect(one.partitions).toContain('late/0');
  // Metadata that lag behind take nothing away.
  coordinator.topics.delete('late');
  coordinator.topics.grow('a', 2);
  one.beat();
  expect(one.partitions).toHaveLength(4);
  one.beat({ topics: ['late'] });
  expect(one.partitions).toEqual(['late/0']);
});

test('rule 20: coordinator A dies, a member pauses, and no epoch of B is one that A gave', () => {
  const coordinator = start(4);
  const paused = coordinator.join(['a']);
  const other = coordinator.join(['a']);
  coordinator.calm(paused, other);
  const [{ partition }] = paused.reading;
  expect(paused.commit('a', partition, 5).error).toBeUndefined();
  const given = [paused.epoch, other.epoch];

  coordinator.succeed();
  // B knows the members from the log, and gives each epoch above all of A's.
  expect(coordinator.group().members.size).toBe(2);
  other.beat();
  expire(coordinator, paused);
  for (let count = 0; count < 12; count += 1) {
    const guest = coordinator.join(['a']);
    coordinator.calm(other, guest);
    guest.send({ leaving: true });
    coordinator.calm(other);
    for (const epoch of [guest.epoch, other.epoch]) {
      for (const old of given) {
        expect(
          compareEpochs(epoch ?? { term: 0, counter: 0 }, old ?? { term: 9, counter: 0 }),
        ).toBeGreaterThan(0);
      }
    }
  }
  expect(other.commit('a', partition, 50).error).toBeUndefined();
  // The paused one wakes up, with the epoch that A gave it: refused, never silence, and nothing goes back.
  expect(() => paused.commit('a', partition, 7)).toThrow(
    expect.objectContaining({ code: 'UNKNOWN_MEMBER' }),
  );
  const impostor = Object.assign(coordinator.join(['a']), { epoch: paused.epoch });
  expect(() => impostor.commit('a', partition, 7)).toThrow(
    expect.objectContaining({ code: 'FENCED_MEMBER' }),
  );
  const [position] = fetchPositions(
    coordinator.group(),
    [{ topic: 'a', partition }],
    coordinator.topics,
  );
  expect(position.offset).toBe(50);
});

test('a deposed coordinator notices an epoch of a later term; an epoch that the log does not know is fenced', () => {
  const coordinator = start(1);
  const one = coordinator.join(['a']);
  const later = { memberEpoch: { term: 2, counter: 1 } };
  expect(() => one.send(later)).toThrow(expect.objectContaining({ code: 'NOT_COORDINATOR' }));
  coordinator.term = 2;
  expect(() => one.send(later)).toThrow(expect.objectContaining({ code: 'FENCED_MEMBER' }));
});

test('what came from a socket has bounds', () => {
  const coordinator = start(1);
  const one = new LoneMember(coordinator, ['a'], {});
  const refusals: readonly Partial<Parameters<typeof one.send>[0]>[] = [
    { clientId: 'x'.repeat(256) },
    { instanceId: 'a\n' },
    { topics: ['a/b'] },
    { topics: Array.from({ length: 1_001 }, (_, index) => `t${index}`) },
    { sessionTimeoutMs: 999 },
    { sessionTimeoutMs: NaN },
    { memberId: '' },
    { memberId: 'guessed' },
    { memberId: 'm'.repeat(65) },
    { memberId: `${'m'.repeat(30)}/..` },
    { memberId: '', leaving: true },
  ];
  for (const changes of refusals) {
    expect(() => one.send(changes)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  }
  expect(coordinator.log).toHaveLength(0);
  coordinator.settings = { ...SETTINGS, maxMembers: 1 };
  coordinator.join(['a']);
  try {
    coordinator.join(['a']);
    throw new Error('joined');
  } catch (error) {
    expect(isError(error, 'GROUP_FULL')).toBe(true);
  }
});
