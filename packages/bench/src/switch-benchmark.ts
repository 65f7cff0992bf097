// bench switch: switches a topic to the other mode and back while it is produced to, again and again.
import { setTimeout as delay } from 'node:timers/promises';
import type { ReplicationMode } from '@zhumq/client';
import type { ClusterChoice } from './cluster/bench-cluster.js';
import type { LatencySummary } from './latency-histogram.js';
import type { LoadFleet } from './load/load-fleet.js';
import { spreadOf } from './percentiles.js';
import type { Spread } from './percentiles.js';
import { produceDuring } from './produce-phase.js';
import type { ProduceLoadSettings } from './produce-phase.js';
import { readBack } from './read-phase.js';
import { withTopic } from './run.js';
import type { Run, TopicSettings, Watch } from './run.js';
import { judge } from './verdict.js';
import type { Verdict } from './verdict.js';

export interface SwitchSettings extends TopicSettings, ProduceLoadSettings {
  /** Of the whole topic, there and back counting as two. */
  readonly switches: number;
  /** Between two switches; pauses are measured then, too. */
  readonly quietMs: number;
}

export interface SwitchResult extends Verdict {
  readonly benchmark: 'switch';
  /** For each switch and partition: longest time without an acknowledgement. */
  readonly pauseMs: Spread | null;
  /** The same between switches: what the load alone does. */
  readonly quietPauseMs: Spread | null;
  /** From asking until all partitions were in the other mode. */
  readonly switchMs: Spread | null;
  /** Sends that failed, and partitions whose switch was refused or given up. */
  readonly failedSends: number;
  readonly failedSwitches: number;
  readonly messagesPerSecond: number;
  readonly latencyMs: LatencySummary;
  readonly settings: SwitchSettings & { readonly brokers: number };
}

const SWITCH_LIMIT = '60s';
/** The last acknowledgements of the old leader are out, and the first ones of the new one are in. */
const AFTER_MS = 200;

export function benchSwitch(
  cluster: ClusterChoice,
  settings: SwitchSettings,
  watch: Watch,
): Promise<SwitchResult> {
  return withTopic(cluster, settings, watch, async (run) => {
    const seen: Seen = { pauses: [], quiet: [], times: [], failed: 0 };
    const produced = await produceDuring(run, settings, (fleet) =>
      switches(run, fleet, settings, seen),
    );
    const reads = await readBack(run, settings.messageBytes);
    const verdict = judge(produced.outcomes, reads, settings.acks);
    return {
      benchmark: 'switch',
      pauseMs: spreadOf(seen.pauses) ?? null,
      quietPauseMs: spreadOf(seen.quiet) ?? null,
      switchMs: spreadOf(seen.times) ?? null,
      failedSends: Object.values(verdict.failures).reduce((sum, count) => sum + count, 0),
      failedSwitches: seen.failed,
      messagesPerSecond: Math.round(produced.perSecond),
      latencyMs: produced.latency.summary(),
      ...verdict,
      settings: { ...settings, brokers: cluster.brokers },
    };
  });
}

interface Seen {
  readonly pauses: number[];
  readonly quiet: number[];
  readonly times: number[];
  failed: number;
}

async function switches(
  { client, topic, progress, signal }: Run,
  fleet: LoadFleet<'produce'>,
  { mode, switches: count, quietMs }: SwitchSettings,
  seen: Seen,
): Promise<void> {
  const pauses = async (): Promise<number[]> =>
    (await fleet.gaps(true)).map(({ longestMs }) => longestMs);
  let to: ReplicationMode = mode;
  for (let done = 0; done < count; done++) {
    to = to === 'raft' ? 'fetch' : 'raft';
    progress(`switch ${done + 1} of ${count}, to ${to}`, done / count);
    await fleet.gaps(true);
    await delay(quietMs, undefined, { signal });
    seen.quiet.push(...(await pauses()));
    const beganMs = performance.now();
    const ended = await client.admin().switchMode({ topic, to, wait: SWITCH_LIMIT }, { signal });
    seen.times.push(performance.now() - beganMs);
    seen.failed += ended.filter(({ state }) => state !== 'done').length;
    await delay(AFTER_MS, undefined, { signal });
    seen.pauses.push(...(await pauses()));
  }
}
