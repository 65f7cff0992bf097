// Elections in mode fetch over real connections: zkservers, and brokers that tell how far their replicas go.
import { isError } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { IsrChange, PartitionInfo, TopicInfo, ZkServerClient } from '@zhumq/rpc';
import { InterruptedStore } from '../testing/interrupted-store.js';
import type { RecordingBroker } from '../testing/recording-broker.js';
import {
  TestCluster,
  findTopic,
  topicRequest,
  until,
  untilBrokers,
} from '../testing/test-cluster.js';
import type { RunningZkServer } from '../testing/test-cluster.js';

let cluster: TestCluster;
beforeEach(() => (cluster = new TestCluster()));
afterEach(() => cluster.stop());

async function start(options: Record<string, unknown> = {}) {
  const zkserver = await cluster.startZkServer(1, options);
  const brokers = await cluster.startBrokers(3);
  await until(() => zkserver.server.isActive);
  await untilBrokers(zkserver.client, 3);
  return { ...zkserver, brokers };
}

const fetchTopic = (name: string, given = {}) =>
  topicRequest(name, { mode: ReplicationMode.FETCH, partitions: 1, ...given });

/** A topic of one partition, whose brokers know of it; the first of `order` is its preferred leader. */
async function createTopic(
  client: ZkServerClient,
  brokers: readonly RecordingBroker[],
  given = {},
) {
  const topic = await client.createTopic(fetchTopic('t', given));
  await until(() => brokers.every((broker) => broker.assigned.length === topic.partitions.length));
  const order = topic.partitions[0].replicas.map(({ broker }) => brokerOf(brokers, broker));
  return { topic, order };
}

function brokerOf(brokers: readonly RecordingBroker[], id: number): RecordingBroker {
  const broker = brokers.find((one) => one.id === id);
  if (broker === undefined) throw new Error(`there is no broker ${id}`);
  return broker;
}

async function stateOf(client: ZkServerClient, partition = 0): Promise<PartitionInfo> {
  const topic = await findTopic(client, 't');
  if (topic === undefined) throw new Error('the topic is gone');
  return topic.partitions[partition];
}

const untilEpoch = (client: ZkServerClient, epoch: number, withinMs?: number) =>
  until(async () => (await stateOf(client)).epoch === epoch, withinMs);

const isLed = (client: ZkServerClient, by: RecordingBroker) => async () => {
  const { leader } = await stateOf(client);
  return leader === by.id;
};

const endsAt =
  (offset: number, given = {}) =>
  () => ({ logEnd: { epoch: 1, offset }, epoch: 1, ...given });

/** What its leader proposes when a broker that had left the ISR has caught up; the refusal, if there is one. */
async function rejoin(client: ZkServerClient, leader: RecordingBroker, joining: RecordingBroker) {
  const topic = (await findTopic(client, 't')) as TopicInfo;
  const { generation, epoch, version = 0, isr, replicas } = topic.partitions[0];
  const members = replicas.filter(
    ({ broker, replicaId }) => broker === joining.id || isr.includes(replicaId),
  );
  const [{ failure }] = await client.changeIsr([
    {
      ...{ topicId: topic.topicId, partition: 0, generation, epoch, version },
      ...{ broker: leader.id, incarnation: leader.incarnation },
      isr: members.map(({ broker, replicaId }) => ({
        replicaId,
        incarnation: broker === joining.id ? joining.incarnation : 1,
      })),
    },
  ]);
  return failure?.message;
}

const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

test('a topic in mode fetch is led from its creation on, and its brokers are told by whom', async () => {
  const { client, brokers } = await start();
  const { order } = await createTopic(client, brokers);
  const info = brokers[0].last?.partitions[0].info;
  expect(info).toMatchObject({
    ...{ mode: ReplicationMode.FETCH, epoch: 1, leader: order[0].id, leaderIncarnation: 1 },
    ...{ version: 0, lossEpoch: 0, elr: [] },
  });
  expect(info?.isr).toEqual(info?.replicas.map(({ replicaId }) => replicaId));
  expect(order.flatMap(({ asked }) => asked)).toEqual([]);
});

test('when the leader is cut off, the member that goes furthest leads, and everybody hears of it', async () => {
  const { client, brokers, metrics } = await start();
  const { order } = await createTopic(client, brokers);
  const [first, second, third] = order;
  second.endOf = endsAt(90);
  third.endOf = endsAt(95);
  const startMs = performance.now();
  first.expire();
  await until(() => third.last?.partitions[0].info.epoch === 2);
  const tookMs = performance.now() - startMs;
  expect(third.last?.partitions[0].info).toMatchObject({ leader: third.id, version: 1, elr: [] });
  expect((await stateOf(client)).isr).toHaveLength(2);
  expect(second.asked).toHaveLength(1);
  expect(second.asked[0]).toMatchObject({ generation: 1, controllerEpoch: 1, version: 0 });
  expect(first.asked).toEqual([]);
  expect(await metrics.render()).toContain(
    'zhumq_zkserver_leader_elections_total{outcome="elected"} 1',
  );
  expect(await metrics.render()).toContain('zhumq_zkserver_isr_shrinks_total 1');
  // The goal is 200 ms; a busy machine gets some more.
  expect(tookMs).toBeLessThan(1000);
});

test('rule 3: a leader that restarted at once is elected anew, in its new incarnation', async () => {
  const { client, brokers } = await start();
  const { order } = await createTopic(client, brokers);
  for (const broker of order) broker.endOf = () => undefined;
  order[0].endOf = endsAt(90);
  await order[0].stop();
  await order[0].start({ incarnation: 2 });
  await untilEpoch(client, 2);
  expect(await stateOf(client)).toMatchObject({ leader: order[0].id, leaderIncarnation: 2 });
});

test('all in sync answer, and all stopped uncleanly: a possible loss, told to everybody', async () => {
  const { client, brokers, metrics } = await start();
  const { order } = await createTopic(client, brokers);
  order.forEach((broker, index) => (broker.endOf = endsAt(10 * index, { tainted: true })));
  await order[0].stop();
  // Two of three are not all.
  await until(() => order[1].asked.length > 1 && order[2].asked.length > 1);
  expect(await stateOf(client)).toMatchObject({ epoch: 1, lossEpoch: 0 });
  await order[0].start({ incarnation: 2 });
  await untilEpoch(client, 2);
  const state = await stateOf(client);
  expect(state).toMatchObject({ leader: order[2].id, lossEpoch: 2, elr: [] });
  expect(state.isr).toEqual([state.replicas[2].replicaId]);
  expect(state.possibleLoss).toMatch(/stopped uncleanly/);
  const counted = await metrics.render();
  expect(counted).toContain('{outcome="possible-loss"} 1');
  expect(counted).toContain('zhumq_zkserver_possible_losses_total 1');
});

test('nobody answers: the partition is offline, is counted, and is asked for until somebody does', async () => {
  const { client, brokers, metrics } = await start();
  const { order } = await createTopic(client, brokers);
  for (const broker of order) broker.endOf = () => undefined;
  await order[0].stop();
  await until(() => order[1].asked.length > 2);
  expect(await stateOf(client)).toMatchObject({ epoch: 1, leader: order[0].id });
  expect(await metrics.render()).toContain('zhumq_zkserver_partitions_offline 1');
  order[1].endOf = endsAt(5);
  await until(isLed(client, order[1]));
  expect(await metrics.render()).toContain('zhumq_zkserver_partitions_offline 0');
});

test('a broker that answers nonsense, or for somebody else, elects nobody', async () => {
  const { client, brokers } = await start();
  const { order } = await createTopic(client, brokers);
  const nonsense = [
    { logEnd: { epoch: 9, offset: 99 }, epoch: 1 },
    { logEnd: { epoch: 1, offset: -1 }, epoch: 1 },
    { incarnation: 7 },
    { replicaId: 'somebody' },
    { broker: order[2].id },
    { topicId: 'another' },
  ];
  let told = 0;
  order[1].endOf = () => nonsense[told++ % nonsense.length];
  order[2].endOf = () => undefined;
  await order[0].stop();
  await until(() => told > nonsense.length);
  expect((await stateOf(client)).epoch).toBe(1);
});

test('a broker that does not answer delays only what it has a part in, and that for a second', async () => {
  const { client, brokers } = await start();
  const { order } = await createTopic(client, brokers);
  let answer: () => void = () => undefined;
  order[2].answering = new Promise((resolve) => (answer = resolve));
  await client.createTopic(fetchTopic('pairs', { partitions: 12, replicationFactor: 2 }));
  await until(() => brokers.every(({ assigned }) => assigned.length > 1));
  const dead = order[0].id;
  const pairs = async (): Promise<readonly PartitionInfo[]> =>
    (await findTopic(client, 'pairs'))?.partitions ?? [];
  const isBetween = ({ replicas }: PartitionInfo) =>
    replicas.every(({ broker }) => [dead, order[1].id].includes(broker));
  const led = (await pairs()).filter((one) => one.leader === dead && isBetween(one));
  expect(led.length).toBeGreaterThan(0);
  order[0].expire();
  await until(async () => {
    const now = await pairs();
    return led.every(({ partition }) => now[partition].leader === order[1].id);
  });
  // Its own partition goes on without its answer when the time is over.
  await until(isLed(client, order[1]));
  answer();
});

test('hundreds of partitions are elected together, with one question to each broker', async () => {
  const { client, brokers } = await start();
  const { order } = await createTopic(client, brokers, { partitions: 300 });
  const dead = order[0].id;
  order[0].expire();
  await until(async () => {
    const { partitions } = (await findTopic(client, 't')) as TopicInfo;
    return partitions.every(({ leader }) => leader !== dead);
  });
  const { partitions } = (await findTopic(client, 't')) as TopicInfo;
  const elected = partitions.filter(({ epoch }) => epoch === 2);
  expect(elected.length).toBeGreaterThan(50);
  // Equal ends: the one that comes first in the order of preference.
  for (const { replicas, leader } of elected) expect(leader).toBe(replicas[1].broker);
  expect(order[1].questions).toBe(1);
  expect(order[2].questions).toBe(1);
});

test('a deposed zkserver that comes to its senses writes no election (rule 33)', async () => {
  const store = new InterruptedStore();
  const zombie = await cluster.startZkServer(1, {}, (inner) => store.around(inner));
  await until(() => zombie.server.isActive);
  const successor = await cluster.startZkServer(2);
  const brokers = await cluster.startBrokers(3);
  await untilBrokers(zombie.client, 3);
  await untilBrokers(successor.client, 3);
  const { order } = await createTopic(zombie.client, brokers);
  order[1].endOf = endsAt(99);
  store.pauseWrites();
  order[0].expire();
  await until(() => store.waiting > 0);
  // What the successor hears is another story: now the other one goes further.
  order[2].endOf = endsAt(100);
  await store.depose(successor.store);
  await untilLed(successor, order[2]);
  store.resumeWrites();
  await until(() => !zombie.server.isActive);
  await until(isLed(zombie.client, order[2]));
  expect(await stateOf(successor.client)).toMatchObject({ epoch: 2, version: 1 });
});

const untilLed = ({ client }: RunningZkServer, broker: RecordingBroker) =>
  until(isLed(client, broker));

describe('who is gone leaves the ISR at once', () => {
  test('a follower of hundreds of partitions, in few writes, and their leaders hear of it', async () => {
    const { client, brokers, metrics } = await start();
    const { order } = await createTopic(client, brokers, { partitions: 300 });
    const writes = await writesOf(metrics);
    const replicaOf = ({ replicas }: PartitionInfo) =>
      replicas.find(({ broker }) => broker === order[2].id)?.replicaId ?? '';
    const startMs = performance.now();
    order[2].expire();
    await until(async () => {
      const { partitions } = (await findTopic(client, 't')) as TopicInfo;
      return partitions.every((one) => !one.isr.includes(replicaOf(one)));
    });
    await until(
      () => order[0].last?.partitions.every(({ info }) => info.isr.length === 2) === true,
    );
    // A leader of its own would take 10 s (replica.lag.time.max.ms).
    expect(performance.now() - startMs).toBeLessThan(3000);
    // All removals in one multi, all elections in another one; and some bookkeeping.
    expect((await writesOf(metrics)) - writes).toBeLessThan(10);
  });

  test('rule 11: a broker whose session was over while it lived is back in only when it is registered', async () => {
    const { client, brokers } = await start({ 'leader.balance.interval': '0s' });
    const { order } = await createTopic(client, brokers);
    order[2].expire();
    await until(async () => (await stateOf(client)).isr.length === 2);
    expect(await rejoin(client, order[0], order[2])).toMatch(/can not join .* not alive/);
    await order[2].register();
    await until(async () => (await rejoin(client, order[0], order[2])) === undefined);
    expect((await stateOf(client)).isr).toHaveLength(3);
  });

  test('all sessions were lost with the store: who registers again keeps leadership and ISR', async () => {
    const { client, brokers, store } = await start({ 'session.timeout': '1500ms' });
    const { order } = await createTopic(client, brokers);
    for (const broker of order) broker.endOf = endsAt(90);
    cluster.embedded.expireSession(store.session.token);
    for (const broker of order) broker.expire();
    const epoch = async () => (await client.metadata({ topics: [] })).controllerEpoch;
    await until(async () => (await epoch()) === 2);
    await untilBrokers(client, 0);
    await order[1].register();
    await untilBrokers(client, 1);
    await order[0].register();
    await untilBrokers(client, 2);
    expect(await stateOf(client)).toMatchObject({ epoch: 1, version: 0, leader: order[0].id });
    expect((await stateOf(client)).isr).toHaveLength(3);
    // The third one does not come, and that is believed in the end; the first one is gone for good.
    order[0].expire();
    await until(isLed(client, order[1]));
    const { isr, elr, replicas } = await stateOf(client);
    expect(isr).toEqual([replicas[1].replicaId]);
    expect(elr).toEqual([replicas[0].replicaId, replicas[2].replicaId]);
  });
});

async function writesOf(metrics: RunningZkServer['metrics']): Promise<number> {
  const line = /zhumq_zkserver_store_writes_total\{outcome="done"\} (\d+)/;
  return Number(line.exec(await metrics.render())?.[1] ?? 0);
}

describe('the calls of leaders', () => {
  async function led() {
    const { client, brokers, metrics } = await start({ 'leader.balance.interval': '0s' });
    const { topic, order } = await createTopic(client, brokers);
    const info = topic.partitions[0];
    const report = {
      ...{ topicId: topic.topicId, partition: 0, generation: 1, epoch: 1 },
      ...{ broker: order[0].id, incarnation: 1 },
    };
    const ids = info.replicas.map(({ replicaId }) => replicaId);
    const change = (count: number, given: Partial<IsrChange> = {}): IsrChange => ({
      ...{ ...report, version: 0 },
      isr: ids.slice(0, count).map((replicaId) => ({ replicaId, incarnation: 1 })),
      ...given,
    });
    return { client, metrics, order, report, ids, change };
  }

  test('changeIsr answers each change with what is recorded, done or refused', async () => {
    const { client, metrics, order, ids, change } = await led();
    const [done, late, gone] = await client.changeIsr([
      change(2),
      change(1),
      change(1, { topicId: 'gone' }),
    ]);
    expect(done.failure).toBeUndefined();
    expect(done.assignment?.info).toMatchObject({ version: 1, isr: ids.slice(0, 2) });
    expect(late.failure?.message).toMatch(/based on version 0/);
    expect(late.assignment?.info).toEqual(done.assignment?.info);
    expect(gone).toMatchObject({ assignment: undefined, failure: { context: { partition: '0' } } });
    await until(() => order[2].last?.partitions[0].info.version === 1);
    expect(await metrics.render()).toContain(
      'zhumq_zkserver_isr_changes_total{outcome="refused"} 2',
    );
    expect(await refusal(client.changeIsr([change(0)]))).toBe('INVALID_REQUEST');
  });

  test('a leader that resigns is replaced, and late resignations mean nothing', async () => {
    const { client, order, report } = await led();
    for (const broker of order) broker.endOf = endsAt(9);
    await client.resignLeaders([report]);
    await until(isLed(client, order[1]));
    await client.resignLeaders([report]);
    expect(await stateOf(client)).toMatchObject({ epoch: 2, version: 2, leader: order[1].id });
  });

  test('electLeader moves the leadership to a replica in sync, and says why it does not', async () => {
    const { client, order, change } = await led();
    await client.electLeader('t', 0, order[1].id);
    expect(await stateOf(client)).toMatchObject({ epoch: 2, leader: order[1].id });
    await client.electLeader('t', 0, order[1].id);
    expect((await stateOf(client)).epoch).toBe(2);
    await client.electLeader('t', 0, order[0].id);
    const [{ failure }] = await client.changeIsr([change(2, { epoch: 3, version: 2 })]);
    expect(failure).toBeUndefined();
    const error: unknown = await client
      .electLeader('t', 0, order[2].id)
      .catch((reason: unknown) => reason);
    expect(isError(error, 'LEADER_NOT_AVAILABLE') && error.message).toMatch(/not in sync/);
    expect(await refusal(client.electLeader('nope', 0, 1))).toBe('UNKNOWN_TOPIC');
    expect(await refusal(client.electLeader('t', 9, 1))).toBe('UNKNOWN_PARTITION');
  });
});

test('leadership goes back to the preferred leader by itself, when it is in sync', async () => {
  const { client, brokers } = await start({ 'leader.balance.interval': '100ms' });
  const { order } = await createTopic(client, brokers);
  await order[0].stop();
  await until(isLed(client, order[1]));
  await order[0].start({ incarnation: 2 });
  await until(async () => (await rejoin(client, order[1], order[0])) === undefined);
  await until(isLed(client, order[0]));
  expect(await stateOf(client)).toMatchObject({ epoch: 3, leaderIncarnation: 2 });
});
