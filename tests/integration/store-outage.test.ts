// The whole ZooKeeper ensemble is lost under load: raft partitions go on electing and serving, fetch partitions go on
// serving under their leaders, and all heals by itself. ZHUMQ_OUTAGE_SECONDS sets how long (a short form without it).
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { expectEqualReplicas, leaderOf, makeLeader } from './support/cluster-checks.js';
import { ClusterProcesses } from './support/cluster-processes.js';
import { report } from './support/report.js';
import { anomaliesOf } from './support/run-history.js';
import { until } from './support/until.js';
import { Workload } from './support/workload.js';

const OUTAGE_MS = Number(process.env.ZHUMQ_OUTAGE_SECONDS ?? 12) * 1000;

let cluster: ClusterProcesses;
let client: Client;
const workloads = new Map<string, Workload>();

jest.setTimeout(240_000 + OUTAGE_MS);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({ brokers: 3, zkservers: 2, zookeepers: 3 });
  client = await connect(cluster.bootstrap);
  for (const mode of ['raft', 'fetch'] as const) {
    await client.admin().createTopic({ topic: mode, partitions: 2, replicas: 3, mode });
    const load = { client, topic: mode, partitions: 2, producers: 5, consumers: 4 };
    workloads.set(mode, new Workload(load));
  }
  for (const workload of workloads.values()) workload.start();
  await progress();
});

afterAll(async () => {
  for (const workload of workloads.values()) workload.stop();
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

async function progress(): Promise<string> {
  const times: string[] = [];
  for (const [mode, workload] of workloads) times.push(`${mode} ${await workload.progress()} ms`);
  return times.join(', ');
}

test(`${OUTAGE_MS / 1000} s without any ZooKeeper server`, async () => {
  // Broker 1 leads nothing in mode fetch, where nobody can elect for now, and is in sync there.
  for (const partition of [0, 1]) {
    await makeLeader(client, 'raft', partition, 1);
    await makeLeader(client, 'fetch', partition, partition + 2);
  }
  await cluster.zookeeper.killAll();
  const lost = performance.now();
  report(`after the loss of ZooKeeper: ${await progress()}`);
  await cluster.broker(1).kill('SIGSTOP');
  const elected = await workloads.get('raft')?.progress();
  report(`after the SIGSTOP of the leader of the raft partitions: raft ${elected} ms`);
  expect(await leaderOf(client, 'raft')).not.toBe(1);
  // Nobody can take it out of the ISR: acks -1 waits for it in mode fetch.
  await cluster.broker(1).kill('SIGCONT');
  report(`after its SIGCONT: ${await progress()}`);
  let rounds = 0;
  await until(
    'the outage is over',
    async () => {
      await progress();
      rounds++;
      return performance.now() - lost > OUTAGE_MS;
    },
    { timeoutMs: OUTAGE_MS + 120_000 },
  );
  report(`${rounds} rounds of progress in ${Math.round(performance.now() - lost)} ms`);
  await cluster.zookeeper.startAll();
  const back = performance.now();
  await until('the cluster is healthy', async () => (await client.admin().clusterHealth()).ok, {
    timeoutMs: 120_000,
  });
  report(`healthy ${Math.round(performance.now() - back)} ms after ZooKeeper is back`);
  report(`then: ${await progress()}`);
});

test('nothing was lost in either mode', async () => {
  for (const [mode, workload] of workloads) {
    const history = await workload.finish();
    report(`${mode}: ${history.tally()}`);
    expect(anomaliesOf(history.events)).toEqual([]);
    expect(history.ended('fail') + history.ended('unknown')).toBe(0);
    await expectEqualReplicas(cluster, client, mode);
  }
});
