// bench produce: loads a cluster, reads everything back, and says how fast, how dear, and whether all is there.
import { measureCeiling } from './ceiling/ceiling.js';
import type { Ceiling } from './ceiling/ceiling.js';
import type { ClusterChoice } from './cluster/bench-cluster.js';
import type { LatencySummary } from './latency-histogram.js';
import type { ReadOutcome } from './load/jobs.js';
import { produce } from './produce-phase.js';
import type { Produced, ProduceLoadSettings } from './produce-phase.js';
import { readBack } from './read-phase.js';
import { megabytes, perMillion, rounded, timed, withTopic } from './run.js';
import type { TopicSettings, Watch } from './run.js';
import { judge } from './verdict.js';
import type { Verdict } from './verdict.js';

export interface ProduceSettings extends TopicSettings, ProduceLoadSettings {
  /** 0: the ceiling is not measured. */
  readonly ceilingMs: number;
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
  readonly settings: ProduceSettings & {
    readonly brokers: number;
    readonly outstandingBytes: number;
  };
}

const CEILING_WARM_UP_MS = 1_000;

export async function benchProduce(
  cluster: ClusterChoice,
  settings: ProduceSettings,
  watch: Watch,
): Promise<ProduceResult> {
  const ceiling = await ceilingOf(cluster, settings, watch);
  return withTopic(cluster, settings, watch, async (run) => {
    const produced = await produce(run, settings);
    const reads = await readBack(run, settings.messageBytes);
    return resultOf(cluster, settings, ceiling, produced, reads);
  });
}

async function ceilingOf(
  { directory }: ClusterChoice,
  { ceilingMs, replicas, processes, producers, messageBytes }: ProduceSettings,
  { progress, signal }: Watch,
): Promise<Ceiling | undefined> {
  if (ceilingMs === 0) return undefined;
  return timed('measuring the ceiling', ceilingMs + CEILING_WARM_UP_MS, progress, () =>
    measureCeiling({
      ...{ replicas, processes, producers, messageBytes, directory, reuseFile: false, signal },
      ...{ warmUpMs: CEILING_WARM_UP_MS, durationMs: ceilingMs },
    }),
  );
}

function resultOf(
  { brokers }: ClusterChoice,
  settings: ProduceSettings,
  ceiling: Ceiling | undefined,
  { outcomes, messages, perSecond, latency, longestPauseMs, cpuSeconds, peakRss }: Produced,
  reads: readonly ReadOutcome[],
): ProduceResult {
  const { messageBytes, outstanding, producers } = settings;
  const ratio = ceiling && rounded(perSecond / ceiling.messagesPerSecond, 3);
  return {
    benchmark: 'produce',
    messagesPerSecond: Math.round(perSecond),
    megabytesPerSecond: megabytes(perSecond, messageBytes),
    latencyMs: latency.summary(),
    ...judge(outcomes, reads, settings.acks),
    cpuSecondsPerMillion: perMillion(cpuSeconds, messages),
    peakRss,
    ceiling: ceiling ?? null,
    ratioToCeiling: ratio ?? null,
    longestPauseMs: rounded(longestPauseMs, 1),
    readBack: { messagesPerSecond: Math.round(readRate(reads)) },
    settings: { ...settings, brokers, outstandingBytes: outstanding * messageBytes * producers },
  };
}

export function readRate(reads: readonly ReadOutcome[]): number {
  return reads.reduce((sum, { messages, seconds }) => sum + messages / Math.max(seconds, 1e-3), 0);
}
