// What all benchmarks share: the cluster, the topic of one run, phases of known length, and figures.
import { randomId } from '@zhumq/base';
import { connect } from '@zhumq/client';
import type { Client, ReplicationMode } from '@zhumq/client';
import { openCluster } from './cluster/bench-cluster.js';
import type { BenchCluster, ClusterChoice } from './cluster/bench-cluster.js';

/** For people: what is going on, and how much of it is done (0 to 1). */
export type Progress = (phase: string, share: number) => void;

/** Aborted: the run ends early, and what it started is stopped. */
export interface Watch {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface Run extends Watch {
  readonly cluster: BenchCluster;
  readonly client: Client;
  readonly topic: string;
  /** Of the payloads: no other run has the same ones. */
  readonly seed: string;
}

export interface TopicSettings {
  readonly replicas: number;
  readonly partitions: number;
  readonly mode: ReplicationMode;
  readonly topicConfig: Readonly<Record<string, string>>;
}

export const LOOK_MS = 100;

/** Runs on a topic of its own, and leaves neither it nor a cluster that was started behind. */
export function withTopic<T>(
  choice: ClusterChoice,
  settings: TopicSettings,
  watch: Watch,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  return withCluster(choice, watch, (cluster) => onTopic(cluster, settings, watch, work));
}

export async function withCluster<T>(
  choice: ClusterChoice,
  { progress }: Watch,
  work: (cluster: BenchCluster) => Promise<T>,
): Promise<T> {
  progress('starting the cluster', 0);
  const cluster = await openCluster(choice);
  try {
    return await work(cluster);
  } finally {
    progress('stopping the cluster', 1);
    await cluster.stop();
  }
}

export async function onTopic<T>(
  cluster: BenchCluster,
  { partitions, replicas, mode, topicConfig: config }: TopicSettings,
  { progress, signal }: Watch,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const client = await connect([...cluster.bootstrap]);
  const topic = `bench-${randomId().slice(0, 12)}`;
  try {
    await client.admin().createTopic({ topic, partitions, replicas, mode, config });
    return await work({ cluster, client, topic, seed: topic, progress, signal });
  } finally {
    await client.admin().deleteTopic({ topic, ifExists: true });
    await client.close();
  }
}

/** Tells how much of a stretch of known length has passed. */
export async function timed<T>(
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
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (): void => reject(signal.reason);
    signal.addEventListener('abort', give, { once: true });
    if (signal.aborted) give();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', give));
  });
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Values of 10^6 bytes. */
export function megabytes(messages: number, messageBytes: number): number {
  return rounded((messages * messageBytes) / 1e6, 1);
}

/** Processor time of each process for a million messages. */
export function perMillion(
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
