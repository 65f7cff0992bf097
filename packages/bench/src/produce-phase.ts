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
  /** What everything else on the machine kept busy meanwhile; undefined where it does not tell. */
  readonly otherCores: number | undefined;
}

/** `readers` are at work meanwhile, and measure in the same stretch of time. */
export function produce(
  run: Run,
  load: ProduceLoadSettings,
  readers?: LoadFleet<'read'>,
): Promise<Produced> {
  const { progress, signal } = run;
  const { durationMs } = load;
  const wait = (): Promise<void> => delay(durationMs, undefined, { signal });
  return produceDuring(run, load, () => timed('producing', durationMs, progress, wait), readers);
}

/** As long as `work` takes; `durationMs` is of no account. */
export async function produceDuring(
  run: Run,
  load: ProduceLoadSettings,
  work: (fleet: LoadFleet<'produce'>) => Promise<void>,
  readers?: LoadFleet<'read'>,
): Promise<Produced> {
  const { cluster, progress, signal } = run;
  const fleet = new LoadFleet('producers', produceJobs(run, load));
  const wait = (): Promise<void> => delay(load.warmUpMs, undefined, { signal });
  try {
    await fleet.ready();
    await timed('warming up', load.warmUpMs, progress, wait);
    const others = readers?.processes ?? [];
    const meter = new UsageMeter([...cluster.processes, ...fleet.processes, ...others]);
    fleet.tell({ order: 'measure' });
    readers?.tell({ order: 'measure' });
    await work(fleet);
    const usage = {
      ...{ cpuSeconds: meter.cpuSeconds(), peakRss: meter.peakRss() },
      otherCores: meter.otherCores(),
    };
    fleet.tell({ order: 'stop' });
    return { ...summed(await fleet.outcomes()), ...usage };
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

function summed(
  outcomes: readonly ProduceOutcome[],
): Omit<Produced, 'cpuSeconds' | 'peakRss' | 'otherCores'> {
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
