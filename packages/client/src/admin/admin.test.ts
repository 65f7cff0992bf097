import { zhumqError } from '@zhumq/model';
import { createRpcServer, ReplicationMode, zkServerService } from '@zhumq/rpc';
import type { BrokerInfo, PartitionInfo } from '@zhumq/rpc';
import type { Admin, Client } from '../index.js';
import { FakeCluster, failureFrom } from '../testing/fake-cluster.fixture.js';
import { healthOf } from './health.js';

describe('an admin', () => {
  let cluster: FakeCluster;
  let mq: Client;
  let admin: Admin;
  beforeEach(async () => {
    cluster = await FakeCluster.start(3);
    mq = await cluster.connect();
    admin = mq.admin();
  });
  afterEach(() => cluster.close());

  test('creates, lists, describes, alters and deletes topics', async () => {
    const created = await admin.createTopic({ topic: 'a', partitions: 2, config: { flush: 'os' } });
    expect(created).toMatchObject({ created: true, ready: true, topic: { topic: 'a' } });
    cluster.addTopic('__internal');
    expect(await admin.listTopics()).toEqual(['a']);
    expect(await admin.listTopics({ internal: true })).toEqual(['__internal', 'a']);
    const [described] = await admin.describeTopics(['a']);
    expect(described.config).toEqual({ flush: 'os' });
    expect(described.partitions.map(({ leader, mode }) => [leader, mode])).toEqual([
      [1, 'raft'],
      [2, 'raft'],
    ]);
    const altered = await admin.alterTopic({
      topic: 'a',
      config: { 'retention.ms': '1h', flush: null },
    });
    expect(altered.config).toEqual({ flush: '', 'retention.ms': '1h' });
    expect(await admin.deleteTopic({ topic: 'a' })).toEqual({ deleted: true });
    expect(await admin.deleteTopic({ topic: 'a', ifExists: true })).toEqual({ deleted: false });
    expect((await failureFrom(admin.deleteTopic({ topic: 'a' }))).code).toBe('UNKNOWN_TOPIC');
    expect((await failureFrom(admin.describeTopics(['a']))).code).toBe('UNKNOWN_TOPIC');
  });

  test('sees what it has changed itself, also while other servers have not heard of it', async () => {
    cluster.on.metadata = async (_broker, _request, next) => ({ ...(await next()), topics: [] });
    expect((await admin.createTopic({ topic: 'a' })).ready).toBe(true);
    for (let at = 0; at < 5; at++) {
      expect(await admin.describeTopics(['a'])).toHaveLength(1);
      expect(await admin.describePartitions('a')).toHaveLength(1);
    }
  });

  test('asks the others when the active zkserver, where it has changed something, has lost the metadata store', async () => {
    await admin.createTopic({ topic: 'a' });
    cluster.stored = { ...cluster.metadata(undefined), controller: -1, controllerEpoch: 0 };
    for (let at = 0; at < 5; at++)
      expect(await admin.describePartitions('a', { timeout: 3000 })).toHaveLength(1);
  });

  test('a topic that exists is an error unless it may', async () => {
    await admin.createTopic({ topic: 'a' });
    expect((await failureFrom(admin.createTopic({ topic: 'a' }))).code).toBe('TOPIC_EXISTS');
    const again = await admin.createTopic({ topic: 'a', ifNotExists: true });
    expect(again).toMatchObject({ created: false, ready: true });
    expect((await failureFrom(admin.createTopic({ topic: 'no good' }))).code).toBe('INVALID_TOPIC');
  });

  test('waits until a new topic has leaders, and no longer than it may', async () => {
    let asked = 0;
    const metadata = cluster.metadata.bind(cluster);
    cluster.metadata = (topics) => {
      if (cluster.topics.has('slow') && ++asked === 4) cluster.partition('slow').leader = 2;
      return metadata(topics);
    };
    const create = cluster.addTopic.bind(cluster);
    cluster.addTopic = (name, partitions, config) => {
      const topic = create(name, partitions, config);
      topic.partitions[0].leader = -1;
      return topic;
    };
    const { topic, ready } = await admin.createTopic({ topic: 'slow' });
    expect([ready, topic.partitions[0].leader, asked]).toEqual([true, 2, 4]);
    expect((await admin.createTopic({ topic: 'never', wait: 100 })).ready).toBe(false);
  });

  test('follows a zkserver that is not the active one', async () => {
    const passive = createRpcServer({
      services: [
        zkServerService(
          new Proxy({} as never, {
            get: () => () => {
              const context = { id: 1, host: '127.0.0.1', port: cluster.zkPort };
              throw zhumqError('NOT_CONTROLLER', 'ask the other one', context);
            },
          }),
        ),
      ],
    });
    const { port } = await passive.listen(0, '127.0.0.1');
    cluster.on.metadata = async (_broker, _request, next) => ({
      ...(await next()),
      zkservers: [{ id: 9, host: '127.0.0.1', port }],
      controller: 9,
    });
    const other = (await cluster.connect()).admin();
    expect((await other.createTopic({ topic: 'a' })).created).toBe(true);
    await passive.close(0);
  });

  test('says what it waited for when no zkserver is active', async () => {
    cluster.on.metadata = async (_broker, _request, next) => ({
      ...(await next()),
      controller: -1,
      zkservers: [],
    });
    cluster.controllerEpoch = 2;
    const other = (await cluster.connect()).admin();
    const error = await failureFrom(other.createTopic({ topic: 'a' }, { timeout: 300 }));
    expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'rejected' });
    expect(error.message).toContain('no zkserver is known to be active');
  });

  test('describes partitions as their replicas see them, and those that do not answer', async () => {
    cluster.addTopic('t');
    await mq.producer().send('t', { value: 'x' });
    await cluster.brokers[2].stop();
    const [partition] = await admin.describePartitions('t');
    expect(partition).toMatchObject({ topic: 't', partition: 0, leader: 1, highWatermark: 1 });
    expect(partition.replicaDetails.map(({ broker, role, lag }) => [broker, role, lag])).toEqual([
      [1, 'leader', 0],
      [2, 'follower', 0],
      [3, 'offline', -1],
    ]);
    expect(partition.replicaDetails[2].problem).toContain('not alive');
  });

  test('marks a leader that is dead, or alive and silent', async () => {
    cluster.addTopic('t', 2);
    const [before] = await admin.describeTopics(['t']);
    expect(before.partitions.map((one) => [one.leader, one.leaderAlive])).toEqual([
      [1, true],
      [2, true],
    ]);
    await cluster.brokers[1].stop();
    const dead = { leader: 2, leaderAlive: false };
    const [after] = await admin.describeTopics(['t']);
    expect(after.partitions).toMatchObject([{ leader: 1, leaderAlive: true }, dead]);
    expect(await admin.describePartitions('t')).toMatchObject([{ leaderAlive: true }, dead]);
  });

  test('describes the cluster and its health', async () => {
    cluster.addTopic('t', 3);
    expect(await admin.describeCluster()).toMatchObject({
      clusterId: 'c'.repeat(32),
      controller: 1,
      brokers: [{ id: 1 }, { id: 2 }, { id: 3 }],
    });
    expect(await admin.clusterHealth()).toMatchObject({ ok: true, problems: [] });
    await cluster.brokers[1].stop();
    const health = await admin.clusterHealth();
    expect(health.ok).toBe(false);
    expect(health.partitions).toEqual({ total: 3, withoutLeader: 1, underReplicated: 3 });
    expect(health.problems[0]).toBe('no leader: t-1');
  });

  test('does not take the last voter of a raft partition for its leader', async () => {
    cluster.addTopic('t');
    for (const broker of cluster.brokers.slice(1)) await broker.stop();
    cluster.brokers[0].role = 'candidate';
    const nobody = { leader: -1, leaderAlive: false };
    expect((await admin.clusterHealth()).partitions).toEqual({
      ...{ total: 1, withoutLeader: 1, underReplicated: 1 },
    });
    expect((await admin.describeTopics(['t']))[0].partitions).toMatchObject([nobody]);
    expect(await admin.describePartitions('t')).toMatchObject([nobody]);
  });

  test('asks the replicas who leads: most voters may be registered and nobody lead', async () => {
    cluster.addTopic('t');
    await cluster.brokers[2].stop();
    cluster.brokers[0].role = 'candidate';
    const health = await admin.clusterHealth();
    expect(health.problems[0]).toBe('no leader: t-0');
    expect(await admin.describePartitions('t')).toMatchObject([{ leader: -1, leaderAlive: false }]);
  });

  test('names a broker that is registered and does not answer', async () => {
    cluster.addTopic('t', 2);
    cluster.brokers[1].freeze();
    const health = await admin.clusterHealth();
    cluster.brokers[1].thaw();
    expect(health.partitions.withoutLeader).toBe(1);
    expect(health.problems).toContainEqual(
      expect.stringMatching(/^broker 2 is registered and does not answer: /),
    );
  });

  test('transfers leadership at the leader, wherever that is', async () => {
    cluster.addTopic('t');
    await mq.producer().send('t', { value: 'x' });
    cluster.moveLeader('t', 0, 2);
    await admin.electLeader({ topic: 't', partition: 0, broker: 3 });
    expect(cluster.partition('t').leader).toBe(3);
  });

  test('refuses at once to transfer leadership to a dead broker, or to one without a replica', async () => {
    cluster.addTopic('t');
    await cluster.brokers[2].stop();
    const dead = admin.electLeader({ topic: 't', partition: 0, broker: 3 });
    expect(await failureFrom(dead)).toMatchObject({
      code: 'REPLICA_NOT_READY',
      message: 'broker 3 can not lead partition t-0: it is not alive',
    });
    const none = admin.electLeader({ topic: 't', partition: 0, broker: 9 });
    expect(await failureFrom(none)).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(cluster.partition('t').leader).toBe(1);
  });

  test('lists offsets: first, last, and by time', async () => {
    cluster.addTopic('t', 2);
    const producer = mq.producer();
    await producer.send('t', { value: 'x', partition: 1, timestamp: 1000 });
    await producer.send('t', { value: 'y', partition: 1, timestamp: 2000 });
    const offsets = async (at?: 'earliest' | 'latest' | Date): Promise<number[]> =>
      (await admin.listOffsets({ topic: 't', at })).map(({ offset }) => offset);
    expect(await offsets()).toEqual([0, 2]);
    expect(await offsets('earliest')).toEqual([0, 0]);
    expect(await offsets(new Date(1500))).toEqual([0, 1]);
    const bad = admin.listOffsets({ topic: 't', partitions: [2] });
    expect((await failureFrom(bad)).code).toBe('INVALID_OPTION');
  });

  test('shows the metadata store', async () => {
    expect(await admin.dumpStore('/a')).toEqual([
      { path: '/a', version: 3, ephemeral: false, data: { a: 1 } },
    ]);
  });
});

describe('health', () => {
  const broker = (id: number, alive: boolean): BrokerInfo => ({
    endpoint: { id, host: 'h', port: 1 },
    ...{ rack: '', weight: 1, incarnation: 1, directoryId: '', alive },
  });
  const replicas = { statuses: new Map(), failures: new Map() };
  const partition = (mode: ReplicationMode, isr: string[]): PartitionInfo => ({
    ...{ partition: 0, leader: 1, epoch: 1, mode, generation: 1, isr },
    replicas: [1, 2].map((id) => ({ broker: id, replicaId: `r${id}`, directoryId: '' })),
  });

  test('counts replicas out of sync in mode fetch, dead brokers in mode raft', () => {
    const brokers = [broker(1, true), broker(2, true)];
    const of = (one: PartitionInfo): number =>
      healthOf({ controller: 1, brokers, topics: [{ name: 't', partitions: [one] }], replicas })
        .partitions.underReplicated;
    expect(of(partition(ReplicationMode.FETCH, ['r1']))).toBe(1);
    expect(of(partition(ReplicationMode.FETCH, ['r1', 'r2']))).toBe(0);
    expect(of(partition(ReplicationMode.RAFT, []))).toBe(0);
  });

  test('shows ten partitions of a kind and counts the others', () => {
    const topics = Array.from({ length: 12 }, (_one, n) => ({
      name: `t${n}`,
      partitions: [{ ...partition(ReplicationMode.RAFT, []), leader: -1 }],
    }));
    const { problems } = healthOf({ controller: -1, brokers: [broker(1, true)], topics, replicas });
    expect(problems[0]).toMatch(/^no leader: t0-0, .* and 2 more$/);
    expect(problems[1]).toContain('no zkserver is active');
  });
});
