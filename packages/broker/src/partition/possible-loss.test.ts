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
async function lossy(lost: number) {
  const config = { 'min.insync.replicas': '1' };
  const cluster = await TestCluster.fetching(3, { config });
  const [leader, , straggler] = cluster.brokers;
  await write(cluster, leader, 'shared');
  await cluster.until(() => straggler.partition().highWatermark === leader.log().logEnd);
  cluster.isolate(straggler);
  await cluster.zkServer.elect(straggler.id, { isr: [straggler.id] });
  await cluster.until(() => straggler.fetchReplicator().established);
  for (let at = 0; at < lost; at++) await write(cluster, straggler, `lost ${at}`);
  expect(straggler.log().highWatermark).toBe(straggler.log().logEnd);
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
