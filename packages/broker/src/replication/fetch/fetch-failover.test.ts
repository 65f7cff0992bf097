// Leaders that change, die, come back or do not know that they are deposed, over real logs and the real core.
import { FaultyFileSystem } from '@zhumq/log';
import type { LogListener } from '@zhumq/log';
import { LAG_MS } from '../../testing/test-broker.js';
import type { TestBroker } from '../../testing/test-broker.js';
import { batchOf, produce, readAll, settle, TestCluster } from '../../testing/test-cluster.js';
import { handLeadershipAway } from '../../leader-handover.js';

async function textOf(broker: TestBroker): Promise<string> {
  return (await readAll(broker.partition())).toString('latin1');
}

async function commit(cluster: TestCluster, leader: TestBroker, text: string): Promise<void> {
  const outcome = produce(leader.partition(), batchOf(text));
  await cluster.until(() => outcome.done, 5000);
  expect(outcome.error).toBeUndefined();
}

async function untilSame(cluster: TestCluster, one: TestBroker, other: TestBroker): Promise<void> {
  await cluster.until(() => one.partition().highWatermark === other.log().logEnd, 5000);
  expect((await readAll(one.partition())).equals(await readAll(other.partition()))).toBe(true);
}

test('a deposed leader cuts what only it had, by epochs and not by its high watermark [KIP-101]', async () => {
  const cluster = await TestCluster.fetching();
  const [deposed, leader, other] = cluster.brokers;
  await commit(cluster, deposed, 'kept');
  cluster.isolate(deposed);
  deposed.cutFromZkServer = true;
  const suffix = Array.from({ length: 3 }, (_, at) =>
    produce(deposed.partition(), batchOf(`suffix${at}`), 1),
  );
  const never = produce(deposed.partition(), batchOf('never'));
  await cluster.until(() => suffix.every(({ done }) => done), 1000);
  // Their contract: on the leader's disk. What became of the last is told when it is known.
  for (const { error } of suffix) expect(error).toBeUndefined();
  await cluster.zkServer.elect(leader.id, { isr: [2, 3] });
  await cluster.leader([deposed.id]);
  await commit(cluster, leader, 'new');
  cluster.network.heal();
  deposed.cutFromZkServer = false;
  await cluster.until(() => never.done, 5000);
  expect(never.error).toMatchObject({ code: 'LEADERSHIP_LOST', retriable: true });
  await untilSame(cluster, deposed, leader);
  expect(await textOf(deposed)).toContain('kept');
  expect(await textOf(deposed)).not.toContain('suffix');
  await untilSame(cluster, other, leader);
  await cluster.until(() => cluster.zkServer.record.isr.length === 3, LAG_MS * 2);
});

test('a zombie leader acknowledges nothing to acks -1, whatever it proposes', async () => {
  const cluster = await TestCluster.fetching();
  const [zombie, leader] = cluster.brokers;
  cluster.isolate(zombie);
  // It does not hear of the election, but what it asks for arrives: versions and epochs refuse it.
  const { tellAll } = cluster;
  cluster.tellAll = async () => {
    for (const { id } of cluster.others(zombie)) await cluster.broker(id).apply(cluster.state());
  };
  zombie.cutFromZkServer = true;
  await cluster.zkServer.elect(leader.id);
  await cluster.until(() => leader.partition().leads, 1000);
  const outcome = produce(zombie.partition(), batchOf('zombie'));
  await cluster.pass(LAG_MS);
  zombie.cutFromZkServer = false;
  await cluster.until(() => cluster.zkServer.changes.length > 0 && outcome.done, LAG_MS * 2);
  expect(outcome.error).toMatchObject({ code: 'LEADERSHIP_LOST' });
  expect(cluster.zkServer.record.leader).toBe(leader.id);
  cluster.tellAll = tellAll;
});

test('rule 3: a leader that restarts does not resume its epoch, whatever it is told of it', async () => {
  const cluster = await TestCluster.fetching();
  const [leader] = cluster.brokers;
  await commit(cluster, leader, 'a');
  const end = leader.log().logEnd;
  leader.crash(7);
  await cluster.restart(leader.id);
  await cluster.pass(1000);
  expect(leader.fetchReplicator().role).toBe('offline');
  expect(produce(leader.partition(), batchOf('b'), 1).error).toMatchObject({ code: 'NOT_LEADER' });
  expect(leader.log().logEnd).toBeLessThanOrEqual(end);
  await cluster.zkServer.elect(2);
  const next = await cluster.leader();
  await commit(cluster, next, 'c');
  await untilSame(cluster, leader, next);
});

test('rule 4: a leader whose disk fails resigns, and says so until another epoch is recorded', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, next] = cluster.brokers;
  await commit(cluster, leader, 'a');
  leader.fileSystem.fault = ({ kind, path }) =>
    kind === 'write' && path.includes('/partitions/') ? { kind: 'error', code: 'EIO' } : undefined;
  const failed = produce(leader.partition(), batchOf('b'), 1);
  await cluster.until(() => leader.fetchReplicator().role === 'failed', 2000);
  await cluster.until(() => failed.done, 2000);
  expect(failed.error).toBeDefined();
  await cluster.until(() => cluster.zkServer.resigned.length > 1, 10_000);
  expect(cluster.zkServer.resigned[0]).toMatchObject({ broker: leader.id, epoch: 1 });
  await cluster.zkServer.elect(next.id, { isr: [2, 3] });
  await cluster.leader([leader.id]);
  const said = cluster.zkServer.resigned.length;
  await cluster.pass(10_000);
  expect(cluster.zkServer.resigned.length).toBeLessThanOrEqual(said + 1);
  await commit(cluster, next, 'c');
});

test('a broker that stops takes no more records and resigns', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, next] = cluster.brokers;
  await commit(cluster, leader, 'a');
  const left = handLeadershipAway(leader.registry, cluster.clock, 10_000);
  await cluster.pass(100);
  expect(cluster.zkServer.resigned).toMatchObject([{ broker: leader.id, epoch: 1 }]);
  expect(produce(leader.partition(), batchOf('b')).error).toMatchObject({ code: 'NOT_LEADER' });
  await cluster.zkServer.elect(next.id);
  await cluster.pass(100);
  expect(await left).toBe(0);
});

test('leadership is handed over by the zkserver', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, next] = cluster.brokers;
  leader.partition().replicator.transferLeadership(cluster.replicaId(next.id));
  await cluster.until(() => next.partition().leads && next.fetchReplicator().established, 2000);
  expect(leader.fetchReplicator().role).toBe('follower');
  await commit(cluster, next, 'a');
});

test('rule 13: after a restart a replica neither leads nor fetches until the zkserver has answered', async () => {
  const cluster = await TestCluster.fetching();
  await commit(cluster, cluster.broker(1), 'a');
  for (const broker of cluster.brokers) broker.kill();
  for (const broker of cluster.brokers) {
    await broker.start();
    await broker.assignments.resume();
  }
  await cluster.pass(5000);
  for (const broker of cluster.brokers) {
    expect(broker.registry.size).toBe(1);
    expect(broker.fetchReplicator()).toMatchObject({ role: 'offline', state: undefined });
  }
  await cluster.zkServer.elect(2);
  const leader = await cluster.leader();
  expect(leader.id).toBe(2);
  expect(await textOf(leader)).toContain('a');
});

test('rule 16: a follower that lost power counts for nothing until it has everything on its disk', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, , unclean] = cluster.brokers;
  for (let at = 0; at < 10; at++) await commit(cluster, leader, `r${at}`);
  unclean.crash(3);
  // What it may say is held back, so that it can be looked at.
  cluster.isolate(unclean);
  await cluster.restart(unclean.id);
  expect(unclean.log().hardState).toMatchObject({ tainted: true });
  expect(unclean.log().config.flush).toBe('fsync');
  cluster.network.heal();
  await cluster.until(
    () => cluster.zkServer.changes.some(({ isr }) => isr.length === 2),
    LAG_MS * 2,
  );
  await cluster.until(() => unclean.log().hardState?.tainted === false, LAG_MS * 2);
  await cluster.until(() => cluster.zkServer.record.isr.length === 3, LAG_MS * 2);
  expect(unclean.log().config.flush).toBe('interval');
  expect(unclean.log().syncedEnd).toBeGreaterThanOrEqual(11);
  await untilSame(cluster, unclean, leader);
});

test('rule 16: a replica says that it can be trusted again only when its disk says so', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, , unclean] = cluster.brokers;
  await commit(cluster, leader, 'a');
  unclean.crash(3);
  cluster.isolate(unclean);
  await cluster.restart(unclean.id);
  const log = unclean.log();
  const listener = log.listener as LogListener;
  const held: number[] = [];
  log.listener = {
    onDurable: (end, epoch) => listener.onDurable(end, epoch),
    onFailed: (error) => listener.onFailed(error),
    onHardStateDurable: (sequence) => void held.push(sequence),
  };
  cluster.network.heal();
  await cluster.until(() => log.hardState?.tainted === false, LAG_MS * 2);
  await cluster.pass(500);
  expect(unclean.fetchReplicator().position()).toMatchObject({ tainted: true });
  expect(cluster.zkServer.record.isr).toEqual([1, 2]);
  for (const sequence of held) listener.onHardStateDurable(sequence);
  expect(unclean.fetchReplicator().position()).toMatchObject({ tainted: false });
  await cluster.until(() => cluster.zkServer.record.isr.length === 3, LAG_MS * 2);
});

test('rule 11: a follower in sync that lost its whole log is tainted, too', async () => {
  const cluster = await TestCluster.fetching(3, { config: { flush: 'os' } });
  const [leader, , unclean] = cluster.brokers;
  await commit(cluster, leader, 'a');
  for (let seed = 1; seed < 50 && (seed === 1 || unclean.log().logEnd > 0); seed++) {
    unclean.crash(seed);
    cluster.isolate(unclean);
    await cluster.restart(unclean.id);
    expect(unclean.log().hardState).toMatchObject({ tainted: true });
  }
});

test('a possible loss that was reported takes committed records from those who have them, and readers are told', async () => {
  const cluster = await TestCluster.fetching();
  const [first, second, third] = cluster.brokers;
  await commit(cluster, first, 'a');
  await cluster.pass(600);
  cluster.isolate(third);
  third.kill();
  await cluster.until(() => cluster.zkServer.record.isr.length === 2, LAG_MS * 2);
  await commit(cluster, first, 'lost');
  await cluster.pass(600);
  const { highWatermark } = second.partition();
  first.kill();
  await cluster.restart(third.id);
  cluster.network.heal();
  // The zkserver has given up on the others: what the third one has is the truth from now on.
  await cluster.zkServer.elect(third.id, {
    isr: [3],
    lossEpoch: cluster.zkServer.record.epoch + 1,
  });
  await cluster.until(() => second.log().logEnd === third.log().logEnd, LAG_MS * 2);
  await cluster.until(() => cluster.zkServer.record.isr.length === 2, LAG_MS * 2);
  await commit(cluster, third, 'new');
  await untilSame(cluster, second, third);
  expect(await textOf(second)).not.toContain('lost');
  expect(highWatermark).toBeGreaterThan(2);
  expect(() => third.partition().read(highWatermark, 1000, 1)).toThrow(
    expect.objectContaining({ code: 'TRUNCATED' }),
  );
});

test('a replica on an empty disk can not come back under the old name (rule 6)', async () => {
  const cluster = await TestCluster.fetching();
  const [, , wiped] = cluster.brokers;
  wiped.wipe();
  expect(wiped.fileSystem).toBeInstanceOf(FaultyFileSystem);
  await wiped.start();
  await wiped.apply(cluster.state());
  await settle();
  expect(wiped.registry.size).toBe(0);
});
