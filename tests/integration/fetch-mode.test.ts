// Mode fetch on real processes: every broker is killed, frozen and restarted while it leads; what acks -1 promised is kept
// while one replica in sync lives, and acks 1 loses at most a suffix of the deposed leader.
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { checkHistory } from './support/check-history.js';
import {
  expectEqualReplicas,
  leaderOf,
  makeLeader,
  untilCaughtUp,
  untilInSync,
} from './support/cluster-checks.js';
import { ClusterProcesses } from './support/cluster-processes.js';
import { History } from './support/history.js';
import { report } from './support/report.js';
import { judgeSuffix } from './support/suffix.js';
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
  const before = workload.history.count('ok');
  await cluster.broker(others[0]).start();
  await resume(`the return of broker ${others[0]}`);
  report(`${workload.history.count('ok') - before} acknowledged since`);
  await cluster.broker(others[1]).start();
  await untilInSync(client, TOPIC, others[1]);
});

test('every message acknowledged with acks -1 is there once, in order, at its offset', async () => {
  const history = await workload.finish();
  report(
    `${history.count('invoke')} sent, ${history.count('ok')} acknowledged, ${history.count('fail')} refused, ` +
      `${history.count('info')} unknown, ${history.count('read')} reads`,
  );
  expect(checkHistory(history.operations)).toEqual([]);
  expect(history.count('ok')).toBeGreaterThan(500);
  await expectEqualReplicas(cluster, client, TOPIC);
});

test('acks 1 loses at most a suffix of what the deposed leader acknowledged', async () => {
  const topic = 'suffix';
  await client.admin().createTopic({ topic, partitions: 1, replicas: 3, mode: 'fetch' });
  const history = new History();
  const producer = client.producer({ acks: 'leader' });
  let next = 0;
  const send = async (): Promise<void> => {
    const value = `v${next++}`;
    history.record({ kind: 'invoke', producer: 'p', partition: 0, value });
    const { offset } = await producer.send(topic, { partition: 0, value });
    history.record({ kind: 'ok', producer: 'p', partition: 0, value, offset });
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
  await cluster.broker(leader).start();
  await untilCaughtUp(client, topic, leader);
  const [{ highWatermark }] = await client.admin().describePartitions(topic);
  await readAll(client, topic, 0, highWatermark, history);
  const verdict = judgeSuffix(history.operations);
  report(
    `broker ${leader} acknowledged ${verdict.acknowledged} with acks 1, then ${successor} led: ${verdict.lost} lost, from offset ${verdict.lostFrom}`,
  );
  expect(verdict.lost).toBeGreaterThan(0);
  expect(verdict.lost).toBeLessThanOrEqual(200);
  expect(verdict.keptBehind).toEqual([]);
  await producer.close();
  await expectEqualReplicas(cluster, client, topic);
});
