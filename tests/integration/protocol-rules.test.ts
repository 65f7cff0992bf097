// Executions of docs/protocol rules that need a cluster and somebody who stands in the middle: brokers of this process on
// a metadata store that is recorded, and calls past the client library.
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import type { MetadataStore, StoreOperation } from '@zhumq/metadata';
import { encodeBatch, readBatchHeader } from '@zhumq/model';
import type { PartitionPullResult } from '@zhumq/rpc';
import { leaderOf, untilLevel } from './support/cluster-checks.js';
import { directBroker, produceOne, refusalOf } from './support/direct-rpc.js';
import type { DirectBroker } from './support/direct-rpc.js';
import { LocalCluster } from './support/local-cluster.js';
import { until } from './support/until.js';

const BROKERS = [1, 2, 3];
/** Paths that brokers wrote to in the metadata store. */
const written: string[] = [];

let cluster: LocalCluster;
let client: Client;
let direct: Map<number, DirectBroker>;

jest.setTimeout(120_000);

beforeAll(async () => {
  cluster = await LocalCluster.start({
    brokers: BROKERS.length,
    // A leader that hears nobody stays leader for five seconds, long enough to ask it again.
    brokerFlags: { 'raft.election.ticks': '100' },
    store: (_broker, store) => recorded(store),
  });
  client = await connect(cluster.bootstrap);
  direct = new Map(BROKERS.map((id) => [id, directBroker(cluster.port(id))]));
});

afterAll(async () => {
  for (const { channel } of direct?.values() ?? []) channel.close();
  await client?.close({ timeout: 1_000 });
  await cluster?.stop();
});

/** Notes every write that goes through the store. */
function recorded(store: MetadataStore): MetadataStore {
  const single = ['create', 'set', 'delete'];
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...values: unknown[]): unknown => {
        if (single.includes(String(name))) written.push(String(values[0]));
        if (name === 'multi')
          for (const { path } of values[0] as StoreOperation[]) written.push(path);
        return (value as (...all: unknown[]) => unknown).apply(target, values);
      };
    },
  });
}

async function create(topic: string): Promise<DirectBroker> {
  await client.admin().createTopic({ topic, partitions: 1, replicas: 3 });
  return brokerOf(await leaderOf(client, topic));
}

function brokerOf(id: number): DirectBroker {
  return direct.get(id) as DirectBroker;
}

const record = (value: string) => ({ timestamp: 0, key: null, value: Buffer.from(value) });

async function pull(
  { client: broker }: DirectBroker,
  topic: string,
  offset: number,
  lastEpoch = -1,
  topicId?: string,
): Promise<PartitionPullResult> {
  const position = { topic, topicId, partition: 0, offset, maxBytes: 100_000, lastEpoch };
  const request = { partitions: [position], maxWaitMs: 5_000, minBytes: 1, maxBytes: 100_000 };
  return (await broker.pull(request)).partitions[0];
}

test('the high watermark is exclusive, and a start inside a batch gives the whole batch (rule 27)', async () => {
  const topic = 'rule-27';
  const leader = await create(topic);
  const batch = encodeBatch([record('a'), record('b'), record('c')]);
  const { baseOffset } = await produceOne(leader.client, topic, batch);
  const answer = await pull(leader, topic, baseOffset + 1);
  expect(answer.highWatermark).toBe(baseOffset + 3);
  expect(readBatchHeader(answer.batches as Buffer)).toMatchObject({
    baseOffset,
    lastOffset: baseOffset + 2,
  });
  const consumer = client.consumer({ topic, from: baseOffset + 1 });
  const values = (await consumer.fetch()).map(({ offset, value }) => [offset, String(value)]);
  await consumer.close();
  expect(values).toEqual([
    [baseOffset + 1, 'b'],
    [baseOffset + 2, 'c'],
  ]);
  const [details] = await untilLevel(client, topic);
  expect(details.replicaDetails.map(({ logEnd }) => logEnd)).toEqual(
    BROKERS.map(() => baseOffset + 3),
  );
});

test('a position of another epoch is answered TRUNCATED with where the logs agree (rule 29)', async () => {
  const topic = 'rule-29';
  const leader = await create(topic);
  const { baseOffset } = await produceOne(leader.client, topic, encodeBatch([record('a')]));
  const own = readBatchHeader((await pull(leader, topic, baseOffset)).batches as Buffer).epoch;
  const { failure } = await pull(leader, topic, baseOffset + 1, own + 5);
  expect(failure?.message).toMatch(/another record/);
  expect(failure?.context).toMatchObject({ lastEpoch: String(own + 5), epoch: String(own) });
});

test('a position of a topic that was deleted and created again is refused, whatever its name means now (rule 23)', async () => {
  const topic = 'rule-23';
  const leader = await create(topic);
  const { baseOffset } = await produceOne(leader.client, topic, encodeBatch([record('a')]));
  const [{ topicId }] = await client.admin().describeTopics([topic]);
  const own = await pull(leader, topic, baseOffset, -1, topicId);
  expect(own.failure).toBeUndefined();
  const { failure, batches } = await pull(leader, topic, baseOffset, -1, '8'.repeat(32));
  expect(failure).toMatchObject({ name: 'UNKNOWN_PARTITION', retriable: true });
  expect(batches).toHaveLength(0);
});

test('brokers write nothing to the metadata store but their own presence (rule 33)', () => {
  expect(written.length).toBeGreaterThanOrEqual(BROKERS.length);
  const own = new RegExp(`^/brokers/ids/(${BROKERS.join('|')})$`);
  expect(written.filter((path) => !own.test(path))).toEqual([]);
});

test('a broker refuses orders of an older controller, and of another cluster (rules 2 and 33)', async () => {
  const { client: broker } = brokerOf(1);
  const state = {
    ...{ controllerEpoch: 0, version: 99, clusterId: client.clusterId },
    ...{ partitions: [], tombstones: [], brokers: [] },
  };
  await expect(broker.reconcile(state)).rejects.toMatchObject({ code: 'STALE_CONTROLLER' });
  const foreign = { ...state, controllerEpoch: 1_000, clusterId: 'f'.repeat(32) };
  await expect(broker.reconcile(foreign)).rejects.toMatchObject({ code: 'WRONG_CLUSTER' });
  const [partition] = await client.admin().describePartitions('rule-27');
  expect(partition.replicaDetails.map(({ role }) => role)).not.toContain('offline');
});

test('a duplicate is acknowledged when its first offset is, not before (rule 15)', async () => {
  const topic = 'rule-15';
  await create(topic);
  const leaderId = await leaderOf(client, topic);
  const { client: leader } = brokerOf(leaderId);
  const { producerId, producerEpoch } = await leader.initProducer();
  const batch = (): Buffer =>
    encodeBatch([record('once')], { producerId, producerEpoch, baseSequence: 0 });
  await untilLevel(client, topic);

  // Alone, the leader has the batch on its disk and nobody else does.
  const others = BROKERS.filter((id) => id !== leaderId);
  for (const id of others) await cluster.stopBroker(id);
  const first = await produceOne(leader, topic, batch(), { timeoutMs: 500 });
  expect(refusalOf(first)).not.toBeUndefined();
  const again = await produceOne(leader, topic, batch(), { timeoutMs: 500 });
  expect(refusalOf(again)).not.toBeUndefined();
  const [status] = await leader.describeReplicas(topic, 0);
  const offset = status.logEnd - 1;
  expect(status.highWatermark).toBeLessThanOrEqual(offset);

  for (const id of others) {
    await cluster.startBroker(id);
    direct.get(id)?.channel.close();
    direct.set(id, directBroker(cluster.port(id)));
  }
  const result = await until('the batch is acknowledged', async () => {
    const id = await leaderOf(client, topic);
    const answer = await produceOne(brokerOf(id).client, topic, batch(), { timeoutMs: 1_000 });
    return refusalOf(answer) === undefined ? answer : undefined;
  });
  expect(result).toMatchObject({ duplicate: true, baseOffset: offset });
  const consumer = client.consumer({ topic, from: 'earliest' });
  const values = (await consumer.fetch()).map(({ value }) => String(value));
  await consumer.close();
  expect(values).toEqual(['once']);
});
