// Every step of both switches, with a process killed right before and right after the step's effect: the switch ends in
// exactly one mode, by itself, and nothing is lost. The message of the step (or its answer) is held on the wire while the
// victim dies. ZHUMQ_CRASHES=all runs all cases and writes docs/switch-crashes.md; without it a few of them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@zhumq/client';
import type { Client, PartitionDetails, ReplicationMode } from '@zhumq/client';
import { expectEqualReplicas } from './support/cluster-checks.js';
import { ClusterProcesses } from './support/cluster-processes.js';
import { report } from './support/report.js';
import { anomaliesOf, recordReplicas, recordSwitch } from './support/run-history.js';
import type { Held } from './support/step-proxy.js';
import { StepTrap } from './support/step-proxy.js';
import { STEPS, stepMatcher } from './support/switch-steps.js';
import type { StepName } from './support/switch-steps.js';
import { until } from './support/until.js';
import { Workload } from './support/workload.js';

const TOPIC = 'orders';
const VICTIMS = ['leader', 'follower', 'zkserver', 'zookeeper', 'everything'] as const;
const ALL = process.env.ZHUMQ_CRASHES === 'all';
/** In the short form every so many cases. */
const STRIDE = 11;

interface Case {
  readonly to: ReplicationMode;
  readonly step: StepName;
  readonly when: 'before' | 'after';
  readonly victim: (typeof VICTIMS)[number];
}

interface Outcome extends Case {
  readonly ended: ReplicationMode;
  readonly generations: number;
  readonly settledMs: number;
  readonly reason: string;
}

const cases = (['fetch', 'raft'] as const)
  .flatMap((to) => STEPS[to].map((step) => ({ to, step })))
  .flatMap((one) => (['before', 'after'] as const).map((when) => ({ ...one, when })))
  .flatMap((one) => VICTIMS.map((victim): Case => ({ ...one, victim })))
  .filter((_, index) => ALL || index % STRIDE === 0);

const trap = new StepTrap();
const outcomes: Outcome[] = [];
let cluster: ClusterProcesses;
let client: Client;
let workload: Workload;

jest.setTimeout(180_000);

beforeAll(async () => {
  const timeout = ['--session-timeout', '3s'];
  cluster = await ClusterProcesses.start({
    ...{ brokers: 3, zkservers: 2, zookeepers: 3, trap },
    ...{ zkserverFlags: timeout, brokerFlags: timeout },
  });
  client = await connect(cluster.bootstrap);
  await client.admin().createTopic({ topic: TOPIC, partitions: 1, replicas: 3 });
  workload = new Workload({
    ...{ client, topic: TOPIC, partitions: 1, producers: 3, consumers: 2, paceMs: 10 },
  });
  workload.start();
  await workload.progress();
});

afterAll(async () => {
  trap.releaseAll(false);
  workload?.stop();
  await client?.close({ timeout: 1_000 });
  await cluster?.destroy();
});

async function details(): Promise<PartitionDetails> {
  return (await client.admin().describePartitions(TOPIC))[0];
}

/** No switch is under way, all replicas are in one mode and one generation, and one of them leads. */
async function settled(): Promise<PartitionDetails> {
  let seen: PartitionDetails | undefined;
  return until(
    'the partition is in one mode',
    async () => {
      seen = await details();
      const { mode, generation, transition, replicaDetails, replicas } = seen;
      const agrees = replicaDetails.every(
        (replica) =>
          replica.mode === mode &&
          replica.generation === generation &&
          ['leader', 'follower'].includes(replica.role),
      );
      const leaders = replicaDetails.filter(({ role }) => role === 'leader').length;
      const isWhole = replicaDetails.length === replicas.length;
      return transition === undefined && agrees && isWhole && leaders === 1 ? seen : undefined;
    },
    { timeoutMs: 120_000, state: () => seen },
  );
}

/** Kills by pid; resolves to what brings the victims back. */
async function kill(
  victim: Case['victim'],
  leader: number,
  held: Held,
): Promise<() => Promise<void>> {
  const startServers = (): Promise<void> => cluster.startServers();
  if (victim === 'leader' || victim === 'follower') {
    await cluster.broker(victim === 'leader' ? leader : (leader % 3) + 1).kill();
    return startServers;
  }
  if (victim === 'zkserver') {
    const { controller } = await client.admin().describeCluster();
    await cluster.zkserver(controller).kill();
    return startServers;
  }
  if (victim === 'zookeeper') {
    const [kind, number] = held.proxy.name.split('-');
    const server = kind === 'zookeeper' ? Number(number) : 1;
    await cluster.zookeeper.kill(server);
    return () => cluster.zookeeper.startOne(server);
  }
  await Promise.all([
    ...cluster.servers.map((server) => server.kill()),
    cluster.zookeeper.killAll(),
  ]);
  return async () => {
    await cluster.zookeeper.startAll();
    await startServers();
  };
}

test.each(cases)('to $to: $victim killed $when $step', async (one) => {
  const { to, step, when, victim } = one;
  let before = await settled();
  if (before.mode === to) {
    await client
      .admin()
      .switchMode({ topic: TOPIC, to: to === 'raft' ? 'fetch' : 'raft', wait: '60s' });
    before = await settled();
  }
  await workload.progress();
  const caught = trap.arm(when, stepMatcher(step, TOPIC));
  await client.admin().switchMode({ topic: TOPIC, to });
  const held = await caught;
  const bringBack = await kill(victim, before.leader, held);
  trap.releaseAll(victim !== 'zkserver' && victim !== 'everything');
  const started = performance.now();
  await bringBack();
  const after = await settled();
  await workload.progress();
  await recordSwitch(workload.history, client, TOPIC);
  outcomes.push({
    ...one,
    ended: after.mode,
    generations: after.generation - before.generation,
    settledMs: Math.round(performance.now() - started),
    reason: after.lastSwitch?.reason ?? '',
  });
  expect(after.generation).toBeGreaterThanOrEqual(before.generation);
  expect(after.mode === before.mode || after.generation > before.generation).toBe(true);
});

test('nothing that was acknowledged is lost, repeated or moved; the replicas are equal', async () => {
  const history = await workload.finish();
  await recordReplicas(history, client, TOPIC);
  report(table());
  report(history.tally());
  if (ALL) writeFileSync(join(__dirname, '../../docs/switch-crashes.md'), page());
  expect(outcomes).toHaveLength(cases.length);
  expect(anomaliesOf(history.events)).toEqual([]);
  expect(history.ended('fail') + history.ended('unknown')).toBe(0);
  await expectEqualReplicas(cluster, client, TOPIC);
});

function table(): string {
  const rows = outcomes.map(
    ({ to, step, when, victim, ended, generations, settledMs, reason }) =>
      `| ${to} | ${step} | ${when} | ${victim} | ${ended} | ${generations} | ${settledMs} | ${reason} |`,
  );
  const head =
    '| to | step | killed | victim | ended in | generations | settled after ms | reason |';
  return [head, '| --- | --- | --- | --- | --- | ---: | ---: | --- |', ...rows].join('\n');
}

function page(): string {
  return `# Crashes in the middle of a switch

Written by \`tests/integration/switch-crashes.test.ts\` (\`ZHUMQ_CRASHES=all\`), which kills real processes by pid: the message
that begins a step is held on the wire, before or after its effect, until the victim is dead. Every case ended by itself in
exactly one mode; every message that was acknowledged during all of it was read back once, at its offset.

${table()}
`;
}
