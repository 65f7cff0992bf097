// bench produce: loads a cluster, reads everything back, and says how fast, how dear, and whether all is there.
import { randomId } from '@zhumq/base';
import { connect } from '@zhumq/client';
import type { Acks, Client, ReplicationMode } from '@zhumq/client';
import { setTimeout as delay } from 'node:timers/promises';
import { measureCeiling, share } from './ceiling/ceiling.js';
import type { Ceiling } from './ceiling/ceiling.js';
import { openCluster } from './cluster/bench-cluster.js';
import type { BenchCluster, ClusterChoice } from './cluster/bench-cluster.js';
import { UsageMeter } from './cluster/process-usage.js';
import { LatencyHistogram } from './latency-histogram.js';
import type { LatencySummary } from './latency-histogram.js';
import type { ProduceJob, ProduceOutcome, ReadOutcome } from './load/jobs.js';
import { LoadFleet } from './load/load-fleet.js';
import { judge } from './verdict.js';
import type { Verdict } from './verdict.js';

export interface ProduceSettings {
  readonly cluster: ClusterChoice;
  readonly load: LoadSettings;
}

export interface LoadSettings {
  readonly replicas: number;
  readonly partitions: number;
  readonly mode: ReplicationMode;
  readonly producers: number;
  /** Processes that send; the messages of a program never come from one that has nothing else to do. */
  readonly processes: number;
  readonly messageBytes: number;
  readonly acks: Acks;
  readonly batchBytes: number;
  readonly lingerMs: number;
  readonly outstanding: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** undefined: as fast as it goes. */
  readonly messagesPerSecond?: number | undefined;
  /** 0: the ceiling is not measured. */
  readonly ceilingMs: number;
  readonly topicConfig: Readonly<Record<string, string>>;
}

export interface ProduceResult extends Verdict {
  readonly benchmark: 'produce';
  readonly messagesPerSecond: number;
  /** Of values, 10^6 bytes. */
  readonly megabytesPerSecond: number;
  readonly latencyMs: LatencySummary;
  /** By process, for a million messages. */
  readonly cpuSecondsPerMillion: Readonly<Record<string, number>>;
  /** Bytes, by process. */
  readonly peakRss: Readonly<Record<string, number>>;
  readonly ceiling: Ceiling | null;
  readonly ratioToCeiling: number | null;
  readonly longestPauseMs: number;
  readonly readBack: { readonly messagesPerSecond: number };
  readonly settings: LoadSettings & { readonly brokers: number; readonly outstandingBytes: number };
}

/** For people: what is going on, and how much of it is done (0 to 1). */
export type Progress = (phase: string, share: number) => void;

const READ_BACK_PROCESSES = 2;
const CEILING_WARM_UP_MS = 1_000;
const LOOK_MS = 100;

export async function benchProduce(
  settings: ProduceSettings,
  progress: Progress,
  signal: AbortSignal,
): Promise<ProduceResult> {
  const ceiling = await ceilingOf(settings, progress, signal);
  progress('starting the cluster', 0);
  const cluster = await openCluster(settings.cluster);
  try {
    return await measure(
      { cluster, settings: settings.load, brokers: settings.cluster.brokers, progress, signal },
      ceiling,
    );
  } finally {
    progress('stopping the cluster', 1);
    await cluster.stop();
  }
}

/** Aborted: the run ends early, and what it started is stopped. */
interface Run {
  readonly cluster: BenchCluster;
  readonly settings: LoadSettings;
  readonly brokers: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

interface TestTopic {
  readonly topic: string;
  readonly seed: string;
}

async function ceilingOf(
  { load, cluster: { directory } }: ProduceSettings,
  progress: Progress,
  signal: AbortSignal,
): Promise<Ceiling | undefined> {
  const { ceilingMs, replicas, processes, producers, messageBytes } = load;
  if (ceilingMs === 0) return undefined;
  return timed('measuring the ceiling', ceilingMs + CEILING_WARM_UP_MS, progress, () =>
    measureCeiling({
      ...{ replicas, processes, producers, messageBytes, directory, reuseFile: false, signal },
      ...{ warmUpMs: CEILING_WARM_UP_MS, durationMs: ceilingMs },
    }),
  );
}

async function measure(run: Run, ceiling: Ceiling | undefined): Promise<ProduceResult> {
  const { cluster, settings } = run;
  const client = await connect([...cluster.bootstrap]);
  const topic = `bench-${randomId().slice(0, 12)}`;
  const test = { topic, seed: topic };
  try {
    const { partitions, replicas, mode, topicConfig: config } = settings;
    await client.admin().createTopic({ topic, partitions, replicas, mode, config });
    const load = await produce(run, test);
    const reads = await readBack(run, test, client);
    return resultOf(run, ceiling, load, reads);
  } finally {
    await client.admin().deleteTopic({ topic, ifExists: true });
    await client.close();
  }
}

interface Loaded {
  readonly outcomes: readonly ProduceOutcome[];
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly peakRss: Readonly<Record<string, number>>;
}

async function produce(run: Run, test: TestTopic): Promise<Loaded> {
  const { cluster, settings, progress, signal } = run;
  const fleet = new LoadFleet('producers', produceJobs(run, test));
  const wait = (ms: number) => () => delay(ms, undefined, { signal });
  try {
    await fleet.ready();
    await timed('warming up', settings.warmUpMs, progress, wait(settings.warmUpMs));
    const meter = new UsageMeter([...cluster.processes, ...fleet.processes]);
    fleet.tell('measure');
    await timed('producing', settings.durationMs, progress, wait(settings.durationMs));
    const [cpuSeconds, peakRss] = [meter.cpuSeconds(), meter.peakRss()];
    fleet.tell('stop');
    return { outcomes: await fleet.outcomes(), cpuSeconds, peakRss };
  } finally {
    fleet.kill();
  }
}

function produceJobs({ cluster, settings }: Run, { topic, seed }: TestTopic): ProduceJob[] {
  const { bootstrap } = cluster;
  const { messageBytes, acks, batchBytes, lingerMs, outstanding, messagesPerSecond } = settings;
  let next = 0;
  return share(settings.producers, settings.processes).map((count) => ({
    ...{ kind: 'produce', bootstrap, topic, seed, messageBytes, acks, batchBytes, lingerMs },
    producers: Array.from({ length: count }, () => next++),
    outstanding,
    messagesPerSecond:
      messagesPerSecond === undefined
        ? undefined
        : (messagesPerSecond * count) / settings.producers,
  }));
}

async function readBack(
  { cluster, settings, progress, signal }: Run,
  { topic, seed }: TestTopic,
  client: Client,
): Promise<ReadOutcome[]> {
  const ends = await client.admin().listOffsets({ topic, at: 'latest' });
  const total = ends.reduce((sum, { offset }) => sum + offset, 0);
  const processes = Math.min(READ_BACK_PROCESSES, ends.length);
  const fleet = new LoadFleet(
    'reader',
    Array.from({ length: processes }, (_, index) => ({
      ...({ kind: 'read', delivery: 'pull' } as const),
      ...{ bootstrap: cluster.bootstrap, topic, seed, messageBytes: settings.messageBytes },
      ends: ends.filter(({ partition }) => partition % processes === index),
    })),
  );
  const looks = setInterval(
    () => progress('reading everything back', fleet.messages / Math.max(1, total)),
    LOOK_MS,
  );
  try {
    return await aborted(fleet.outcomes(), signal);
  } finally {
    clearInterval(looks);
    fleet.kill();
  }
}

function resultOf(
  { settings, brokers }: Run,
  ceiling: Ceiling | undefined,
  { outcomes, cpuSeconds, peakRss }: Loaded,
  reads: readonly ReadOutcome[],
): ProduceResult {
  const latency = new LatencyHistogram();
  for (const outcome of outcomes) latency.add(new LatencyHistogram(outcome.latency));
  const measured = outcomes.reduce((sum, outcome) => sum + outcome.measured, 0);
  const perSecond = outcomes.reduce((sum, { measured: some, seconds }) => sum + some / seconds, 0);
  return {
    benchmark: 'produce',
    messagesPerSecond: Math.round(perSecond),
    megabytesPerSecond: rounded((perSecond * settings.messageBytes) / 1e6, 1),
    latencyMs: latency.summary(),
    ...judge(outcomes, reads, settings.acks),
    cpuSecondsPerMillion: perMillion(cpuSeconds, measured),
    peakRss,
    ceiling: ceiling ?? null,
    ratioToCeiling:
      ceiling === undefined ? null : rounded(perSecond / ceiling.messagesPerSecond, 3),
    longestPauseMs: rounded(Math.max(...outcomes.map((outcome) => outcome.longestPauseMs)), 1),
    readBack: {
      messagesPerSecond: Math.round(
        reads.reduce((sum, { messages, seconds }) => sum + messages / Math.max(seconds, 1e-3), 0),
      ),
    },
    settings: {
      ...settings,
      brokers,
      outstandingBytes: settings.outstanding * settings.messageBytes * settings.producers,
    },
  };
}

function perMillion(
  cpuSeconds: Readonly<Record<string, number>>,
  messages: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(cpuSeconds).map(([name, seconds]) => [
      name,
      rounded((seconds * 1e6) / Math.max(1, messages), 2),
    ]),
  );
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Tells how much of a stretch of known length has passed. */
async function timed<T>(
  phase: string,
  durationMs: number,
  progress: Progress,
  work: () => Promise<T>,
): Promise<T> {
  const startedMs = performance.now();
  progress(phase, 0);
  const looks = setInterval(
    () => progress(phase, Math.min(1, (performance.now() - startedMs) / durationMs)),
    LOOK_MS,
  );
  try {
    return await work();
  } finally {
    clearInterval(looks);
  }
}

/** Rejects when the signal comes first. */
function aborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (): void => reject(signal.reason);
    signal.addEventListener('abort', give, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', give));
  });
}
