import { zhumqError } from '@zhumq/model';
import type { Admin } from '../index.js';
import { FakeCluster, failureFrom } from '../testing/fake-cluster.fixture.js';
import { numbers, store } from '../testing/group-world.fixture.js';

describe('groups, for an administrator', () => {
  let cluster: FakeCluster;
  let admin: Admin;
  beforeEach(async () => {
    cluster = await FakeCluster.start(3);
    const groups = cluster.addTopic('__groups', 2);
    // Partition 0, of the group, is served by broker 1, the other one by broker 2.
    groups.partitions.forEach((partition, index) => (partition.leader = index + 1));
    cluster.groups.served = ({ id }) => (id <= 2 ? [id - 1] : []);
    cluster.addTopic('t', 2);
    admin = (await cluster.connect()).admin();
  });
  afterEach(() => cluster.close());

  function commit(partition: number, offset: number, topic = 't'): void {
    const position = { topic, partition, offset, lastEpoch: 1, metadata: '', committedAt: 5 };
    cluster.groups.positions.set(`${topic}-${partition}`, position);
  }

  test('are listed with what may be missing', async () => {
    commit(0, 3);
    expect(await admin.listGroups()).toEqual({
      groups: [{ group: 'g', state: 'empty', members: 0, topics: ['t'], coordinator: 1 }],
      problems: [],
    });
    cluster.groups.served = ({ id }) => (id === 1 ? [0] : []);
    const unserved = await admin.listGroups({ timeout: 200 });
    expect(unserved.groups).toHaveLength(1);
    expect(unserved.problems).toEqual([expect.stringMatching(/__groups-1 .* broker 2 does not/)]);
    cluster.partition('__groups', 1).leader = -1;
    const { problems } = await admin.listGroups({ timeout: 200 });
    expect(problems).toEqual([
      expect.stringMatching(/__groups-1 may be missing: it has no leader/),
    ]);
  });

  test('are asked for again where a broker did not serve yet', async () => {
    commit(0, 3);
    let asked = 0;
    cluster.groups.served = ({ id }) => (id === 1 && ++asked === 1 ? [] : [id - 1]);
    const { groups, problems } = await admin.listGroups();
    expect([groups.length, problems]).toEqual([1, []]);
    expect(asked).toBe(2);
  });

  test('have lags, partition by partition', async () => {
    store(cluster, numbers(5), 0);
    store(cluster, numbers(2), 1);
    commit(0, 3);
    commit(0, 9, 'deleted');
    const [first] = (await admin.groupLag('g')).partitions;
    expect(first).toMatchObject({
      ...{ topic: 't', partition: 0, committed: 3, logStart: 0, highWatermark: 5 },
      ...{ messages: 2, member: '', problem: '' },
    });
    const consumer = (await cluster.connect()).consumer({ topic: 't', group: 'g' });
    await consumer.ready();
    const lag = await admin.groupLag('g');
    expect(lag).toMatchObject({ group: 'g', messages: 4 });
    expect(lag.partitions.map(({ committed, member }) => [committed, member])).toEqual([
      [3, 'm1'],
      [-1, 'm1'],
    ]);
    // Of 1970, as the records say.
    expect(lag.seconds).toBeGreaterThan(1e9);
    expect((await failureFrom(admin.groupLag('x'))).code).toBe('UNKNOWN_GROUP');
    await consumer.close();
  });

  test('have lags of the partitions that answer; the others say why they do not', async () => {
    store(cluster, numbers(5), 0);
    commit(0, 3);
    commit(1, 0);
    cluster.partition('t', 1).leader = -1;
    const lag = await admin.groupLag('g', { timeout: 300 });
    expect(lag.messages).toBe(2);
    expect(lag.partitions[1]).toMatchObject({ messages: -1, seconds: -1, highWatermark: -1 });
    expect(lag.partitions[1].problem).toMatch(/no leader/);
  });

  test.each([
    ['the log start', 'earliest', [0, 0]],
    ['the high watermark', 'latest', [5, 2]],
    ['an offset', 1, [1, 1]],
    ['a time', new Date(1_000), [0, 0]],
    ['a time after all', new Date(1_001), [5, 2]],
    ['so much back', { by: -2 }, [1, 0]],
    ['more than there is', { by: 99 }, [5, 2]],
    ['nowhere', 'none', [-1, -1]],
  ] as const)('are reset to %s', async (_, to, wanted) => {
    store(cluster, numbers(5), 0);
    store(cluster, numbers(2), 1);
    commit(0, 3);
    commit(1, 1);
    const plan = await admin.resetOffsets({ group: 'g', to, dryRun: true });
    expect(plan.map((one) => one.to)).toEqual(wanted);
    expect(plan.map(({ from }) => from)).toEqual([3, 1]);
    expect(cluster.groups.committed('t-0')).toBe(3);
    expect(await admin.resetOffsets({ group: 'g', to })).toEqual(plan);
    expect([0, 1].map((n) => cluster.groups.committed(`t-${n}`))).toEqual(wanted);
  });

  test('are reset where that can be done; the rest says why it stays', async () => {
    store(cluster, numbers(5), 0);
    commit(0, 3);
    const [first, second] = await admin.resetOffsets({ group: 'g', topic: 't', to: { by: 1 } });
    expect(first).toEqual({ topic: 't', partition: 0, from: 3, to: 4 });
    expect(second.failure?.message).toMatch(/no position in t-1/);
    const [, far] = await admin.resetOffsets({ group: 'g', topic: 't', to: 4 });
    expect(far.failure).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
    expect(far.failure?.message).toMatch(/from 0 to 0/);
    expect([0, 1].map((n) => cluster.groups.committed(`t-${n}`))).toEqual([4, -1]);
  });

  test('are not reset to what makes no sense', async () => {
    const wrong = [
      [{ group: 'g', to: -1 }, 'INVALID_OPTION'],
      [{ group: 'g', to: 'first' as 'earliest' }, 'INVALID_OPTION'],
      [{ group: 'g', to: new Date(NaN) }, 'INVALID_OPTION'],
      [{ group: 'g', to: 'earliest', partitions: [0] }, 'INVALID_OPTION'],
      [{ group: 'g', to: 'earliest' }, 'UNKNOWN_GROUP'],
      [{ group: 'g', topic: 't', partitions: [2], to: 'earliest' }, 'UNKNOWN_PARTITION'],
    ] as const;
    for (const [reset, code] of wrong) {
      expect((await failureFrom(admin.resetOffsets(reset))).code).toBe(code);
    }
  });

  test('are deleted, and only when they are there and empty', async () => {
    expect((await failureFrom(admin.deleteGroup({ group: 'g' }))).code).toBe('UNKNOWN_GROUP');
    expect(await admin.deleteGroup({ group: 'g', ifExists: true })).toEqual({ deleted: false });
    commit(0, 3);
    expect(await admin.deleteGroup({ group: 'g', dryRun: true })).toEqual({ deleted: false });
    expect((await admin.describeGroup('g')).positions).toMatchObject([{ offset: 3 }]);
    const consumer = (await cluster.connect()).consumer({ topic: 't', group: 'g' });
    await consumer.ready();
    for (const dryRun of [true, false]) {
      const refused = await failureFrom(admin.deleteGroup({ group: 'g', dryRun }));
      expect(refused.code).toBe('GROUP_NOT_EMPTY');
    }
    await consumer.close();
    expect(await admin.deleteGroup({ group: 'g' })).toEqual({ deleted: true });
  });

  test('are found at the next coordinator', async () => {
    commit(0, 3);
    await admin.describeGroup('g');
    cluster.groups.move(2);
    expect((await admin.describeGroup('g')).coordinator).toBe(2);
  });

  test('a member that is refused its positions asks again as the next heartbeat has it', async () => {
    store(cluster, numbers(5), 0);
    commit(0, 3);
    let refusals = 2;
    cluster.groups.on.positions = (_request, next) => {
      if (refusals-- > 0) throw zhumqError('FENCED_MEMBER', 'another epoch');
      return next();
    };
    const consumer = (await cluster.connect()).consumer({ topic: 't', group: 'g' });
    const messages = await consumer.fetch({ max: 2, wait: '5s' });
    expect(messages.map(({ offset }) => offset)).toEqual([3, 4]);
    expect(cluster.groups.heartbeats.length).toBeGreaterThanOrEqual(3);
    await consumer.close();
  });
});
