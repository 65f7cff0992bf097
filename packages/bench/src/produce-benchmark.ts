// bench produce: loads a cluster, reads everything back, and says how fast, how dear, and whether all is there.
import { measureCeiling } from './ceiling/ceiling.js';
import type { Ceiling } from './ceiling/ceiling.js';
import type { ClusterChoice } from './cluster/bench-cluster.js';
import type { LatencySummary } from './latency-histogram.js';
import type { ReadOutcome } from './load/jobs.js';
import { produce } from './produce-phase.js';
import type { Produced, ProduceLoadSettings } from './produce-phase.js';
import { readBack } from './read-phase.js';
import { megabytes, onTopic, perMillion, rounded, timed, withCluster } from './run.js';
import type { TopicSettings, Watch } from './run.js';
import { judge } from './verdict.js';
import type { Verdict } from './verdict.js';

/** Files of the ceiling that grow, or that are written over again and again, which needs no new room on the disk. */
export type CeilingFile = 'grow' | 'reuse';

export interface ProduceSettings extends TopicSettings, ProduceLoadSettings {
  /** 0: the ceiling is not measured. */
  readonly ceilingMs: number;
  /** The first one is what the ratio stands on. */
  readonly ceilingFiles: readonly CeilingFile[];
  /** How often ceiling and load are measured, in turns; each time on a new topic. */
  readonly rounds: number;
}

export interface MeasuredCeiling extends Ceiling {
  readonly file: CeilingFile;
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
  readonly ceiling: MeasuredCeiling | null;
  readonly ratioToCeiling: number | null;
  /** Every one that was measured. */
  readonly ceilings: readonly MeasuredCeiling[];
  readonly longestPauseMs: number;
  readonly otherCores: number | null;
  readonly readBack: { readonly messagesPerSecond: number };
  /** All rounds in order; the figures above are of the one in the middle, the verdict is of all. */
  readonly rounds: readonly ProduceRound[];
  readonly settings: ProduceSettings & {
    readonly brokers: number;
    readonly outstandingBytes: number;
  };
}

export interface ProduceRound {
  readonly messagesPerSecond: number;
  readonly ceilingPerSecond: number | null;
  readonly ratioToCeiling: number | null;
  /** Cores that everything else on the machine kept busy meanwhile; null where it does not tell. */
  readonly otherCores: number | null;
  readonly verified: boolean;
}

type OneRound = Omit<ProduceResult, 'rounds'>;

const CEILING_WARM_UP_MS = 1_000;

export function benchProduce(
  choice: ClusterChoice,
  settings: ProduceSettings,
  watch: Watch,
): Promise<ProduceResult> {
  return withCluster(choice, watch, async (cluster) => {
    const rounds: OneRound[] = [];
    while (rounds.length < settings.rounds) {
      const ceilings = await ceilingsOf(choice, settings, watch);
      const round = await onTopic(cluster, settings, watch, async (run) => {
        const produced = await produce(run, settings);
        const reads = await readBack(run, settings.messageBytes);
        return resultOf(choice, settings, ceilings, produced, reads);
      });
      rounds.push(round);
    }
    return ofRounds(rounds);
  });
}

function ofRounds(rounds: readonly OneRound[]): ProduceResult {
  const byRate = rounds.toSorted((one, other) => one.messagesPerSecond - other.messagesPerSecond);
  const sum = (count: (verdict: Verdict) => number): number =>
    rounds.reduce((total, round) => total + count(round), 0);
  const failures: Record<string, number> = {};
  for (const round of rounds)
    for (const [code, count] of Object.entries(round.failures))
      failures[code] = (failures[code] ?? 0) + count;
  return {
    ...byRate[(byRate.length - 1) >> 1],
    sent: sum(({ sent }) => sent),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    lost: sum(({ lost }) => lost),
    duplicated: sum(({ duplicated }) => duplicated),
    corrupt: sum(({ corrupt }) => corrupt),
    reordered: sum(({ reordered }) => reordered),
    failures,
    verified: rounds.every(({ verified }) => verified),
    rounds: rounds.map(({ messagesPerSecond, ceiling, ratioToCeiling, otherCores, verified }) => ({
      ...{ messagesPerSecond, ratioToCeiling, otherCores, verified },
      ceilingPerSecond: ceiling?.messagesPerSecond ?? null,
    })),
  };
}

async function ceilingsOf(
  { directory }: ClusterChoice,
  settings: ProduceSettings,
  { progress, signal }: Watch,
): Promise<MeasuredCeiling[]> {
  const { ceilingMs, ceilingFiles, replicas, processes, producers, messageBytes } = settings;
  if (ceilingMs === 0) return [];
  const ceilings: MeasuredCeiling[] = [];
  const warmUpMs = Math.min(CEILING_WARM_UP_MS, ceilingMs);
  for (const file of ceilingFiles) {
    const phase = `measuring the ceiling (files that ${file === 'grow' ? 'grow' : 'are used again'})`;
    const measured = await timed(phase, ceilingMs + warmUpMs, progress, () =>
      measureCeiling({
        ...{ replicas, processes, producers, messageBytes, directory, signal },
        ...{ reuseFile: file === 'reuse', warmUpMs, durationMs: ceilingMs },
      }),
    );
    ceilings.push({ file, ...measured });
  }
  return ceilings;
}

function resultOf(
  { brokers }: ClusterChoice,
  settings: ProduceSettings,
  ceilings: readonly MeasuredCeiling[],
  {
    outcomes,
    messages,
    perSecond,
    latency,
    longestPauseMs,
    cpuSeconds,
    peakRss,
    otherCores,
  }: Produced,
  reads: readonly ReadOutcome[],
): OneRound {
  const { messageBytes, outstanding, producers } = settings;
  const ceiling = ceilings.at(0);
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
    ceilings,
    longestPauseMs: rounded(longestPauseMs, 1),
    otherCores: otherCores === undefined ? null : rounded(otherCores, 2),
    readBack: { messagesPerSecond: Math.round(readRate(reads)) },
    settings: { ...settings, brokers, outstandingBytes: outstanding * messageBytes * producers },
  };
}

export function readRate(reads: readonly ReadOutcome[]): number {
  return reads.reduce((sum, { messages, seconds }) => sum + messages / Math.max(seconds, 1e-3), 0);
}
