// Administration of consumer groups through the client, on real processes: list, describe, lag, reset and delete, also
// while a broker is down, and positions of a topic that is created anew under its old name.
import { connect } from '@zhumq/client';
import type { Admin, Client } from '@zhumq/client';
import { ClusterProcesses } from './support/cluster-processes.js';
import { report } from './support/report.js';
import { until } from './support/until.js';

const TOPIC = 'orders';
const GROUP = 'billing';

let cluster: ClusterProcesses;
let client: Client;
let admin: Admin;

jest.setTimeout(180_000);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({
    ...{ brokers: 3, zkservers: 1, zookeepers: 1 },
    zkserverFlags: ['--session-timeout', '3s'],
    brokerFlags: ['--session-timeout', '3s'],
  });
  client = await connect(cluster.bootstrap);
  admin = client.admin();
  await admin.createTopic({ topic: TOPIC, partitions: 2, replicas: 3 });
});

afterAll(async () => {
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

async function send(values: readonly string[], timestamp?: number): Promise<void> {
  const producer = client.producer();
  for (const [index, value] of values.entries()) {
    await producer.send(TOPIC, { partition: index % 2, value, timestamp });
  }
  await producer.close();
}

/** Handles so many messages as a member of the group, and leaves. */
async function consume(group: string, count: number): Promise<string[]> {
  const consumer = client.consumer({ topic: TOPIC, group });
  const values: string[] = [];
  for await (const { value } of consumer) {
    values.push(String(value));
    if (values.length === count) break;
  }
  await consumer.commit();
  await consumer.close();
  return values;
}

function code(expected: string): unknown {
  return expect.objectContaining({ code: expected });
}

test('groups are listed, described, measured, reset and deleted', async () => {
  expect(await admin.listGroups()).toEqual({ groups: [], problems: [] });
  for (const asked of [admin.describeGroup('x'), admin.groupLag('x')]) {
    await expect(asked).rejects.toEqual(code('UNKNOWN_GROUP'));
  }
  const longAgo = Date.now() - 3_600_000;
  await send(['0', '1', '2', '3'], longAgo);
  await send(['4', '5'], longAgo + 60_000);
  expect(await consume(GROUP, 6)).toHaveLength(6);
  await until('the group is empty', async () => {
    return (await admin.describeGroup(GROUP)).state === 'empty';
  });
  const behind = await admin.groupLag(GROUP);
  expect(behind).toMatchObject({ group: GROUP, messages: 0, seconds: 0 });
  expect(behind.partitions.map(({ committed }) => committed)).toEqual(
    behind.partitions.map(({ highWatermark }) => highWatermark),
  );

  // While members read the topic nothing is reset or deleted.
  const member = client.consumer({ topic: TOPIC, group: GROUP });
  const running = member.run(() => undefined);
  const details = await until('a member owns both partitions', async () => {
    const found = await admin.describeGroup(GROUP);
    return found.members[0]?.owned.length === 2 ? found : undefined;
  });
  expect(details.members[0].target).toEqual(details.members[0].owned);
  expect((await admin.groupLag(GROUP)).partitions.map(({ member: owner }) => owner)).toEqual(
    [0, 1].map(() => details.members[0].memberId),
  );
  const busy = { group: GROUP, topic: TOPIC, to: 'earliest' } as const;
  for (const dryRun of [true, false]) {
    const refused = [
      admin.resetOffsets({ ...busy, dryRun }),
      admin.deleteGroup({ group: GROUP, dryRun }),
    ];
    for (const one of refused) await expect(one).rejects.toEqual(code('GROUP_NOT_EMPTY'));
  }
  await member.close();
  await running;

  // By time: the messages of the second send, and only if it is no dry run.
  const byTime = { group: GROUP, to: new Date(longAgo + 30_000) };
  const planned = await admin.resetOffsets({ ...byTime, dryRun: true });
  expect(planned).toHaveLength(2);
  expect((await admin.groupLag(GROUP)).messages).toBe(0);
  expect(await admin.resetOffsets(byTime)).toEqual(planned);
  const lag = await admin.groupLag(GROUP);
  expect(lag.messages).toBe(2);
  expect(lag.seconds).toBeGreaterThan(3_500);
  expect(lag.seconds).toBeLessThan(3_600);
  report(`lag by time: ${lag.messages} messages, ${lag.seconds.toFixed(1)} s`);
  expect((await consume(GROUP, 2)).sort()).toEqual(['4', '5']);
  const back = await admin.resetOffsets({
    group: GROUP,
    topic: TOPIC,
    to: { by: -2 },
    partitions: [1],
  });
  expect(back.map(({ from, to }) => from - to)).toEqual([2]);
  expect(await consume(GROUP, 2)).toEqual(['3', '5']);
  const [wrong] = await admin.resetOffsets({
    group: GROUP,
    topic: TOPIC,
    partitions: [0],
    to: 1e6,
  });
  expect(wrong.failure?.code).toBe('OFFSET_OUT_OF_RANGE');

  // A group that nobody has joined yet is told where to begin.
  await admin.resetOffsets({ group: 'new', topic: TOPIC, to: 'latest' });
  expect((await admin.groupLag('new')).messages).toBe(0);
  expect((await admin.listGroups()).groups.map(({ group }) => group)).toEqual([GROUP, 'new']);
  expect(await admin.deleteGroup({ group: 'new', dryRun: true })).toEqual({ deleted: false });
  expect(await admin.deleteGroup({ group: 'new' })).toEqual({ deleted: true });
  await expect(admin.deleteGroup({ group: 'new' })).rejects.toEqual(code('UNKNOWN_GROUP'));
  expect(await admin.deleteGroup({ group: 'new', ifExists: true })).toEqual({ deleted: false });
  expect((await admin.listGroups()).groups).toMatchObject([
    { group: GROUP, state: 'empty', members: 0, topics: [TOPIC] },
  ]);
});

test('the list is whole again after a broker died, and says so while it is not', async () => {
  const { coordinator } = await admin.describeGroup(GROUP);
  await cluster.broker(coordinator).kill();
  const { problems } = await admin.listGroups({ timeout: 1 });
  const list = await until('the list is complete', async () => {
    const found = await admin.listGroups();
    return found.problems.length === 0 ? found : undefined;
  });
  report(`${problems.length} partitions of __groups were missing at first: ${problems[0] ?? ''}`);
  expect(list.groups.map(({ group }) => group)).toEqual([GROUP]);
  expect(list.groups[0].coordinator).not.toBe(coordinator);
  await cluster.broker(coordinator).start();
});

test('a topic that is created again has nothing of the positions of the old one', async () => {
  await until('every broker is back', async () => (await admin.clusterHealth()).ok);
  expect((await admin.describeGroup(GROUP)).positions).toHaveLength(2);
  await admin.deleteTopic({ topic: TOPIC });
  await until('the topic is gone', async () => !(await admin.listTopics()).includes(TOPIC));
  await admin.createTopic({ topic: TOPIC, partitions: 2, replicas: 3 });
  await send(['new 0', 'new 1']);
  await until('nothing of the old topic is shown under the new name', async () => {
    const { positions } = await admin.describeGroup(GROUP);
    return positions.every(({ topic }) => topic !== TOPIC);
  });
  expect((await admin.groupLag(GROUP)).messages).toBe(0);
  expect((await consume(GROUP, 2)).sort()).toEqual(['new 0', 'new 1']);
});
