// Mode fetch on real processes: every broker is killed, frozen and restarted while it leads; what acks -1 promised is kept
// while one replica in sync lives, and acks 1 loses at most a suffix of the deposed leader.
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import {
  expectEqualReplicas,
  leaderOf,
  makeLeader,
  untilCaughtUp,
  untilInSync,
} from './support/cluster-checks.js';
import { ClusterProcesses } from './support/cluster-processes.js';
import { report } from './support/report.js';
import { RunHistory, anomaliesOf } from './support/run-history.js';
import { until } from './support/until.js';
import { Workload, readAll } from './support/workload.js';

const TOPIC = 'orders';

let cluster: ClusterProcesses;
let client: Client;
let workload: Workload;

jest.setTimeout(240_000);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({
    ...{ brokers: 3, zkservers: 2, zookeepers: 3 },
    zkserverFlags: ['--session-timeout', '3s'],
    brokerFlags: ['--session-timeout', '3s', '--replica-lag-time-max-ms', '2s'],
  });
  client = await connect(cluster.bootstrap);
  await client.admin().createTopic({ topic: TOPIC, partitions: 3, replicas: 3, mode: 'fetch' });
  workload = new Workload({ client, topic: TOPIC, partitions: 3, producers: 6, consumers: 6 });
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

test.each([1, 2, 3])('broker %d leads and gets a SIGKILL', async (id) => {
  await makeLeader(client, TOPIC, id - 1, id);
  await cluster.broker(id).kill();
  await resume(`the SIGKILL of broker ${id}, a leader`);
  await cluster.broker(id).start();
  await untilInSync(client, TOPIC, id);
});

test.each([1, 2, 3])(
  'broker %d leads and is frozen until another one leads: as a zombie it acknowledges nothing',
  async (id) => {
    await makeLeader(client, TOPIC, id - 1, id);
    await cluster.broker(id).kill('SIGSTOP');
    await resume(`the SIGSTOP of broker ${id}, a leader`);
    await cluster.broker(id).kill('SIGCONT');
    await resume('its SIGCONT');
    await untilInSync(client, TOPIC, id);
  },
);

test.each([1, 2, 3])('broker %d leads and is restarted', async (id) => {
  await makeLeader(client, TOPIC, id - 1, id);
  await cluster.broker(id).kill('SIGTERM');
  await resume(`the SIGTERM of broker ${id}, a leader`);
  await cluster.broker(id).start();
  await untilInSync(client, TOPIC, id);
});

test('two of three are killed: nothing more is acknowledged to acks -1 until one is back, and nothing is lost', async () => {
  const leader = await leaderOf(client, TOPIC);
  const others = [1, 2, 3].filter((id) => id !== leader);
  for (const id of others) await cluster.broker(id).kill();
  await until('the last one is alone in sync', async () => {
    const [partition] = await client.admin().describePartitions(TOPIC);
    return partition.inSync.length === 1;
  });
  const before = workload.history.ended('ok');
  await cluster.broker(others[0]).start();
  await resume(`the return of broker ${others[0]}`);
  report(`${workload.history.ended('ok') - before} acknowledged since`);
  await cluster.broker(others[1]).start();
  await untilInSync(client, TOPIC, others[1]);
});

test('every message acknowledged with acks -1 is there once, in order, at its offset', async () => {
  const history = await workload.finish();
  report(history.tally());
  expect(anomaliesOf(history.events)).toEqual([]);
  expect(history.ended('ok')).toBeGreaterThan(500);
  await expectEqualReplicas(cluster, client, TOPIC);
});

test('acks 1 loses at most a suffix of what the deposed leader acknowledged', async () => {
  const topic = 'suffix';
  await client.admin().createTopic({ topic, partitions: 1, replicas: 3, mode: 'fetch' });
  const history = new RunHistory();
  const place = { topic, partition: 0 };
  const producer = client.producer({ acks: 'leader' });
  let next = 0;
  // Throughout, one leader acknowledges: the description names its epoch.
  const recordLeader = async (): Promise<number> => {
    const [{ leader: broker, epoch }] = await client.admin().describePartitions(topic);
    history.record({ kind: 'leader', ...place, broker, epoch });
    return epoch;
  };
  await leaderOf(client, topic);
  const epoch = await recordLeader();
  const send = async (): Promise<void> => {
    const sent = { ...place, producer: 'p', value: `v${next++}` };
    history.record({ kind: 'send', ...sent, acks: 'leader' });
    const { offset } = await producer.send(topic, { partition: 0, value: sent.value });
    history.record({ kind: 'sent', ...sent, outcome: 'ok', offset, epoch });
  };
  for (let count = 0; count < 200; count++) await send();
  const leader = await leaderOf(client, topic);
  const followers = [1, 2, 3].filter((id) => id !== leader);
  for (const id of followers) await cluster.broker(id).kill('SIGSTOP');
  // The leader alone has these.
  for (let count = 0; count < 200; count++) await send();
  await cluster.broker(leader).kill();
  for (const id of followers) await cluster.broker(id).kill('SIGCONT');
  const successor = await until('another one leads', async () => {
    const found = await leaderOf(client, topic);
    return found !== leader && found;
  });
  await until('the cluster names the next epoch', async () => (await recordLeader()) > epoch);
  await cluster.broker(leader).start();
  await untilCaughtUp(client, topic, leader);
  const [{ highWatermark }] = await client.admin().describePartitions(topic);
  await readAll(client, topic, 0, highWatermark, history);
  const lost = history.unread();
  report(
    `broker ${leader} acknowledged ${history.ended('ok')} with acks 1, then ${successor} led: ${lost.length} lost, from ${lost.at(0)} on`,
  );
  expect(lost.length).toBeGreaterThan(0);
  expect(lost.length).toBeLessThanOrEqual(200);
  expect(anomaliesOf(history.events)).toEqual([]);
  await producer.close();
  await expectEqualReplicas(cluster, client, topic);
});
