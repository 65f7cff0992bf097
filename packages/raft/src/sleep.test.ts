// Groups that sleep: when, and what wakes them (rule 21).
import { SimCluster } from './testing/sim-cluster.js';
import type { ClusterOptions } from './testing/sim-cluster.js';

const SLEEP_TICKS = 20;
const ENOUGH_TICKS = SLEEP_TICKS + 10;

function cluster(change: Partial<ClusterOptions> = {}): SimCluster {
  const created = new SimCluster({ voters: 3, config: { sleepTicks: SLEEP_TICKS }, ...change });
  created.elect('1');
  created.replica('1').propose();
  created.stabilize();
  return created;
}

function asleep(created: SimCluster): SimCluster {
  created.run(ENOUGH_TICKS);
  expect(sleepers(created)).toEqual(['1', '2', '3']);
  return created;
}

const sleepers = (created: SimCluster): string[] =>
  created.up().flatMap(({ id, core }) => (core.asleep ? [id] : []));

test('a group without traffic falls asleep, sends nothing, and elects nobody', () => {
  const group = asleep(cluster());
  const { term } = group.replica('1').core;
  for (const replica of group.up()) replica.tick(1_000);
  expect(group.network).toEqual([]);
  expect(group.replica('1').core).toMatchObject({ role: 'leader', term });
});

test('without sleepTicks nobody sleeps', () => {
  const group = cluster({ config: {} });
  group.run(1_000);
  expect(sleepers(group)).toEqual([]);
});

test('a leader alone sleeps too', () => {
  const group = cluster({ voters: 1 });
  group.run(ENOUGH_TICKS);
  expect(sleepers(group)).toEqual(['1']);
  expect(group.replica('1').propose()).toBe(true);
  expect(sleepers(group)).toEqual([]);
});

test('a proposal wakes everybody', () => {
  const group = asleep(cluster());
  group.replica('1').propose();
  group.stabilize();
  expect(sleepers(group)).toEqual([]);
  group.run(2);
  for (const { core, log } of group.all()) expect(core.commit).toBe(log.lastOffset);
  asleep(group);
});

test('a read in a sleeping group asks a quorum: there is no lease', () => {
  const group = asleep(cluster());
  const leader = group.replica('1');
  leader.effects = [];
  leader.input((core) => core.readIndex(7));
  expect(leader.effects.some(({ kind }) => kind === 'readConfirmed')).toBe(false);
  group.stabilize();
  expect(leader.effects.some(({ kind }) => kind === 'readConfirmed')).toBe(true);
});

test('a leader with a replica that lacks something does not sleep', () => {
  const group = cluster();
  group.isolate('3');
  group.replica('1').propose();
  group.run(10 * ENOUGH_TICKS);
  expect(group.replica('1').core).toMatchObject({ role: 'leader', asleep: false });
});

test('nor does one with a replica that does not answer, though it has everything', () => {
  const group = cluster();
  group.isolate('3');
  group.run(10 * ENOUGH_TICKS);
  expect(group.replica('1').core).toMatchObject({ role: 'leader', asleep: false });
});

test('a follower that does not know the commit does not sleep', () => {
  const group = cluster();
  const follower = group.replica('2');
  const { term, commit } = group.replica('1').core;
  const heartbeat = { type: 'heartbeat', from: '1', to: '2', term, readContext: 0 } as const;
  follower.step({ ...heartbeat, commit: commit - 1, sleep: true });
  expect(follower.core.asleep).toBe(false);
  follower.step({ ...heartbeat, commit, sleep: true });
  expect(follower.core.asleep).toBe(true);
  follower.step({ ...heartbeat, commit });
  expect(follower.core.asleep).toBe(false);
});

test('a follower that stood in vain still knows what its leader has confirmed, and sleeps with the others', () => {
  const group = cluster();
  const follower = group.replica('2');
  // What tells it of the commit is lost; then it stands, and is refused because the others hear the leader.
  group.replica('1').propose();
  group.stabilize();
  expect(follower.core.commit).toBeLessThan(follower.log.lastOffset);
  follower.campaign();
  group.stabilize();
  expect(follower.core.role).toBe('follower');
  asleep(group);
  expect(follower.core.commit).toBe(follower.log.lastOffset);
});

test('a follower that is woken wakes the leader', () => {
  const group = asleep(cluster());
  group.replica('2').input((core) => core.wake(false));
  group.stabilize();
  expect(sleepers(group)).toEqual([]);
  expect(group.replica('1').core.role).toBe('leader');
});

test('a replica that comes back and hears no leader wakes all, and the leader stays', () => {
  const group = asleep(cluster());
  const { term } = group.replica('1').core;
  group.replica('3').crash();
  group.restart('3');
  group.run(ENOUGH_TICKS);
  expect(group.replica('1').core).toMatchObject({ role: 'leader', term });
  asleep(group);
});

test('followers of a leader that is gone elect another as soon as they are woken', () => {
  const group = asleep(cluster());
  group.replica('1').crash();
  for (const id of ['2', '3']) group.replica(id).input((core) => core.wake(true));
  // Less than two election timeouts: they do not wait for one more before they stand.
  group.run(10);
  expect(group.leader()?.core.established).toBe(true);
});

test('leadership of a sleeping group can be handed over', () => {
  const group = asleep(cluster());
  group.replica('1').input((core) => core.transferLeadership('3'));
  group.run(10);
  expect(group.leader()?.id).toBe('3');
});

test('a leader that was asleep steps down when it hears nobody for an election timeout', () => {
  const group = asleep(cluster());
  group.isolate('1');
  group.replica('1').input((core) => core.wake(true));
  group.run(20);
  expect(group.replica('1').core.role).toBe('follower');
});
