// A topic is switched back and forth between raft and fetch while producers of every ack level and consumers work; then
// the pause that one partition makes is measured. ZHUMQ_SWITCHES sets how often (a short form without it).
import { connect } from '@zhumq/client';
import type { Client, ReplicationMode } from '@zhumq/client';
import { expectEqualReplicas, untilLevel } from './support/cluster-checks.js';
import { ClusterProcesses } from './support/cluster-processes.js';
import { OpenLoop, percentile } from './support/open-loop.js';
import { report } from './support/report.js';
import { anomaliesOf, recordReplicas, recordSwitch } from './support/run-history.js';
import { until } from './support/until.js';
import { Workload } from './support/workload.js';

const SWITCHES = Number(process.env.ZHUMQ_SWITCHES ?? 10);
const PARTITIONS = 2;

let cluster: ClusterProcesses;
let client: Client;

jest.setTimeout(120_000 + SWITCHES * 10_000);

beforeAll(async () => {
  cluster = await ClusterProcesses.start({ brokers: 3, zkservers: 2, zookeepers: 3 });
  client = await connect(cluster.bootstrap);
});

afterAll(async () => {
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

const modeOf = (index: number): ReplicationMode => (index % 2 === 0 ? 'fetch' : 'raft');

async function switchTopic(topic: string, to: ReplicationMode): Promise<number> {
  const started = performance.now();
  const outcomes = await client.admin().switchMode({ topic, to, wait: '60s' });
  expect(outcomes.map(({ state, mode, reason }) => [state, mode, reason])).toEqual(
    outcomes.map(() => ['done', to, '']),
  );
  return performance.now() - started;
}

test(`${SWITCHES} switches lose, repeat and reorder nothing, and fail no send`, async () => {
  const topic = 'orders';
  await client.admin().createTopic({ topic, partitions: PARTITIONS, replicas: 3 });
  const workload = new Workload({
    ...{ client, topic, partitions: PARTITIONS, producers: 10, consumers: 4 },
    acks: ['all', 'leader', 'all', 'none', 'leader'],
  });
  workload.start();
  try {
    await workload.progress();
    for (let index = 0; index < SWITCHES; index++) {
      const tookMs = await switchTopic(topic, modeOf(index));
      const resumedMs = await workload.progress();
      await recordSwitch(workload.history, client, topic);
      report(
        `switch ${index + 1} to ${modeOf(index)}: ${Math.round(tookMs)} ms, all producers on after ${resumedMs} ms more`,
      );
    }
    const history = await workload.finish();
    report(`${SWITCHES} switches: ${history.tally()}`);
    expect(history.ended('fail') + history.ended('unknown')).toBe(0);
    expect(history.ended('ok')).toBeGreaterThan(500);
    await untilLevel(client, topic);
    // Any server may answer; one that stands by hears of a change a moment later.
    await until('everybody knows of the last generation', async () => {
      const partitions = await client.admin().describePartitions(topic);
      return partitions.every(({ generation }) => generation === 1 + SWITCHES);
    });
    await recordReplicas(history, client, topic);
    expect(anomaliesOf(history.events)).toEqual([]);
    await expectEqualReplicas(cluster, client, topic);
  } finally {
    workload.stop();
  }
});

test('the pause of a partition at 1,000 messages a second', async () => {
  const topic = 'pause';
  await client.admin().createTopic({ topic, partitions: 1, replicas: 3 });
  const loop = new OpenLoop({ client, topic, partition: 0, messagesPerSecond: 1_000 });
  await loop.progress();
  const pauses: Record<ReplicationMode, number[]> = { fetch: [], raft: [] };
  const quiet: number[] = [];
  for (let index = 0; index < SWITCHES; index++) {
    loop.takeLongestGap();
    await loop.progress();
    quiet.push(loop.takeLongestGap());
    await switchTopic(topic, modeOf(index));
    await loop.progress();
    pauses[modeOf(index)].push(loop.takeLongestGap());
  }
  await loop.stop();
  const all = [...pauses.fetch, ...pauses.raft];
  for (const [name, values] of Object.entries({ ...pauses, all, 'without a switch': quiet })) {
    report(
      `largest gap between acknowledgements, ${name}: p50 ${percentile(values, 0.5).toFixed(1)} ms, ` +
        `p99 ${percentile(values, 0.99).toFixed(1)} ms, max ${Math.max(...values).toFixed(1)} ms (${values.length})`,
    );
  }
  report(`${loop.sent} sent, ${loop.acknowledged} acknowledged, ${loop.failures.length} failed`);
  expect(loop.failures).toEqual([]);
  // The goal is 100 ms at p99 with quiet cores; a loaded machine gets ten times that.
  expect(percentile(all, 0.5)).toBeLessThan(1_000);
});
