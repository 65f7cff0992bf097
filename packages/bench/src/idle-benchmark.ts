// bench idle: what partitions cost that nobody uses, and how soon all of them have leaders after everything was killed.
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { openCluster } from './cluster/bench-cluster.js';
import type { BenchCluster, ClusterChoice } from './cluster/bench-cluster.js';
import { UsageMeter, openFiles, usageOf } from './cluster/process-usage.js';
import { isWhole, until } from './conditions.js';
import { produce } from './produce-phase.js';
import type { Produced, ProduceLoadSettings } from './produce-phase.js';
import { readBack } from './read-phase.js';
import { rounded, timed } from './run.js';
import type { Run, TopicSettings, Watch } from './run.js';
import { judge } from './verdict.js';
import type { Verdict } from './verdict.js';

export interface IdleSettings extends TopicSettings, ProduceLoadSettings {
  /** After the last partition has got its leader, before anything is measured. */
  readonly settleMs: number;
  readonly idleMs: number;
}

export interface IdleResult extends Verdict {
  readonly benchmark: 'idle';
  /** Partitions that stand idle; those of the few messages that prove the restart are not among them. */
  readonly partitions: number;
  readonly replicas: number;
  readonly secondsToCreate: number;
  /** Of one core, while nothing is done: of all processes together, and of each. */
  readonly cpuPercent: number;
  readonly cpuPercentOf: Readonly<Record<string, number>>;
  /** What each replica added to the resident sets of the brokers. */
  readonly rssBytesPerReplica: number;
  readonly rssBytes: Readonly<Record<string, number>>;
  readonly openFiles: Readonly<Record<string, number>>;
  /** After all processes were killed: until the programs run, and until every partition has its leader. */
  readonly secondsToRestart: number;
  readonly secondsToLeaders: number;
  readonly settings: IdleSettings & { readonly brokers: number };
}

/** A topic of more would be one that nobody has. */
const PARTITIONS_OF_A_TOPIC = 500;
const MESSAGES_TOPIC = 'bench-messages';
const CREATE_WAIT = '120s' as const;
const LEADERS_LIMIT_MS = 300_000;

export async function benchIdle(
  choice: ClusterChoice,
  settings: IdleSettings,
  watch: Watch,
): Promise<IdleResult> {
  watch.progress('starting the cluster', 0);
  let cluster = await openCluster(choice);
  let client = await connect([...cluster.bootstrap]);
  try {
    const { produced, run } = await someMessages(cluster, client, settings, watch);
    const before = rssOf(cluster);
    const createdMs = performance.now();
    await createTopics(client, settings, watch);
    await untilLed(client, choice.brokers, watch);
    const secondsToCreate = (performance.now() - createdMs) / 1e3;
    await timed('settling', settings.settleMs, watch.progress, () =>
      delay(settings.settleMs, undefined, { signal: watch.signal }),
    );
    const idle = await standIdle(cluster, before, settings, watch);
    await client.close();
    const restart = await restarted(cluster, choice.brokers, watch);
    ({ cluster, client } = restart);
    const reads = await readBack({ ...run, cluster, client }, settings.messageBytes);
    return {
      benchmark: 'idle',
      ...{ partitions: settings.partitions, replicas: settings.partitions * settings.replicas },
      secondsToCreate: rounded(secondsToCreate, 1),
      ...idle,
      secondsToRestart: rounded(restart.seconds, 1),
      secondsToLeaders: rounded(restart.secondsToLeaders, 1),
      ...judge(produced.outcomes, reads, settings.acks),
      settings: { ...settings, brokers: choice.brokers },
    };
  } finally {
    watch.progress('stopping the cluster', 1);
    await client.close();
    await cluster.stop();
  }
}

/** What is acknowledged before has to be there after the restart. */
async function someMessages(
  cluster: BenchCluster,
  client: Client,
  settings: IdleSettings,
  watch: Watch,
): Promise<{ produced: Produced; run: Run }> {
  const { replicas, mode } = settings;
  await client.admin().createTopic({ topic: MESSAGES_TOPIC, partitions: 3, replicas, mode });
  const run = { ...watch, cluster, client, topic: MESSAGES_TOPIC, seed: MESSAGES_TOPIC };
  return { produced: await produce(run, settings), run };
}

async function createTopics(
  client: Client,
  { partitions, replicas, mode, topicConfig: config }: IdleSettings,
  { progress, signal }: Watch,
): Promise<void> {
  for (let made = 0; made < partitions; made += PARTITIONS_OF_A_TOPIC) {
    progress('creating partitions', made / partitions);
    const count = Math.min(PARTITIONS_OF_A_TOPIC, partitions - made);
    const topic = `bench-idle-${made / PARTITIONS_OF_A_TOPIC}`;
    const wanted = { topic, partitions: count, replicas, mode, config, wait: CREATE_WAIT };
    await client.admin().createTopic(wanted, { signal, timeout: CREATE_WAIT });
  }
}

async function untilLed(client: Client, brokers: number, watch: Watch): Promise<void> {
  await until('waiting for leaders', watch, LEADERS_LIMIT_MS, () => isWhole(client, brokers));
}

async function standIdle(
  cluster: BenchCluster,
  before: Readonly<Record<string, number>>,
  { idleMs, partitions, replicas }: IdleSettings,
  { progress, signal }: Watch,
): Promise<
  Pick<IdleResult, 'cpuPercent' | 'cpuPercentOf' | 'rssBytes' | 'rssBytesPerReplica' | 'openFiles'>
> {
  const meter = new UsageMeter(cluster.processes);
  const beganMs = performance.now();
  await timed('standing idle', idleMs, progress, () => delay(idleMs, undefined, { signal }));
  const seconds = (performance.now() - beganMs) / 1e3;
  const cpuPercentOf = Object.fromEntries(
    Object.entries(meter.cpuSeconds()).map(([name, spent]) => [
      name,
      rounded((100 * spent) / seconds, 1),
    ]),
  );
  const rssBytes = rssOf(cluster);
  const grown = Object.entries(rssBytes)
    .filter(([name]) => name.startsWith('broker-'))
    .reduce((sum, [name, bytes]) => sum + bytes - (before[name] ?? 0), 0);
  return {
    cpuPercent: rounded(
      Object.values(cpuPercentOf).reduce((sum, one) => sum + one, 0),
      1,
    ),
    cpuPercentOf,
    rssBytesPerReplica: Math.round(grown / (partitions * replicas)),
    rssBytes,
    openFiles: Object.fromEntries(
      cluster.processes.map(({ name, pid }) => [name, openFiles(pid) ?? 0]),
    ),
  };
}

function rssOf({ processes }: BenchCluster): Record<string, number> {
  return Object.fromEntries(processes.map(({ name, pid }) => [name, usageOf(pid)?.rssBytes ?? 0]));
}

async function restarted(
  before: BenchCluster,
  brokers: number,
  watch: Watch,
): Promise<{ cluster: BenchCluster; client: Client; seconds: number; secondsToLeaders: number }> {
  watch.progress('starting everything again', 0);
  const beganMs = performance.now();
  const cluster = await before.restart();
  const seconds = (performance.now() - beganMs) / 1e3;
  const client = await connect([...cluster.bootstrap]);
  try {
    await untilLed(client, brokers, watch);
  } catch (error) {
    await client.close();
    await cluster.stop();
    throw error;
  }
  return { cluster, client, seconds, secondsToLeaders: (performance.now() - beganMs) / 1e3 };
}
