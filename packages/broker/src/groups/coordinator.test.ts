// Coordinators of groups over real logs: what they answer is committed, and only the one that leads answers (rule 20).
import { CoordinatorCluster, SESSION_MS } from '../testing/coordinators.js';
import type { GroupCoordinator } from './coordinator.js';
import { compareEpochs } from './epochs.js';
import type { HeartbeatAnswer } from './heartbeat.js';

async function start(partitions = 4) {
  const world = await CoordinatorCluster.start();
  world.topics.set('a', { topicId: 'a'.repeat(32), partitions });
  return { world, cluster: world.cluster, ...(await world.coordinator()) };
}

function positionAt(partition: number, offset: number) {
  return { topic: 'a', partition, offset, lastEpoch: -1, metadata: '' };
}

function commit(
  groups: GroupCoordinator,
  { memberId, memberEpoch }: HeartbeatAnswer,
  partition: number,
  offset: number,
) {
  const positions = [positionAt(partition, offset)];
  return groups.commit('g', { memberId, memberEpoch, positions });
}

function code(expected: string) {
  return expect.objectContaining({ code: expected }) as Error;
}

test('members join, commit and leave; a commit in a former epoch is refused', async () => {
  const { world, groups } = await start();
  const one = await world.join(groups);
  expect(one.assigned).toHaveLength(4);
  expect(await world.settled(commit(groups, one, 0, 5))).toEqual([
    { topic: 'a', partition: 0, error: undefined },
  ]);
  const two = await world.join(groups);
  expect(two.assigned).toEqual([]);
  const told = await world.beat(groups, one);
  expect(told.assigned).toHaveLength(2);
  const gained = await world.beat(groups, told).then(() => world.beat(groups, two, { owned: [] }));
  expect(gained.assigned).toHaveLength(2);
  await expect(world.settled(commit(groups, one, 0, 9))).rejects.toEqual(code('FENCED_MEMBER'));
  expect([world.committed, world.fenced]).toEqual([1, 1]);
  await world.beat(groups, told, { leaving: true, owned: [] });
  expect((await world.beat(groups, gained)).assigned).toHaveLength(4);
  const [{ offset }] = await world.settled(groups.positions('g', [{ topic: 'a', partition: 0 }]));
  expect(offset).toBe(5);
});

test('a join whose answer is lost is repeated, also to the next coordinator: one member', async () => {
  const { world, groups, broker, cluster } = await start();
  const memberId = 'one-life-of-one-member';
  const lost = await world.join(groups, { memberId });
  const [first, second] = [world.join(groups, { memberId }), world.join(groups, { memberId })];
  expect([await first, await second]).toEqual([lost, lost]);
  broker.kill();
  const next = await world.coordinator([broker.id]);
  expect(await world.join(next.groups, { memberId })).toEqual(lost);
  expect(await world.settled(next.groups.describe('g'))).toMatchObject({ members: [{ memberId }] });
  await cluster.pass(100);
  const results = await world.settled(commit(next.groups, lost, 0, 5));
  expect(results.map(({ error }) => error)).toEqual([undefined]);
});

test('a commit whose answer is lost is repeated, also to the next coordinator and when it is an old one: no position goes back', async () => {
  const { world, groups, broker } = await start();
  const one = await world.join(groups);
  const outcome = async (at: GroupCoordinator, offset: number): Promise<string> => {
    const [{ error }] = await world.settled(commit(at, one, 0, offset));
    return error === undefined ? 'done' : ((error as { code?: string }).code ?? '');
  };
  expect(await outcome(groups, 5)).toBe('done');
  expect(await outcome(groups, 5)).toBe('done');
  expect(await outcome(groups, 9)).toBe('done');
  expect(await outcome(groups, 5)).toBe('POSITION_BEHIND');
  broker.kill();
  const next = await world.coordinator([broker.id]);
  expect(await outcome(next.groups, 9)).toBe('done');
  expect(await outcome(next.groups, 5)).toBe('POSITION_BEHIND');
  const asked = next.groups.positions('g', [{ topic: 'a', partition: 0 }]);
  expect(await world.settled(asked)).toMatchObject([{ offset: 9 }]);
});

test('what arrives at once is decided in order and shares no partition', async () => {
  const { world, groups, broker } = await start(20);
  const log = broker.log();
  const before = log.logEnd;
  const joined = await Promise.all(Array.from({ length: 10 }, () => world.join(groups)));
  expect(new Set(joined.map(({ memberId }) => memberId)).size).toBe(10);
  const owned = joined.flatMap(({ assigned }) => assigned.map(({ partition }) => partition));
  expect(new Set(owned).size).toBe(owned.length);
  // The first alone, the others together: head and members, once each.
  expect(log.logEnd - before).toBeLessThan(30);
});

test('a heartbeat that is refused for too much work was heard all the same', async () => {
  const { world, groups, cluster } = await start();
  const one = await world.join(groups, { sessionTimeoutMs: 1_000 });
  let release: () => void = () => undefined;
  world.zkServerWaits = new Promise<void>((resolve) => (release = resolve));
  const waiting = Array.from({ length: 10_000 }, () =>
    groups.reset('other', [positionAt(0, 1)], true).catch((error: unknown) => error),
  );
  for (let beat = 0; beat < 6; beat++) {
    await cluster.pass(400);
    const { memberId, memberEpoch } = one;
    const refused = world.join(groups, { memberId, memberEpoch, sessionTimeoutMs: 1_000 });
    await expect(refused).rejects.toEqual(code('OVERLOADED'));
  }
  release();
  await world.settled(Promise.all(waiting));
  expect(await world.beat(groups, one, { sessionTimeoutMs: 1_000 })).toEqual(one);
});

test('requests that wait hold so many bytes and no more, also when nobody waits for them any longer', async () => {
  const { world, groups, broker, cluster } = await start();
  const { memberId, memberEpoch } = await world.join(groups);
  cluster.isolate(broker);
  const metadata = 'x'.repeat(4_000);
  const positions = Array.from({ length: 250 }, () => ({ ...positionAt(0, 1), metadata }));
  const refusals: string[] = [];
  const commits = Array.from({ length: 100 }, () =>
    groups.commit('g', { memberId, memberEpoch, positions }).catch((error: unknown) => {
      refusals.push((error as { code: string }).code);
    }),
  );
  await new Promise((resolve) => setImmediate(resolve));
  expect(refusals.length).toBeGreaterThan(20);
  expect(new Set(refusals)).toEqual(new Set(['OVERLOADED']));
  cluster.network.heal();
  await world.settled(Promise.all(commits));
  const { groups: present } = await world.coordinator();
  expect(await world.settled(present.describe('g'))).toMatchObject({ members: [{ memberId }] });
});

test('other brokers name the coordinator', async () => {
  const { world, cluster, broker } = await start();
  for (const other of cluster.others(broker)) {
    const refused = world.join(world.at(other));
    await expect(refused).rejects.toMatchObject({
      code: 'NOT_COORDINATOR',
      context: { group: 'g', broker: broker.id, host: `broker-${broker.id}`, port: 9000 },
    });
    expect(await world.settled(world.at(other).find('g'))).toMatchObject({ id: broker.id });
  }
});

test('the next coordinator knows members, epochs and positions, and gives everybody a whole session', async () => {
  const { world, broker, cluster, groups } = await start();
  const one = await world.join(groups);
  await world.settled(commit(groups, one, 1, 7));
  await cluster.pass(SESSION_MS - 2_000);
  broker.kill();
  const next = await world.coordinator([broker.id]);
  await cluster.pass(SESSION_MS - 2_000);
  const same = await world.beat(next.groups, one);
  expect(same).toMatchObject({ memberId: one.memberId, memberEpoch: one.memberEpoch });
  const results = await world.settled(commit(next.groups, same, 1, 8));
  expect(results.map(({ error }) => error)).toEqual([undefined]);
  const two = await world.join(next.groups);
  const told = await world.beat(next.groups, same);
  expect(compareEpochs(told.memberEpoch, one.memberEpoch)).toBeGreaterThan(0);
  expect(told.memberEpoch.term).toBeGreaterThan(one.memberEpoch.term);
  expect(two.memberEpoch.term).toBe(told.memberEpoch.term);
});

test('rule 20: a deposed coordinator neither confirms, nor commits, nor refuses', async () => {
  const { world, broker, cluster, groups } = await start();
  const one = await world.join(groups);
  await world.settled(commit(groups, one, 0, 3));
  cluster.isolate(broker);
  // It does not know yet that it is alone.
  expect(groups.offices()).toHaveLength(1);
  const outcomes: string[] = [];
  const watch = (name: string, asked: Promise<unknown>): void => {
    asked.then(
      () => outcomes.push(`${name} answered`),
      (error: { code: string }) => outcomes.push(`${name} ${error.code}`),
    );
  };
  const member = { memberId: one.memberId, memberEpoch: one.memberEpoch, owned: one.assigned };
  const request = { topics: ['a'], sessionTimeoutMs: SESSION_MS, leaving: false, ...member };
  const about = { instanceId: '', clientId: 'test', host: 'here' };
  watch('heartbeat', groups.heartbeat('g', { ...request, ...about }));
  watch(
    'stranger',
    groups.heartbeat('g', { ...request, ...about, memberId: 'stranger'.repeat(4) }),
  );
  watch('commit', commit(groups, one, 0, 4));
  watch('positions', groups.positions('g', [{ topic: 'a', partition: 0 }]));
  const next = await world.coordinator([broker.id]);
  await cluster.until(() => outcomes.length === 4);
  for (const outcome of outcomes) {
    expect(outcome).toMatch(/ (NOT_COORDINATOR|LEADERSHIP_LOST|TIMEOUT|COORDINATOR_LOADING)$/);
  }
  // The member is silent at the new one, too: its partitions go to another.
  const two = await world.join(next.groups);
  await cluster.until(
    () => [...next.groups.offices()[0].state.all()][0].members.size === 1,
    SESSION_MS * 2,
  );
  cluster.network.heal();
  await cluster.until(() => broker.log().logEnd === next.broker.log().logEnd);
  expect((await world.beat(next.groups, two)).assigned).toHaveLength(4);
  await expect(world.settled(commit(groups, one, 0, 4))).rejects.toEqual(code('NOT_COORDINATOR'));
  await expect(world.settled(commit(next.groups, one, 0, 4))).rejects.toEqual(
    code('UNKNOWN_MEMBER'),
  );
  const [{ offset }] = await world.settled(
    next.groups.positions('g', [{ topic: 'a', partition: 0 }]),
  );
  expect(offset).toBe(3);
});

test('after a power loss of all brokers, members and positions are what was answered', async () => {
  const { world, cluster, groups } = await start();
  const one = await world.join(groups);
  await world.settled(commit(groups, one, 2, 6));
  for (const broker of cluster.brokers) broker.crash(broker.id);
  for (const broker of cluster.brokers) await world.restart(broker);
  const next = await world.coordinator();
  expect(await world.beat(next.groups, one)).toMatchObject({ memberEpoch: one.memberEpoch });
  const asked = next.groups.positions('g', [{ topic: 'a', partition: 2 }]);
  expect(await world.settled(asked)).toMatchObject([{ offset: 6 }]);
});

test('a silent member loses its partitions after its session, one that is heard keeps them', async () => {
  const { world, cluster, groups } = await start();
  let one = await world.join(groups);
  const two = await world.join(groups);
  one = await world.beat(groups, one);
  one = await world.beat(groups, one);
  expect((await world.beat(groups, two)).assigned).toHaveLength(2);
  for (let passed = 0; passed < SESSION_MS + 2_000; passed += 2_000) {
    await cluster.pass(2_000);
    one = await world.beat(groups, one);
  }
  expect(one.assigned).toHaveLength(4);
  await expect(world.beat(groups, two)).rejects.toEqual(code('UNKNOWN_MEMBER'));
});

test('groups are listed, described, reset, deleted, and forgotten when nobody uses them', async () => {
  const { world, cluster, groups } = await start();
  const one = await world.join(groups);
  await world.settled(commit(groups, one, 0, 5));
  await expect(world.settled(groups.delete('g', false))).rejects.toEqual(code('GROUP_NOT_EMPTY'));
  await expect(world.settled(groups.describe('other'))).rejects.toEqual(code('UNKNOWN_GROUP'));
  await world.beat(groups, one, { leaving: true });
  await world.settled(groups.reset('g', [positionAt(0, 2), positionAt(1, 8)], false));
  expect(await world.settled(groups.describe('g'))).toMatchObject({
    ...{ group: 'g', state: 'empty', members: [] },
    positions: [positionAt(0, 2), positionAt(1, 8)],
  });
  expect(await world.settled(groups.list())).toEqual({
    groups: [{ group: 'g', state: 'empty', members: 0, topics: ['a'] }],
    partitions: [0],
  });
  await world.settled(groups.reset('other', [positionAt(0, 1)], false));
  await world.settled(groups.delete('other', false));
  expect((await world.settled(groups.list())).groups).toHaveLength(1);
  await cluster.pass(70_000);
  expect((await world.settled(groups.list())).groups).toEqual([]);
}, 60_000);

test('positions of a topic that is deleted for certain go; a topic that is merely not told of stays', async () => {
  const { world, cluster, groups } = await start();
  world.topics.set('b', { topicId: 'b'.repeat(32), partitions: 1 });
  const one = await world.join(groups, { topics: ['a', 'b'] });
  await world.settled(commit(groups, one, 0, 5));
  const inB = { ...positionAt(0, 6), topic: 'b' };
  const { memberId, memberEpoch } = one;
  await world.settled(groups.commit('g', { memberId, memberEpoch, positions: [inB] }));
  world.topics.clear();
  world.deleted.add('b'.repeat(32));
  await cluster.pass(8_000);
  const { positions } = await world.settled(groups.describe('g'));
  expect(positions).toMatchObject([{ topic: 'a', partition: 0, offset: 5 }]);
});
