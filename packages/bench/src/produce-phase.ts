// Load processes that produce: warm up, measure, stop.
import { setTimeout as delay } from 'node:timers/promises';
import type { Acks } from '@zhumq/client';
import { share } from './ceiling/ceiling.js';
import { UsageMeter } from './cluster/process-usage.js';
import { LatencyHistogram } from './latency-histogram.js';
import type { ProduceJob, ProduceOutcome } from './load/jobs.js';
import { LoadFleet } from './load/load-fleet.js';
import { timed } from './run.js';
import type { Run } from './run.js';

export interface ProduceLoadSettings {
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
  /** Of all producers together; undefined: as fast as it goes. */
  readonly messagesPerSecond?: number | undefined;
}

export interface Produced {
  readonly outcomes: readonly ProduceOutcome[];
  /** Acknowledged while it was measured. */
  readonly messages: number;
  readonly perSecond: number;
  readonly latency: LatencyHistogram;
  readonly longestPauseMs: number;
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly peakRss: Readonly<Record<string, number>>;
}

/** `readers` are at work meanwhile, and measure in the same stretch of time. */
export async function produce(
  run: Run,
  load: ProduceLoadSettings,
  readers?: LoadFleet<'read'>,
): Promise<Produced> {
  const { cluster, progress, signal } = run;
  const fleet = new LoadFleet('producers', produceJobs(run, load));
  const wait = (ms: number) => () => delay(ms, undefined, { signal });
  try {
    await fleet.ready();
    await timed('warming up', load.warmUpMs, progress, wait(load.warmUpMs));
    const others = readers?.processes ?? [];
    const meter = new UsageMeter([...cluster.processes, ...fleet.processes, ...others]);
    fleet.tell({ order: 'measure' });
    readers?.tell({ order: 'measure' });
    await timed('producing', load.durationMs, progress, wait(load.durationMs));
    const [cpuSeconds, peakRss] = [meter.cpuSeconds(), meter.peakRss()];
    fleet.tell({ order: 'stop' });
    return { ...summed(await fleet.outcomes()), cpuSeconds, peakRss };
  } finally {
    fleet.kill();
  }
}

function produceJobs({ cluster, topic, seed }: Run, load: ProduceLoadSettings): ProduceJob[] {
  const { messageBytes, acks, batchBytes, lingerMs, outstanding, messagesPerSecond } = load;
  const { bootstrap } = cluster;
  let next = 0;
  return share(load.producers, load.processes).map((count) => ({
    ...{ kind: 'produce', bootstrap, topic, seed, messageBytes, acks, batchBytes, lingerMs },
    producers: Array.from({ length: count }, () => next++),
    outstanding,
    messagesPerSecond:
      messagesPerSecond === undefined ? undefined : (messagesPerSecond * count) / load.producers,
  }));
}

function summed(outcomes: readonly ProduceOutcome[]): Omit<Produced, 'cpuSeconds' | 'peakRss'> {
  const latency = new LatencyHistogram();
  let [messages, perSecond, longestPauseMs] = [0, 0, 0];
  for (const outcome of outcomes) {
    latency.add(new LatencyHistogram(outcome.latency));
    messages += outcome.measured;
    perSecond += outcome.measured / outcome.seconds;
    longestPauseMs = Math.max(longestPauseMs, outcome.longestPauseMs);
  }
  return { outcomes, messages, perSecond, latency, longestPauseMs };
}
