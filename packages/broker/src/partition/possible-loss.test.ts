// What a reported possible loss takes from a log that comes back after it: records that it knew to be committed are not any
// more (rules 16, 18 and 29), also in a generation of mode raft, whose core never compares what it believes committed.
import { ReplicationMode } from '@zhumq/rpc';
import { batchOf, produce, readAll, TestCluster } from '../testing/test-cluster.js';
import type { TestBroker } from '../testing/test-broker.js';

async function write(cluster: TestCluster, broker: TestBroker, text: string): Promise<void> {
  const outcome = produce(broker.partition(), batchOf(text));
  await cluster.until(() => outcome.done);
  expect(outcome.error).toBeUndefined();
}

/** Publishes the next generation in mode raft. */
async function publishRaft(cluster: TestCluster, leader: TestBroker): Promise<void> {
  const { lastEpoch: epoch, logEnd: offset } = leader.log();
  cluster.topic = { ...cluster.topic, generation: 2, mode: ReplicationMode.RAFT };
  const { lossEpoch } = cluster.zkServer.record;
  cluster.record = { leader: leader.id, epoch: epoch + 1, seal: { epoch, offset }, lossEpoch };
  await cluster.tellAll();
}

async function untilSame(cluster: TestCluster, one: TestBroker, other: TestBroker): Promise<void> {
  await cluster.until(() => one.partition().highWatermark === other.log().logEnd);
  expect((await readAll(one.partition())).equals(await readAll(other.partition()))).toBe(true);
}

/** Broker 3 alone committed `lost` records, and is gone; the others begin anew without them. */
async function lossy(lost: number, retention: Readonly<Record<string, string>> = {}, room = '') {
  const config = { 'min.insync.replicas': '1', ...retention };
  const cluster = await TestCluster.fetching(3, { config });
  const [leader, , straggler] = cluster.brokers;
  await write(cluster, leader, 'shared');
  await cluster.until(() => straggler.partition().highWatermark === leader.log().logEnd);
  cluster.isolate(straggler);
  await cluster.zkServer.elect(straggler.id, { isr: [straggler.id] });
  await cluster.until(() => straggler.fetchReplicator().established);
  for (let at = 0; at < lost; at++) await write(cluster, straggler, `lost ${at}${room}`);
  expect(straggler.log().highWatermark).toBe(straggler.log().logEnd);
  if (room !== '') await straggler.log().enforceRetention(0);
  await straggler.stop();
  const lossEpoch = cluster.zkServer.record.epoch + 1;
  await cluster.zkServer.elect(leader.id, { isr: [1, 2], lossEpoch });
  await cluster.leader([straggler.id]);
  for (let at = 0; at < 3; at++) await write(cluster, leader, `new ${at}`);
  cluster.network.heal();
  return { cluster, leader, straggler };
}

test.each([
  ['with less than the others have now', 1],
  ['with more than the others have now', 20],
])(
  'rule 18: a replica that missed a possible loss, %s, gives up what it thought committed in mode raft',
  async (_, lost) => {
    const { cluster, leader, straggler } = await lossy(lost);
    await publishRaft(cluster, leader);
    await cluster.until(() => leader.partition().leads && leader.replicator().established);
    await cluster.restart(straggler.id);
    await write(cluster, leader, 'raft');
    await cluster.until(() => straggler.log().lastEpoch === leader.log().lastEpoch, 10_000);
    expect(straggler.replicator().role).toBe('follower');
    await untilSame(cluster, straggler, leader);
    expect((await readAll(straggler.partition())).includes('lost')).toBe(false);
  },
);

test('rules 16 and 29: a replica whose log begins beyond what the others have kept in a possible loss is filled anew', async () => {
  const retention = { 'segment.bytes': String(1 << 20), 'retention.bytes': String(2 << 20) };
  const { cluster, leader, straggler } = await lossy(60, retention, 'x'.repeat(100_000));
  await publishRaft(cluster, leader);
  await cluster.until(() => leader.partition().leads && leader.replicator().established);
  const counted: boolean[] = [];
  cluster.network.beforeCall = (from, _to, method) => {
    if (method === 'deliver' && from === straggler.id)
      counted.push(straggler.log().logStart > leader.log().logEnd);
  };
  await cluster.restart(straggler.id);
  await write(cluster, leader, 'raft');
  await cluster.until(() => straggler.log().lastEpoch === leader.log().lastEpoch, 10_000);
  expect(straggler.log().logStart).toBe(0);
  await untilSame(cluster, straggler, leader);
  // What it threw away it may have acknowledged: it votes again when the leader has seen it whole.
  await cluster.until(() => straggler.log().hardState?.tainted === false);
  expect((await readAll(straggler.partition())).includes('lost')).toBe(false);
  expect(counted).not.toContain(true);
}, 30_000);
