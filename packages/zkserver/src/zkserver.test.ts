import { isError } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import {
  TestCluster,
  dump,
  findTopic,
  pathsBelow,
  topicRequest,
  until,
  untilBrokers,
} from './testing/test-cluster.js';

let cluster: TestCluster;
beforeEach(() => (cluster = new TestCluster()));
afterEach(() => cluster.stop());

const refusal = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

async function start(brokers = 3) {
  const { client, ...zkserver } = await cluster.startZkServer(1);
  const started = await cluster.startBrokers(brokers);
  await until(() => zkserver.server.isActive);
  await untilBrokers(client, brokers);
  return { ...zkserver, client, brokers: started };
}

test('a topic that was created is announced to the brokers that hold it', async () => {
  const { client, brokers } = await start();
  const topic = await client.createTopic(
    topicRequest('orders', { config: { 'retention.ms': '1h' } }),
  );
  expect(topic.partitions.map(({ partition }) => partition)).toEqual([0, 1]);
  for (const { replicas, leader, epoch, generation, mode } of topic.partitions) {
    expect(replicas.map(({ broker }) => broker).sort()).toEqual([1, 2, 3]);
    expect(new Set(replicas.map(({ replicaId }) => replicaId)).size).toBe(3);
    for (const { broker, directoryId } of replicas) expect(Number(directoryId)).toBe(broker);
    expect({ leader, epoch, generation, mode }).toEqual({
      ...{ leader: -1, epoch: 0, generation: 1, mode: ReplicationMode.RAFT },
    });
  }
  for (const broker of brokers) {
    await until(() => broker.assigned.length === 2);
    const { controllerEpoch, clusterId, partitions, brokers: known } = broker.last ?? {};
    expect(controllerEpoch).toBe(1);
    expect(clusterId).toMatch(/^[0-9a-f]{32}$/);
    expect(partitions?.[0].config).toEqual({ 'retention.ms': '1h' });
    expect(known?.map(({ endpoint }) => endpoint.id)).toEqual([1, 2, 3]);
  }
  expect(await findTopic(client, 'orders')).toEqual(topic);
});

test('creating a topic again resets nothing', async () => {
  const { client } = await start();
  const topic = await client.createTopic(topicRequest('orders'));
  expect(await refusal(client.createTopic(topicRequest('orders', { partitions: 7 })))).toBe(
    'TOPIC_EXISTS',
  );
  expect(await findTopic(client, 'orders')).toEqual(topic);
});

test.each([
  ['a name with a slash', { name: 'a/b' }, 'INVALID_TOPIC'],
  ['an internal name', { name: '__groups' }, 'INVALID_TOPIC'],
  ['a setting that does not exist', { config: { 'retention.mss': '1h' } }, 'INVALID_TOPIC'],
  ['a setting out of range', { config: { 'segment.bytes': '1' } }, 'INVALID_TOPIC'],
  ['too many partitions', { partitions: 10_001 }, 'INVALID_TOPIC'],
  ['a negative number of replicas', { replicationFactor: -1 }, 'INVALID_TOPIC'],
  ['more replicas than brokers', { replicationFactor: 4 }, 'NOT_ENOUGH_BROKERS'],
  ['a mode that does not exist', { mode: 9 as ReplicationMode }, 'INVALID_REQUEST'],
])('%s is refused and writes nothing', async (_what, given, code) => {
  const { client } = await start();
  expect(await refusal(client.createTopic(topicRequest('orders', given)))).toBe(code);
  expect(await pathsBelow(client, '/topics')).toEqual(['/topics']);
});

test('0 partitions and 0 replicas mean the defaults, as far as there are brokers', async () => {
  const { client } = await start(2);
  const topic = await client.createTopic(
    topicRequest('t', { partitions: 0, replicationFactor: 0 }),
  );
  expect(topic.partitions).toHaveLength(1);
  expect(topic.replicationFactor).toBe(2);
});

test('dry runs answer as if and change nothing', async () => {
  const { client } = await start();
  const planned = await client.createTopic(topicRequest('orders', { dryRun: true }));
  expect(await findTopic(client, 'orders')).toBeUndefined();
  const created = await client.createTopic(topicRequest('orders'));
  const brokersOf = (topic: typeof planned) =>
    topic.partitions.map(({ replicas }) => replicas.map(({ broker }) => broker));
  expect(brokersOf(planned)).toEqual(brokersOf(created));
  const altered = await client.alterTopic('orders', { 'retention.ms': '2h' }, true);
  expect(altered.config).toEqual({ 'retention.ms': '2h' });
  await client.deleteTopic('orders', true);
  expect(await findTopic(client, 'orders')).toEqual(created);
});

test('altering a setting leaves everything else of the topic as it was', async () => {
  const { client, brokers } = await start();
  const config = { 'retention.ms': '1h', 'segment.bytes': '1MiB' };
  const topic = await client.createTopic(topicRequest('orders', { config }));
  const altered = await client.alterTopic(
    'orders',
    { 'retention.ms': '', 'segment.ms': '1h' },
    false,
  );
  expect(altered).toEqual({ ...topic, config: { 'segment.bytes': '1MiB', 'segment.ms': '1h' } });
  await until(() => brokers[0].last?.partitions[0]?.config['segment.ms'] === '1h');
  expect(await refusal(client.alterTopic('orders', { nonsense: '' }, false))).toBe('INVALID_TOPIC');
  expect(await refusal(client.alterTopic('nothing', {}, false))).toBe('UNKNOWN_TOPIC');
});

test('a tombstone stays until every broker that held a replica has confirmed (rule 23)', async () => {
  const { client, brokers } = await start();
  const { topicId } = await client.createTopic(topicRequest('orders'));
  brokers[2].confirms = false;
  await client.deleteTopic('orders', false);
  expect(await findTopic(client, 'orders')).toBeUndefined();
  expect(await pathsBelow(client, '/topics')).toEqual(['/topics']);
  const waiting = async () => {
    const nodes = await dump(client, '/admin/deletions');
    return nodes.slice(1).map(({ path, json }) => [path, JSON.parse(json).brokers]);
  };
  await until(
    async () => JSON.stringify(await waiting()) === `[["/admin/deletions/${topicId}",[3]]]`,
  );
  expect(brokers[2].last?.tombstones).toEqual([{ topicId, controllerEpoch: 1, topic: 'orders' }]);
  expect(brokers[2].assigned).toEqual([]);
  brokers[2].confirms = true;
  await until(async () => (await waiting()).length === 0);
});

test('a topic that is created again is another one, and the tombstone of the first stays', async () => {
  const { client, brokers } = await start();
  const first = await client.createTopic(topicRequest('orders'));
  await brokers[1].stop();
  await untilBrokers(client, 2);
  await client.deleteTopic('orders', false);
  const second = await client.createTopic(topicRequest('orders', { replicationFactor: 2 }));
  expect(second.topicId).not.toBe(first.topicId);
  await brokers[1].start({ incarnation: 2 });
  const told = () => brokers[1].received.flatMap(({ tombstones }) => tombstones);
  await until(() => told().some(({ topicId }) => topicId === first.topicId));
  await until(async () => (await pathsBelow(client, '/admin/deletions')).length === 1);
  expect(await findTopic(client, 'orders')).toEqual(second);
});

test('a leader counts only in its generation and with a larger epoch (rule 2)', async () => {
  const { client } = await start();
  const { topicId } = await client.createTopic(topicRequest('orders'));
  const report = async (given: object) => {
    const claim = { topicId, partition: 0, generation: 1, epoch: 5, broker: 2, incarnation: 1 };
    const [{ info }] = await client.reportLeaders([{ ...claim, ...given }]);
    return { leader: info.leader, epoch: info.epoch };
  };
  expect(await report({})).toEqual({ leader: 2, epoch: 5 });
  expect(await report({ epoch: 5, broker: 1 })).toEqual({ leader: 2, epoch: 5 });
  expect(await report({ epoch: 4, broker: 1 })).toEqual({ leader: 2, epoch: 5 });
  expect(await report({ epoch: 9, generation: 2, broker: 1 })).toEqual({ leader: 2, epoch: 5 });
  expect(await report({ epoch: 9, generation: 0, broker: 1 })).toEqual({ leader: 2, epoch: 5 });
  expect(await report({ epoch: 9, broker: 77 })).toEqual({ leader: 2, epoch: 5 });
  expect(await report({ epoch: 6, broker: 3 })).toEqual({ leader: 3, epoch: 6 });
  const nobody = {
    topicId: 'f'.repeat(32),
    partition: 0,
    generation: 1,
    epoch: 1,
    broker: 1,
    incarnation: 1,
  };
  expect(await client.reportLeaders([nobody])).toEqual([]);
  const [other] = (await findTopic(client, 'orders'))?.partitions.slice(1) ?? [];
  expect(other.leader).toBe(-1);
});

test('a report of a leader keeps the other fields of the partition (rule 35)', async () => {
  const { client } = await start();
  const { topicId } = await client.createTopic(topicRequest('orders'));
  const record = async () =>
    JSON.parse((await dump(client, '/topics/orders/partitions/0'))[0].json);
  const before = await record();
  await client.reportLeaders([
    { topicId, partition: 0, generation: 1, epoch: 3, broker: 1, incarnation: 4 },
  ]);
  const after = await record();
  expect(after).toEqual({ ...before, leader: { broker: 1, incarnation: 4 }, epoch: 3 });
  expect(before.voters).toEqual(
    before.replicas.map((replica: { replicaId: string }) => replica.replicaId),
  );
});

test('producer ids are given out once', async () => {
  const { client } = await start(1);
  const blocks = await Promise.all([1, 2, 3].map((broker) => client.allocateProducerIds(broker)));
  expect(blocks.map(({ first, count }) => [first, count])).toEqual([
    [0, 1000],
    [1000, 1000],
    [2000, 1000],
  ]);
});

test('a broker that did not hear is told again, and again after its restart', async () => {
  const { client, brokers } = await start();
  brokers[0].deaf = true;
  await client.createTopic(topicRequest('orders'));
  await until(() => brokers[1].assigned.length === 2);
  expect(brokers[0].assigned).toEqual([]);
  brokers[0].deaf = false;
  await until(() => brokers[0].assigned.length === 2);
  await brokers[0].stop();
  await untilBrokers(client, 2);
  brokers[0].received.length = 0;
  await brokers[0].start({ incarnation: 2 });
  await until(() => brokers[0].assigned.length === 2);
});

test('a broker that asks gets what it is told without asking', async () => {
  const { client, brokers } = await start();
  await client.createTopic(topicRequest('orders'));
  await until(() => brokers[0].assigned.length === 2);
  const asked = await client.desiredState({ broker: 1, incarnation: 1 });
  expect(asked).toEqual(brokers[0].last);
  expect(await refusal(client.desiredState({ broker: 1, incarnation: 0 }))).toBe(
    'STALE_INCARNATION',
  );
});

test('versions grow with what a broker must do, not with elections', async () => {
  const { client, brokers } = await start();
  const { topicId } = await client.createTopic(topicRequest('orders'));
  await until(() => brokers[0].assigned.length === 2);
  const version = brokers[0].last?.version ?? 0;
  await client.reportLeaders([
    { topicId, partition: 0, generation: 1, epoch: 3, broker: 1, incarnation: 1 },
  ]);
  expect((await client.desiredState({ broker: 1, incarnation: 1 })).version).toBe(version);
  await client.createTopic(topicRequest('more'));
  expect((await client.desiredState({ broker: 1, incarnation: 1 })).version).toBeGreaterThan(
    version,
  );
});

test('a broker that comes back with an empty disk keeps its replicas, as lost ones (rule 6)', async () => {
  const { client, brokers, metrics } = await start();
  const topic = await client.createTopic(topicRequest('orders'));
  await brokers[0].stop();
  await untilBrokers(client, 2);
  await brokers[0].start({ incarnation: 1, directoryId: 'e'.repeat(32) });
  await untilBrokers(client, 3);
  expect(await findTopic(client, 'orders')).toEqual(topic);
  await until(async () => (await metrics.render()).includes('zhumq_zkserver_replicas_lost 2'));
  const [registry] = await dump(client, '/brokers/registry/1');
  expect(JSON.parse(registry.json).last.directoryId).toBe('e'.repeat(32));
});

test('a standby answers reads, and names the active one for changes', async () => {
  const { client, server } = await start();
  const standby = await cluster.startZkServer(2);
  await client.createTopic(topicRequest('orders'));
  await until(async () => (await findTopic(standby.client, 'orders')) !== undefined);
  const { controller, controllerEpoch, zkservers } = await standby.client.metadata({ topics: [] });
  expect({ controller, controllerEpoch }).toEqual({ controller: 1, controllerEpoch: 1 });
  expect(zkservers.map(({ id }) => id).sort()).toEqual([1, 2]);
  const error: unknown = await standby.client
    .createTopic(topicRequest('x'))
    .catch((e: unknown) => e);
  expect(isError(error, 'NOT_CONTROLLER') && error.context).toMatchObject({
    ...{ id: '1', host: server.address.host, port: String(server.address.port) },
  });
});

test('the store is shown decoded, and a path that is missing is named', async () => {
  const { client } = await start();
  const [controller] = await dump(client, '/controller');
  expect(controller).toMatchObject({ path: '/controller', ephemeral: true });
  expect(JSON.parse(controller.json)).toMatchObject({ id: 1, controllerEpoch: 1 });
  expect(await pathsBelow(client, '/')).toContain('/brokers/ids/3');
  expect(await refusal(client.dumpStore('/nothing'))).toBe('NOT_FOUND');
  expect(await refusal(client.dumpStore('topics'))).toBe('INVALID_REQUEST');
});

test('10,000 partitions are created, announced and deleted', async () => {
  const { client, brokers } = await start();
  const request = topicRequest('large', { partitions: 10_000 });
  await client.createTopic(request, { timeoutMs: 60_000 });
  await until(() => brokers.every((broker) => broker.assigned.length === 10_000), 20_000);
  await client.deleteTopic('large', false, { timeoutMs: 60_000 });
  await until(async () => (await pathsBelow(client, '/admin/deletions')).length === 1, 20_000);
  expect(await pathsBelow(client, '/topics')).toEqual(['/topics']);
});
