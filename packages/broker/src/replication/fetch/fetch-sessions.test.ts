// Sessions between followers and leaders over the network of a test: what happens to them when something is wrong.
import { zhumqError } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { FetchedPartition, FetchRequest, FetchResponse } from '@zhumq/rpc';
import { LAG_MS } from '../../testing/test-broker.js';
import { batchOf, produce, readAll, settle, TestCluster } from '../../testing/test-cluster.js';
import { fetchHandler } from '../../api/fetch-handler.js';
import { silentLogger } from '@zhumq/base';

const CLUSTER = 'c'.repeat(32);
const CONTEXT = { signal: new AbortController().signal } as never;

function requestOf(change: Partial<FetchRequest> = {}): FetchRequest {
  return {
    ...{
      clusterId: CLUSTER,
      fromBroker: 9,
      incarnation: 5,
      toBroker: 1,
      sessionId: 0,
      sequence: 1,
    },
    ...{ positions: [], forgotten: [], maxWaitMs: 0, maxBytes: 1000 },
    ...change,
  };
}

async function served() {
  const cluster = await TestCluster.fetching();
  const [leader] = cluster.brokers;
  const sessions = leader.fetch.waitingFollowers;
  const parts = { brokerId: 1, clusterId: () => CLUSTER, sessions, logger: silentLogger };
  const handler = fetchHandler(parts);
  const fetch = async (change: Partial<FetchRequest>): Promise<FetchResponse> => {
    const answer = Promise.resolve(handler.fetch(requestOf(change), CONTEXT));
    answer.catch(() => undefined);
    await settle();
    cluster.clock.advance(1);
    return (await answer) as FetchResponse;
  };
  return { cluster, leader, fetch, handler };
}

test('requests of another cluster, for another broker or of an earlier life are refused', async () => {
  const { fetch } = await served();
  await expect(fetch({ clusterId: 'other' })).rejects.toMatchObject({ code: 'WRONG_CLUSTER' });
  await expect(fetch({ toBroker: 2 })).rejects.toMatchObject({ code: 'WRONG_CLUSTER' });
  await fetch({});
  await expect(fetch({ incarnation: 4 })).rejects.toMatchObject({ code: 'STALE_INCARNATION' });
});

test('a session goes on with its next request only', async () => {
  const { fetch } = await served();
  const { sessionId } = await fetch({});
  expect(Number.isSafeInteger(sessionId)).toBe(true);
  await fetch({ sessionId, sequence: 2 });
  for (const change of [
    { sessionId, sequence: 2 },
    { sessionId, sequence: 4 },
    { sessionId: sessionId + 1, sequence: 3 },
    { sessionId, sequence: 3, incarnation: 6 },
    { sessionId, sequence: 3, fromBroker: 8 },
  ])
    await expect(fetch(change)).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  await fetch({ sessionId, sequence: 3 });
});

test('a request with too many positions is refused', async () => {
  const { fetch } = await served();
  const forgotten = new Array<string>(20_000).fill('x:0');
  await expect(fetch({ forgotten })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
});

test('a session holds no more partitions than it may, also when they come in reports', async () => {
  const { leader, fetch, handler } = await served();
  const { sessionId } = await fetch({});
  const envelope = { clusterId: CLUSTER, fromBroker: 9, incarnation: 5, toBroker: 1 };
  const position = (partition: number) => ({
    ...{ topicId: '5'.repeat(32), partition, generation: 1, replicaId: '9'.repeat(32) },
    ...{ epoch: 1, offset: 0, lastEpoch: 0, durableEnd: 0, syncedEnd: 0, tainted: false },
  });
  for (let from = 0; from <= 100_000; from += 10_000) {
    const positions = Array.from({ length: 10_000 }, (_, at) => position(from + at));
    void handler.reportPositions({ ...envelope, positions }, CONTEXT);
  }
  await expect(fetch({ sessionId, sequence: 2 })).rejects.toMatchObject({
    code: 'SESSION_UNKNOWN',
  });
  expect(leader.fetch.waitingFollowers.size).toBe(2);
});

test('positions of replicas that the sender does not hold are dropped', async () => {
  const { cluster, leader, fetch } = await served();
  const before = leader.fetchReplicator().followers();
  const { topicId } = cluster.topic;
  const position = {
    ...{ topicId, partition: 0, generation: 1, replicaId: cluster.replicaId(2), epoch: 1 },
    ...{ offset: 1, lastEpoch: 1, durableEnd: 1, syncedEnd: 1, tainted: true },
  };
  const { partitions } = await fetch({ positions: [position] });
  expect(partitions).toEqual([]);
  expect(leader.fetchReplicator().followers()).toEqual(before);
});

test('a session that nobody uses is forgotten, and its owner begins another', async () => {
  const { cluster, leader, fetch } = await served();
  const { sessionId } = await fetch({});
  expect(leader.fetch.waitingFollowers.size).toBe(3);
  await cluster.pass(75_000);
  expect(leader.fetch.waitingFollowers.size).toBe(2);
  await expect(fetch({ sessionId, sequence: 2 })).rejects.toMatchObject({
    code: 'SESSION_UNKNOWN',
  });
});

test('a follower whose session got lost begins another and goes on', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, follower] = cluster.brokers;
  let lost = 0;
  cluster.network.beforeCall = (from, _to, method) => {
    if (from === follower.id && method === 'fetch' && lost++ < 3)
      throw zhumqError('SESSION_UNKNOWN', 'the session is not known');
  };
  await cluster.until(() => lost > 3, 5000);
  const outcome = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => outcome.done, 1000);
  expect(outcome.error).toBeUndefined();
  expect(cluster.zkServer.changes).toEqual([]);
});

test('a damaged answer is dropped whole, and what it should have brought comes with the next session', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, follower] = cluster.brokers;
  let damaged = 0;
  cluster.network.onFetched = (to, _leader, answer) => {
    const [first] = answer.partitions;
    if (to !== follower.id || (first?.batches.length ?? 0) === 0 || damaged++ > 1) return answer;
    first.batches[first.batches.length - 1] ^= 1;
    return answer;
  };
  const outcome = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => outcome.done, LAG_MS);
  expect(damaged).toBeGreaterThan(1);
  expect(follower.fetchReplicator().role).toBe('follower');
  expect(follower.log().logEnd).toBe(leader.log().logEnd);
});

test('an answer with more than was asked for is dropped', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, follower] = cluster.brokers;
  const surplus = Buffer.alloc(2 << 20);
  let oversized = 0;
  cluster.network.onFetched = (to, _leader, answer) => {
    const [first] = answer.partitions;
    if (to !== follower.id || first === undefined || oversized++ > 0) return answer;
    const more = { ...first, partition: 99, batches: surplus } as FetchedPartition;
    return { ...answer, partitions: [first, more] };
  };
  const before = follower.fetchedBytes.value;
  const outcome = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => outcome.done, LAG_MS);
  expect(oversized).toBeGreaterThan(1);
  expect(follower.fetchedBytes.value - before).toBeLessThan(surplus.length);
});

test('a follower asks for what it has got room for, and comes back to its batch in parts', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, , follower] = cluster.brokers;
  follower.kill();
  follower.fetchSettings = { ...follower.fetchSettings, 'fetch.max.bytes': 1 << 16 };
  await cluster.until(() => cluster.zkServer.record.isr.length === 2, LAG_MS * 2);
  for (let at = 0; at < 20; at++) produce(leader.partition(), batchOf('x'.repeat(20_000)), 1);
  produce(leader.partition(), batchOf('y'.repeat(200_000)), 1);
  let largest = 0;
  cluster.network.onFetched = (to, _leader, answer) => {
    const bytes = answer.partitions.reduce((sum, { batches }) => sum + batches.length, 0);
    if (to === follower.id) largest = Math.max(largest, bytes);
    return answer;
  };
  await cluster.restart(follower.id);
  await cluster.until(() => cluster.zkServer.record.isr.length === 3, 5000);
  // One batch is larger than what fits, and comes alone.
  expect(largest).toBeLessThan(201_000);
  expect((await readAll(follower.partition())).equals(await readAll(leader.partition()))).toBe(
    true,
  );
});

test('followers that hear of a partition before its leader does follow it as soon as it leads', async () => {
  const cluster = await TestCluster.start(3, { mode: ReplicationMode.FETCH });
  const [leader] = cluster.brokers;
  leader.cutFromZkServer = true;
  // A life in which the leader knows nothing of the partition yet.
  leader.wipe();
  await leader.start();
  await cluster.zkServer.elect(1, { isr: [1, 2, 3] });
  await cluster.pass(2_000);
  leader.cutFromZkServer = false;
  cluster.adoptDirectory(leader);
  await cluster.tellAll();
  await cluster.leader();
  const outcome = produce(leader.partition(), batchOf('a'));
  await cluster.until(() => outcome.done, 1000);
  expect(outcome.error).toBeUndefined();
});

test('a partition that can not be read delays none of the others', async () => {
  const cluster = await TestCluster.fetching();
  const [leader, follower] = cluster.brokers;
  const log = leader.log();
  const { read } = log;
  log.read = () => {
    throw zhumqError('REPLICA_FAILED', 'the disk does not answer');
  };
  const outcome = produce(leader.partition(), batchOf('a'), 1);
  await cluster.pass(500);
  expect(outcome.error).toBeUndefined();
  expect(follower.log().logEnd).toBeLessThan(log.logEnd);
  log.read = read;
  await cluster.until(() => follower.log().logEnd === log.logEnd, 2000);
});
