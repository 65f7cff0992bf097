// Whole switches: a zkserver, an embedded store, and models of replicas, over real connections. Brokers crash, answer
// late, or do what they are asked and lose the answer.
import { zhumqError } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { PartitionInfo } from '@zhumq/rpc';
import { ReplicaGroup, refuseCall } from '../testing/replica-group.js';
import {
  TestCluster,
  findTopic,
  topicRequest,
  until,
  untilBrokers,
} from '../testing/test-cluster.js';
import type { RunningZkServer } from '../testing/test-cluster.js';

const { RAFT, FETCH } = ReplicationMode;

let cluster: TestCluster;
beforeEach(() => (cluster = new TestCluster()));
afterEach(() => cluster.stop());

/** A topic of one partition with three replicas that takes records, and a zkserver. */
async function start(mode: ReplicationMode, options: Record<string, unknown> = {}) {
  const zkserver = await cluster.startZkServer(1, options);
  const brokers = [1, 2, 3].map((id) => cluster.newBroker(id));
  const group = new ReplicaGroup(brokers, 'orders');
  for (const broker of brokers) await broker.start();
  await untilBrokers(zkserver.client, 3);
  const request = topicRequest('orders', { partitions: 1, mode });
  const { topicId } = await zkserver.client.createTopic(request);
  await until(() => group.write());
  return { ...zkserver, brokers, group, topicId };
}

async function partition({ client }: Pick<RunningZkServer, 'client'>): Promise<PartitionInfo> {
  const topic = await findTopic(client, 'orders');
  if (topic === undefined) throw new Error('the topic is gone');
  return topic.partitions[0];
}

const begin = ({ client }: Pick<RunningZkServer, 'client'>, to: ReplicationMode) =>
  client.switchMode({ topic: 'orders', partition: 0, to, parallel: 0, dryRun: false });

const describe1 = async ({ client }: Pick<RunningZkServer, 'client'>) =>
  (await client.describeSwitch('orders', 0))[0];

/** Until nothing is under way; records come all the time. */
async function ended(world: { client: RunningZkServer['client']; group: ReplicaGroup }) {
  await until(async () => {
    world.group.write();
    return (await partition(world)).transition === undefined;
  });
  await until(() => world.group.write());
  const info = await partition(world);
  expect(world.group.violations).toEqual([]);
  const { leader } = info.mode === FETCH ? info : { leader: leaderOf(world.group) };
  expect(world.group.missingAt(leader)).toEqual([]);
  return info;
}

/** Of mode raft: who took the last record. */
const leaderOf = (group: ReplicaGroup): number =>
  group.replicas.toSorted((one, other) => other.end.offset - one.end.offset)[0].id;

describe('a switch', () => {
  test('to fetch and back keeps every record at its offset, in two generations, and says so', async () => {
    const world = await start(RAFT);
    const [begun] = await begin(world, FETCH);
    expect(begun).toMatchObject({ partition: 0, to: FETCH, state: 'seal', mode: RAFT });
    const fetching = await ended(world);
    expect(fetching).toMatchObject({ mode: FETCH, generation: 2, lastSwitch: { done: true } });
    expect(fetching.isr).toHaveLength(3);
    expect(await describe1(world)).toMatchObject({ state: 'done', id: begun.id, mode: FETCH });
    await begin(world, RAFT);
    const back = await ended(world);
    expect(back).toMatchObject({ mode: RAFT, generation: 3, epoch: fetching.epoch + 1, isr: [] });
    await until(async () =>
      (await world.metrics.render()).includes('zhumq_zkserver_switches_total{outcome="done"} 2'),
    );
  });

  test('asked for again while it is under way tells where it stands; the other way is refused', async () => {
    const world = await start(RAFT);
    world.group.before = () => refuseCall();
    const [first] = await begin(world, FETCH);
    const [again] = await begin(world, FETCH);
    expect(again).toEqual(first);
    const refusal = await begin(world, RAFT).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'SWITCH_REFUSED' });
    world.group.before = () => undefined;
    expect(await ended(world)).toMatchObject({ mode: FETCH, generation: 2 });
  });

  test('goes on when every first call is done but its answer is lost', async () => {
    for (const mode of [RAFT, FETCH]) {
      const world = await start(mode);
      const answered = new Set<string>();
      world.group.after = (call, id) => {
        if (answered.has(`${call} ${id}`)) return;
        answered.add(`${call} ${id}`);
        refuseCall();
      };
      await begin(world, mode === RAFT ? FETCH : RAFT);
      expect(await ended(world)).toMatchObject({ generation: 2, lastSwitch: { done: true } });
      await cluster.stop();
      cluster = new TestCluster();
    }
  });

  test('does not wait for a voter that answers late', async () => {
    const world = await start(RAFT);
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    world.group.before = (call, id) => (call === 'close' && id === 2 ? released : undefined);
    await begin(world, FETCH);
    const info = await ended(world);
    expect(info).toMatchObject({ mode: FETCH, generation: 2 });
    expect(info.isr).toHaveLength(2);
    // What it closes now is a generation that is over.
    release();
    await until(() => world.group.write());
    expect(await partition(world)).toEqual(info);
  });

  test('does not wait for a voter that is dead', async () => {
    const world = await start(RAFT);
    const dead = leaderOf(world.group) === 3 ? 2 : 3;
    world.group.of(dead).isUp = false;
    await world.brokers[dead - 1].stop();
    await untilBrokers(world.client, 2);
    await begin(world, FETCH);
    const info = await ended(world);
    expect(info).toMatchObject({ mode: FETCH, generation: 2 });
    expect(info.isr).toHaveLength(2);
    expect(world.group.calls).not.toContain(`close ${dead}`);
  });

  test('finds the leader that the record does not name', async () => {
    const world = await start(RAFT);
    const { topicId } = world;
    const leader = leaderOf(world.group);
    const other = leader === 1 ? 2 : 1;
    const claim = { topicId, partition: 0, generation: 1, epoch: 1, incarnation: 1 };
    await world.client.reportLeaders([{ ...claim, broker: other }]);
    await begin(world, FETCH);
    expect(await ended(world)).toMatchObject({ mode: FETCH, generation: 2 });
    expect(world.group.calls[0]).toBe(`seal ${other}`);
  });

  test('goes on with another leader when the first dies at the seal', async () => {
    const world = await start(RAFT);
    const leader = leaderOf(world.group);
    const { topicId } = world;
    const claim = { topicId, partition: 0, generation: 1, incarnation: 1 };
    await world.client.reportLeaders([{ ...claim, epoch: 1, broker: leader }]);
    world.group.after = async (call, id) => {
      if (call !== 'seal' || id !== leader) return;
      world.group.of(leader).isUp = false;
      void world.brokers[leader - 1].stop();
      refuseCall();
    };
    await begin(world, FETCH);
    const info = await ended(world);
    expect(info).toMatchObject({ mode: FETCH, generation: 2 });
    expect(info.leader).not.toBe(leader);
    expect(info.isr).toHaveLength(2);
  });

  test('decision 14: repairs a group whose largest end is on one voter only by a generation of mode raft', async () => {
    const world = await start(RAFT);
    const { group } = world;
    let isFirst = true;
    group.before = (call) => {
      if (call !== 'close' || !isFirst) return;
      isFirst = false;
      // A record that the leader acknowledged to nobody.
      const leader = group.of(leaderOf(group));
      leader.log = [...leader.log, { epoch: leader.epoch, value: 'unacknowledged' }];
    };
    await begin(world, FETCH);
    const info = await ended(world);
    expect(info).toMatchObject({ mode: FETCH, generation: 3, lastSwitch: { done: true } });
    expect(info.isr).toHaveLength(3);
  });
});

describe('a switch that can not be completed', () => {
  const short = { 'switch.timeout.ms': '300ms' };

  test.each([
    ['raft', RAFT, FETCH],
    ['fetch', FETCH, RAFT],
  ])('rule 17: from %s goes on in the next generation of the old mode', async (_name, mode, to) => {
    const world = await start(mode, short);
    world.group.before = (call) => {
      if (call === 'seal') throw zhumqError('OVERLOADED', 'no room for a seal');
    };
    const [{ id }] = await begin(world, to);
    const info = await ended(world);
    expect(info).toMatchObject({ mode, generation: 2, lastSwitch: { id, to, done: false } });
    const row = await describe1(world);
    expect(row).toMatchObject({ state: 'given-up', id, to, mode });
    expect(row.reason).toMatch(/not done within 300 ms.*OVERLOADED: no room for a seal/);
  });

  test('names the dead for whom it waited', async () => {
    const world = await start(RAFT, { 'switch.timeout.ms': '1500ms' });
    world.group.before = () => refuseCall();
    await begin(world, FETCH);
    for (const broker of world.brokers.slice(1)) await broker.stop();
    await until(async () => (await describe1(world)).state === 'abort');
    expect((await describe1(world)).reason).toMatch(
      /phase seal then: only 1 of its 3 replicas .* 2 must be \(not alive: brokers 2, 3\)/,
    );
  });

  test('rule 17: is taken back when certainly no seal call was made', async () => {
    const world = await start(RAFT, short);
    for (const broker of world.brokers) await broker.hangUp();
    const [{ id }] = await begin(world, FETCH);
    await until(async () => (await describe1(world)).state === 'given-up');
    const info = await partition(world);
    expect(info).toMatchObject({ mode: RAFT, generation: 1, transition: undefined });
    expect(info.lastSwitch).toMatchObject({ id, done: false });
    expect(world.group.calls).toEqual([]);
    expect(world.group.write()).toBe(true);
  });

  test('rule 17: a leader that reports a seal that nobody pursues is unsealed', async () => {
    for (const mode of [RAFT, FETCH]) {
      const world = await start(mode);
      const { epoch, leader: recorded } = await partition(world);
      const leader = mode === RAFT ? leaderOf(world.group) : recorded;
      for (const replica of world.group.replicas) replica.sealedBy = 'a zombie';
      expect(world.group.write()).toBe(false);
      const { topicId } = world;
      const report = { topicId, partition: 0, generation: 1, broker: leader, incarnation: 1 };
      const term = mode === RAFT ? 1 : epoch;
      await world.client.reportLeaders([{ ...report, epoch: term, sealedBy: 'a zombie' }]);
      expect(await ended(world)).toMatchObject({ mode, generation: 2 });
      expect(await describe1(world)).toMatchObject({ state: 'given-up', id: 'a zombie' });
      await cluster.stop();
      cluster = new TestCluster();
    }
  });

  test('ends with its topic', async () => {
    const world = await start(RAFT);
    world.group.before = () => refuseCall();
    await begin(world, FETCH);
    await world.client.deleteTopic('orders', false);
    const deleted = 'zhumq_zkserver_switches_total{outcome="deleted"} 1';
    await until(async () => (await world.metrics.render()).includes(deleted));
    const again = await world.client.createTopic(topicRequest('orders', { partitions: 1 }));
    expect(again.partitions[0]).toMatchObject({ generation: 1, transition: undefined });
  });
});

test('rule 16: a group of which most are tainted is recovered, with a loss that is written down', async () => {
  const world = await start(RAFT, { 'recovery.wait.ms': '150ms', 'reconcile.interval': '100ms' });
  const { group, brokers } = world;
  for (const id of [1, 2]) {
    await brokers[id - 1].stop();
    group.of(id).tainted = true;
    group.of(id).log = group.of(id).log.slice(0, -1);
    await brokers[id - 1].start({ incarnation: 2, clean: false });
  }
  expect(group.write()).toBe(false);
  await until(async () => (await partition(world)).generation === 2, 4000);
  const info = await partition(world);
  expect(info).toMatchObject({ mode: RAFT, lossEpoch: info.epoch, transition: undefined });
  expect(info.possibleLoss).toMatch(/3 of 3 voters/);
  await until(() => group.write());
  expect(group.violations).toEqual([]);
  // The largest end was whole in this case.
  expect(group.missingAt(3)).toEqual([]);
});

describe('rule 16: a group is left alone', () => {
  const often = { 'recovery.wait.ms': '100ms' };

  test('while somebody leads it, though most brokers stopped uncleanly', async () => {
    const world = await start(RAFT, often);
    for (const id of [1, 2]) {
      await world.brokers[id - 1].stop();
      await world.brokers[id - 1].start({ incarnation: 2, clean: false });
    }
    await until(() => world.group.described > 12);
    expect(await partition(world)).toMatchObject({ generation: 1, transition: undefined });
    expect(world.brokers.map(({ questions }) => questions)).toEqual([0, 0, 0]);
  });

  test('while the untainted could be a majority when all are back', async () => {
    const world = await start(RAFT, often);
    world.group.of(1).tainted = true;
    world.group.of(3).isUp = false;
    await world.brokers[2].stop();
    await until(() => world.brokers[1].questions > 3);
    expect(world.group.write()).toBe(false);
    expect(await partition(world)).toMatchObject({ generation: 1, transition: undefined });
  });
});
