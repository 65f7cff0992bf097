import { ReplicationMode } from '@zhumq/rpc';
import type { PartitionSwitch as WireSwitch, SwitchRequest } from '@zhumq/rpc';
import { zhumqError } from '@zhumq/model';
import type { Admin, PartitionSwitch } from '../index.js';
import { FakeCluster, failureFrom, replicaId } from '../testing/fake-cluster.fixture.js';

const { RAFT, FETCH } = ReplicationMode;

let cluster: FakeCluster;
let admin: Admin;
beforeEach(async () => {
  cluster = await FakeCluster.start(3);
  admin = (await cluster.connect()).admin();
});
afterEach(() => cluster.close());

const stateOf = (state: string, partition = 0, also: Partial<WireSwitch> = {}): WireSwitch => ({
  ...{ partition, to: FETCH, state, reason: '', mode: RAFT, generation: 1, id: 'i' },
  ...also,
});

/** The zkserver answers with these, one after the other; the last one for good. */
function script(...answers: WireSwitch[][]): { asked: SwitchRequest[] } {
  const asked: SwitchRequest[] = [];
  const next = (): WireSwitch[] => (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
  cluster.switches = { begin: (request) => (asked.push(request), next()), describe: next };
  return { asked };
}

async function watched(
  ...given: Parameters<Admin['watchSwitch']>
): Promise<(readonly PartitionSwitch[])[]> {
  const seen: (readonly PartitionSwitch[])[] = [];
  for await (const states of admin.watchSwitch(...given)) seen.push(states);
  return seen;
}

test('begins a switch and says how far it is', async () => {
  cluster.addTopic('t', 2);
  const { asked } = script([stateOf('waiting', 1), stateOf('seal', 0)]);
  expect(await admin.switchMode({ topic: 't', to: 'fetch', parallel: 1 })).toEqual([
    expect.objectContaining({ partition: 0, to: 'fetch', mode: 'raft', state: 'seal' }),
    expect.objectContaining({ partition: 1, state: 'waiting', ended: false }),
  ]);
  expect(asked).toEqual([
    expect.objectContaining({ topic: 't', partition: -1, to: FETCH, parallel: 1, dryRun: false }),
  ]);
  await admin.switchMode({ topic: 't', partition: 1, to: 'raft', dryRun: true });
  expect(asked[1]).toMatchObject({ partition: 1, to: RAFT, parallel: 0, dryRun: true });
  expect(await admin.describeSwitch({ topic: 't' })).toHaveLength(2);
});

test('refuses what can not be meant, and what is not there', async () => {
  script([]);
  const bad = [{ partition: -1 }, { partition: 1.5 }, { parallel: -1 }, { to: 'quorum' as 'raft' }];
  for (const one of bad) {
    const work = admin.switchMode({ topic: 't', to: 'fetch', ...one });
    expect((await failureFrom(work)).code).toBe('INVALID_OPTION');
  }
  cluster.switches.begin = () => {
    throw zhumqError('UNKNOWN_TOPIC', 'topic t does not exist');
  };
  const absent = admin.switchMode({ topic: 't', to: 'fetch' });
  expect((await failureFrom(absent)).code).toBe('UNKNOWN_TOPIC');
});

test('watches until all have ended, and tells each change once', async () => {
  const done = { mode: FETCH, generation: 2 };
  script(
    [stateOf('seal', 0), stateOf('waiting', 1, { id: '' })],
    [stateOf('seal', 0), stateOf('waiting', 1, { id: '' })],
    [stateOf('close', 0), stateOf('waiting', 1, { id: '' })],
    [stateOf('done', 0, done), stateOf('seal', 1)],
    [stateOf('done', 0, done), stateOf('given-up', 1, { reason: 'no majority' })],
  );
  const seen = await watched({ topic: 't', to: 'fetch' });
  expect(seen.map((states) => states.map(({ state }) => state))).toEqual([
    ['seal', 'waiting'],
    ['close', 'waiting'],
    ['done', 'seal'],
    ['done', 'given-up'],
  ]);
  expect(seen.at(-1)?.[1]).toMatchObject({ ended: true, reason: 'no majority', mode: 'raft' });
});

test('a refusal at the beginning stays one, whatever was switched before', async () => {
  script(
    [stateOf('refused', 0, { reason: 'the ISR is too small' }), stateOf('seal', 1)],
    [stateOf('done', 0), stateOf('done', 1)],
  );
  const seen = await watched({ topic: 't', to: 'fetch' });
  expect(seen.at(-1)?.map(({ state }) => state)).toEqual(['refused', 'done']);
});

test('a partition alone that is refused is told as one of several is', async () => {
  script([stateOf('done', 0, { to: RAFT })]);
  cluster.switches.begin = () => {
    const context = { reason: 'only 1 of 3 replicas are in sync' };
    throw zhumqError('SWITCH_REFUSED', 't-0 can not be switched now', context);
  };
  const [refused] = await admin.switchMode({ topic: 't', partition: 0, to: 'fetch' });
  expect(refused).toMatchObject({
    ...{ state: 'refused', ended: true, reason: 'only 1 of 3 replicas are in sync' },
    ...{ to: 'fetch', mode: 'raft', generation: 1 },
  });
  const whole = admin.switchMode({ topic: 't', to: 'fetch' });
  expect((await failureFrom(whole)).code).toBe('SWITCH_REFUSED');
});

test('an answer about another switch is never taken for success', async () => {
  script([stateOf('done', 0, { to: RAFT })]);
  const [state] = await admin.switchMode({ topic: 't', to: 'fetch' });
  expect(state).toMatchObject({ to: 'fetch', state: 'given-up', mode: 'raft' });
});

test('another switch that took its place ends it', async () => {
  script([stateOf('seal')], [stateOf('seal', 0, { to: RAFT, mode: FETCH, generation: 2 })]);
  const [, [last]] = await watched({ topic: 't', to: 'fetch' });
  expect(last).toMatchObject({ to: 'fetch', state: 'given-up', ended: true });
  expect(last.reason).toContain('raft');
});

test('gives up looking on at the timeout; with wait that is no error', async () => {
  script([stateOf('seal')]);
  const error = await failureFrom(watched({ topic: 't', to: 'fetch' }, { timeout: 100 }));
  expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
  expect(error.message).toContain('goes on for 1 of 1 partitions');
  const [state] = await admin.switchMode({ topic: 't', to: 'fetch', wait: 100 });
  expect(state).toMatchObject({ state: 'seal', ended: false });
});

test('waits as long as it takes, and no longer', async () => {
  script([stateOf('seal')], [stateOf('done', 0, { mode: FETCH, generation: 2 })]);
  const startedMs = performance.now();
  const [state] = await admin.switchMode({ topic: 't', to: 'fetch', wait: '1m' });
  expect(state).toMatchObject({ state: 'done', mode: 'fetch', generation: 2 });
  expect(performance.now() - startedMs).toBeLessThan(30_000);
});

test('elects by mode: the leader hands over in raft, the zkserver elects in fetch', async () => {
  cluster.addTopic('t', 1, {}, FETCH);
  const elections: number[] = [];
  const move = cluster.moveLeader.bind(cluster);
  cluster.moveLeader = (topic, partition, broker) => {
    elections.push(broker);
    move(topic, partition, broker);
  };
  cluster.on.transferLeadership = () => {
    throw zhumqError('UNSUPPORTED', 'mode fetch');
  };
  await admin.electLeader({ topic: 't', partition: 0, broker: 3 });
  await admin.electLeader({ topic: 't', partition: 0, broker: 3 });
  expect(elections).toEqual([3]);
  const absent = admin.electLeader({ topic: 't', partition: 7, broker: 3 });
  expect((await failureFrom(absent)).code).toBe('UNKNOWN_PARTITION');
});

test('describes mode, generation, ISR, voters, losses, and a switch under way', async () => {
  cluster.addTopic('t', 2);
  const [first, second] = cluster.topics.get('t')?.partitions ?? [];
  Object.assign(second, {
    mode: FETCH,
    generation: 4,
    sealed: true,
    info: {
      isr: [replicaId(1, 1), replicaId(1, 2)],
      elr: [replicaId(1, 3)],
      seal: { epoch: 3, offset: 17 },
      transition: { id: 'x', to: RAFT, phase: 'seal' },
      lastSwitch: { id: 'w', to: FETCH, done: true, reason: '' },
      possibleLoss: 'at noon: all power-cycled',
    },
  });
  first.info = {};
  const [raft, fetch] = await admin.describePartitions('t');
  expect(raft).toMatchObject({ mode: 'raft', voters: [1, 2, 3], inSync: [], sealed: false });
  for (const absent of ['transition', 'lastSwitch', 'possibleLoss', 'seal']) {
    expect(raft).not.toHaveProperty(absent);
  }
  expect(fetch).toMatchObject({
    ...{ mode: 'fetch', generation: 4, sealed: true, voters: [], inSync: [1, 2], eligible: [3] },
    seal: { epoch: 3, offset: 17 },
    transition: { id: 'x', to: 'raft', phase: 'seal' },
    lastSwitch: { id: 'w', to: 'fetch', done: true, reason: '' },
    possibleLoss: 'at noon: all power-cycled',
  });
  expect(fetch.replicaDetails[0]).toMatchObject({ mode: 'fetch', generation: 4 });
});
