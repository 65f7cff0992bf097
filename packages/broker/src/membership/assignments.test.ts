// What a broker makes of desired states: new, old, repeated, of topics that were made again.
import { TestCluster, batchOf, produce, readAll, settle } from '../testing/test-cluster.js';
import type { TestBroker } from '../testing/test-broker.js';

const NEW_TOPIC = { topicId: '8'.repeat(32), replicaDigit: 'b', config: {}, generation: 1 };

function quarantined(broker: TestBroker): string[] {
  return broker.fileSystem.files().filter((path) => path.startsWith('/data/quarantine/'));
}

async function withRecord(text: string) {
  const cluster = await TestCluster.start();
  const leader = await cluster.leader();
  const outcome = produce(leader.partition(), batchOf(text));
  await cluster.until(() => outcome.done);
  return { cluster, leader };
}

test('a re-created topic inherits nothing, and a tombstone deletes what its predecessor left (rule 23)', async () => {
  const { cluster, leader } = await withRecord('old');
  const [away] = cluster.others(leader);
  const { topicId } = cluster.topic;
  const old = cluster.replicaId(away.id);
  away.kill();
  cluster.topic = NEW_TOPIC;
  const tombstones = [{ topicId, controllerEpoch: 1, topic: 'orders' }];
  for (const broker of cluster.others(away)) await broker.apply(cluster.state({ tombstones }));
  await away.start();
  await away.assignments.resume();
  const reply = await away.apply(cluster.state({ tombstones }));
  expect(reply).toEqual({ deletedTopicIds: [topicId] });
  expect(away.log()).toMatchObject({ logEnd: 0, identity: { topicId: NEW_TOPIC.topicId } });
  expect(away.store.replica(old)).toBeUndefined();
  expect(away.store.isRetired(old)).toBe(true);
  await away.apply(cluster.state());
  expect(away.store.isRetired(old)).toBe(false);
  expect(quarantined(away)).toEqual([]);
  const next = await cluster.leader();
  const outcome = produce(next.partition(), batchOf('new'));
  await cluster.until(() => outcome.done);
  expect((await readAll(next.partition())).includes('old')).toBe(false);
});

test('a replica that the cluster does not name goes to quarantine, and its id is never used again', async () => {
  const { cluster, leader } = await withRecord('a');
  const replicaId = cluster.replicaId(leader.id);
  await leader.apply(cluster.state({ partitions: [] }));
  expect(leader.registry.size).toBe(0);
  expect(quarantined(leader).some((path) => path.endsWith('.log'))).toBe(true);
  await leader.apply(cluster.state());
  expect(leader.registry.size).toBe(0);
  expect(leader.store.isRetired(replicaId)).toBe(true);
});

test('a deposed zkserver that wakes up changes nothing, also after a restart of the broker (rule 33)', async () => {
  const { cluster, leader } = await withRecord('a');
  await leader.apply(cluster.state({ controllerEpoch: 7 }));
  const stale = { controllerEpoch: 6, partitions: [] };
  await expect(leader.apply(cluster.state(stale))).rejects.toMatchObject({
    code: 'STALE_CONTROLLER',
  });
  leader.kill();
  await leader.start();
  await leader.assignments.resume();
  await expect(leader.apply(cluster.state(stale))).rejects.toMatchObject({
    code: 'STALE_CONTROLLER',
  });
  expect(leader.registry.size).toBe(1);
  expect(quarantined(leader)).toEqual([]);
});

test('an older version of the same zkserver changes nothing, a newer one counts after a restart', async () => {
  const { cluster, leader } = await withRecord('a');
  const old = cluster.state({ partitions: [] });
  await leader.apply(cluster.state());
  await leader.apply(old);
  expect(leader.registry.size).toBe(1);
  leader.kill();
  await leader.start();
  await leader.assignments.resume();
  await leader.apply(cluster.state({ partitions: [] }));
  expect(leader.registry.size).toBe(0);
});

test('a group goes on after a restart although no zkserver answers', async () => {
  const { cluster, leader } = await withRecord('a');
  for (const { id } of cluster.brokers) cluster.broker(id).kill();
  for (const broker of cluster.brokers) {
    await broker.start();
    await broker.assignments.resume();
  }
  const next = await cluster.leader();
  expect((await readAll(next.partition())).includes('a')).toBe(true);
  expect(leader.registry.size).toBe(1);
});

test('a partition that can not be opened is tried again by itself and keeps nobody from starting', async () => {
  const cluster = await TestCluster.start();
  const [broker] = cluster.brokers;
  cluster.topic = NEW_TOPIC;
  broker.fileSystem.fault = ({ kind, path }) =>
    kind === 'makeDirectory' && path.includes('/partitions/')
      ? { kind: 'error', code: 'ENOSPC' }
      : undefined;
  await broker.apply(cluster.state());
  expect(broker.registry.find('orders', 0)?.name.topicId).not.toBe(NEW_TOPIC.topicId);
  broker.fileSystem.fault = undefined;
  await cluster.until(() => broker.registry.size === 1, 10_000);
  expect(broker.partition().name.topicId).toBe(NEW_TOPIC.topicId);
});

test('states that come soon after each other are answered at once, and written as one a little later', async () => {
  const { cluster, leader } = await withRecord('a');
  const syncs: string[] = [];
  leader.fileSystem.fault = ({ kind, path }) => {
    if (kind === 'sync' && path.includes('desired-state')) syncs.push(path);
    return undefined;
  };
  for (let index = 0; index < 3; index++) await leader.apply(cluster.state());
  // Another version alone is nothing to write.
  const last = cluster.state({ brokers: cluster.state().brokers.slice(1) });
  await leader.apply(last);
  expect(leader.assignments.state?.version).toBe(last.version);
  expect(syncs).toEqual([]);
  cluster.clock.advance(200);
  await leader.assignments.saved();
  expect(syncs).toHaveLength(1);
  leader.kill();
  await leader.start();
  await leader.assignments.resume();
  expect(leader.assignments.state?.version).toBe(last.version);
});

test('a new generation is written at once: a broker that dies then opens its partitions without a zkserver', async () => {
  const { cluster, leader } = await withRecord('a');
  await leader.apply(cluster.state());
  cluster.topic = { ...cluster.topic, generation: 2 };
  cluster.record = { leader: leader.id, epoch: 50 };
  await leader.apply(cluster.state());
  await settle();
  leader.kill();
  await leader.start();
  await leader.assignments.resume();
  expect(leader.registry.find('orders', 0)?.name.generation).toBe(2);
});

test('a broker that dies before it has written the newest state goes on with the one before, and is told again', async () => {
  const { cluster, leader } = await withRecord('a');
  const before = cluster.state({ controllerEpoch: 7 });
  await leader.apply(before);
  const { brokers } = before;
  await leader.apply(cluster.state({ controllerEpoch: 7, brokers: brokers.slice(1) }));
  leader.kill();
  cluster.clock.advance(1000);
  await leader.start();
  await leader.assignments.resume();
  expect(leader.assignments.state?.version).toBe(before.version);
  const last = cluster.state({ controllerEpoch: 7 });
  await leader.apply(last);
  expect(leader.assignments.state?.version).toBe(last.version);
});
