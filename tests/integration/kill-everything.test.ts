// Every process is killed in turn, then all at once, while producers and consumers work; a checker without knowledge of
// the inside judges what they saw, and the files of the replicas are compared byte by byte.
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { expectEqualReplicas, makeLeader, untilCaughtUp } from './support/cluster-checks.js';
import { ClusterProcesses } from './support/cluster-processes.js';
import { report } from './support/report.js';
import { anomaliesOf } from './support/run-history.js';
import { Workload } from './support/workload.js';

const TOPIC = 'orders';
const PARTITIONS = 3;

let cluster: ClusterProcesses;
let client: Client;
let workload: Workload;
let decisions = 0;

jest.setTimeout(240_000);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({
    ...{ brokers: 3, zkservers: 2, zookeepers: 3 },
    // Half of the default: what a killed zkserver held is free sooner.
    zkserverFlags: ['--session-timeout', '3s'],
    brokerFlags: ['--session-timeout', '3s'],
  });
  client = await connect(cluster.bootstrap);
  const { ready } = await client
    .admin()
    .createTopic({ topic: TOPIC, partitions: PARTITIONS, replicas: 3 });
  expect(ready).toBe(true);
  workload = new Workload({
    client,
    topic: TOPIC,
    partitions: PARTITIONS,
    producers: 10,
    consumers: 10,
  });
  workload.start();
  await workload.progress();
});

afterAll(async () => {
  workload?.stop();
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

async function resume(after: string): Promise<void> {
  report(`all producers go on ${await workload.progress()} ms after ${after}`);
}

/** Something that only an active zkserver can do, on a metadata store that works. */
async function decideSomething(): Promise<void> {
  const topic = `side-${decisions++}`;
  await client.admin().createTopic({ topic, partitions: 1, replicas: 3 }, { timeout: 60_000 });
}

test.each([1, 2, 3])(
  'broker %d is killed while it leads, and catches up after its return',
  async (id) => {
    await makeLeader(client, TOPIC, id - 1, id);
    const victim = cluster.broker(id);
    await victim.kill();
    await resume(`the kill of broker ${id}, the leader of partition ${id - 1}`);
    await victim.start();
    report(`broker ${id} is back (pid ${victim.pid})`);
    await untilCaughtUp(client, TOPIC, id);
    await resume('its return');
  },
);

test.each([1, 2])('zkserver %d is killed: producing goes on, the other one decides', async (id) => {
  const victim = cluster.zkserver(id);
  await victim.kill();
  await resume(`the kill of zkserver ${id}`);
  await decideSomething();
  await victim.start();
  report(`zkserver ${id} is back (pid ${victim.pid})`);
});

test.each([1, 2, 3])(
  'ZooKeeper server %d is killed: producing and deciding go on',
  async (number) => {
    await cluster.zookeeper.kill(number);
    await resume(`the kill of ZooKeeper server ${number}`);
    await decideSomething();
    await cluster.zookeeper.startOne(number);
  },
);

test('everything is killed at once and all goes on', async () => {
  await Promise.all([
    ...cluster.servers.map((server) => server.kill()),
    cluster.zookeeper.killAll(),
  ]);
  await cluster.zookeeper.startAll();
  await cluster.startServers();
  await resume('the restart of everything');
});

test('every acknowledged message is there once, in order, at its offset; the replicas are equal', async () => {
  const history = await workload.finish();
  report(history.tally());
  expect(anomaliesOf(history.events)).toEqual([]);
  expect(history.ended('ok')).toBeGreaterThan(1_000);
  await expectEqualReplicas(cluster, client, TOPIC);
});
