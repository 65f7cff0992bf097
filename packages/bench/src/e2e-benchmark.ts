// bench e2e: from send() to the consumer's handler, at a fixed rate.
import type { ClusterChoice } from './cluster/bench-cluster.js';
import { LatencyHistogram } from './latency-histogram.js';
import type { LatencySummary } from './latency-histogram.js';
import { LoadFleet } from './load/load-fleet.js';
import { produce } from './produce-phase.js';
import type { ProduceLoadSettings } from './produce-phase.js';
import { read, readJob, topicEnds } from './read-phase.js';
import { perMillion, withTopic } from './run.js';
import type { TopicSettings, Watch } from './run.js';
import { judge } from './verdict.js';
import type { Verdict } from './verdict.js';

export interface E2eSettings extends TopicSettings, ProduceLoadSettings {
  readonly messagesPerSecond: number;
  readonly delivery: 'pull' | 'push';
}

export interface E2eResult extends Verdict {
  readonly benchmark: 'e2e';
  readonly messagesPerSecond: number;
  /** From when a message was due to be sent until the handler had it. */
  readonly latencyMs: LatencySummary;
  /** Until it was acknowledged. */
  readonly produceLatencyMs: LatencySummary;
  readonly cpuSecondsPerMillion: Readonly<Record<string, number>>;
  readonly settings: E2eSettings & { readonly brokers: number };
}

export function benchE2e(
  cluster: ClusterChoice,
  settings: E2eSettings,
  watch: Watch,
): Promise<E2eResult> {
  return withTopic(cluster, settings, watch, async (run) => {
    const { messageBytes, delivery } = settings;
    const reader = new LoadFleet('reader', [
      { ...readJob(run, messageBytes), way: 'handler', delivery },
    ]);
    try {
      await reader.ready();
      const produced = await produce(run, settings, reader);
      const ends = await topicEnds(run);
      reader.tell({ order: 'stop', ends });
      const reads = await read(run, reader, ends, 'waiting for the last messages');
      const latency = new LatencyHistogram();
      for (const outcome of reads) latency.add(new LatencyHistogram(outcome.latency));
      return {
        benchmark: 'e2e',
        messagesPerSecond: Math.round(produced.perSecond),
        latencyMs: latency.summary(),
        produceLatencyMs: produced.latency.summary(),
        ...judge(produced.outcomes, reads, settings.acks),
        cpuSecondsPerMillion: perMillion(produced.cpuSeconds, produced.messages),
        settings: { ...settings, brokers: cluster.brokers },
      };
    } finally {
      reader.kill();
    }
  });
}
