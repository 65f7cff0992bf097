// bench failover: kills the process of a leader, and waits for the next acknowledgement of its partitions.
import { formatHostPort } from '@zhumq/base';
import type { ClusterChoice } from './cluster/bench-cluster.js';
import { isWhole, until } from './conditions.js';
import type { LatencySummary } from './latency-histogram.js';
import type { LoadFleet } from './load/load-fleet.js';
import { monotonicUs } from './payload.js';
import { spreadOf } from './percentiles.js';
import type { Spread } from './percentiles.js';
import { produceDuring } from './produce-phase.js';
import type { ProduceLoadSettings } from './produce-phase.js';
import { readBack } from './read-phase.js';
import { rounded, withTopic } from './run.js';
import type { Run, TopicSettings, Watch } from './run.js';
import { judge } from './verdict.js';
import type { Verdict } from './verdict.js';

export interface FailoverSettings extends TopicSettings, ProduceLoadSettings {
  readonly rounds: number;
  /** When the broker that was killed is started again. */
  readonly restartAfterMs: number;
}

export interface FailoverResult extends Verdict {
  readonly benchmark: 'failover';
  /** Longest time without an acknowledgement of each partition whose leader was killed. */
  readonly failoverMs: Spread | null;
  readonly failoversMs: readonly number[];
  /** Of partitions with another leader, at the same time. */
  readonly othersMs: Spread | null;
  readonly messagesPerSecond: number;
  readonly latencyMs: LatencySummary;
  readonly settings: FailoverSettings & { readonly brokers: number };
}

/** Another leader, and then an acknowledgement of it. */
const FAILOVER_LIMIT_MS = 60_000;
const RETURN_LIMIT_MS = 120_000;

export function benchFailover(
  cluster: ClusterChoice,
  settings: FailoverSettings,
  watch: Watch,
): Promise<FailoverResult> {
  const { restartAfterMs } = settings;
  return withTopic({ ...cluster, restartAfterMs }, settings, watch, async (run) => {
    const [failovers, others]: number[][] = [[], []];
    const produced = await produceDuring(run, settings, async (fleet) => {
      for (let round = 1; round <= settings.rounds; round++) {
        const seen = await failOver(run, fleet, cluster.brokers, round);
        failovers.push(...seen.led);
        others.push(...seen.others);
      }
    });
    const whole = (): Promise<boolean> => isWhole(run.client, cluster.brokers);
    await until('waiting for all brokers', run, RETURN_LIMIT_MS, whole);
    const reads = await readBack(await atItsAddresses(run), settings.messageBytes);
    return {
      benchmark: 'failover',
      failoverMs: spreadOf(failovers) ?? null,
      failoversMs: failovers.map((ms) => rounded(ms, 1)),
      othersMs: spreadOf(others) ?? null,
      messagesPerSecond: Math.round(produced.perSecond),
      latencyMs: produced.latency.summary(),
      ...judge(produced.outcomes, reads, settings.acks),
      settings: { ...settings, brokers: cluster.brokers },
    };
  });
}

async function failOver(
  run: Run,
  fleet: LoadFleet<'produce'>,
  brokers: number,
  round: number,
): Promise<{ led: number[]; others: number[] }> {
  const whole = (): Promise<boolean> => isWhole(run.client, brokers);
  await until(`round ${round}: waiting for all brokers`, run, RETURN_LIMIT_MS, whole);
  const victim = (await leaders(run)).get(0) ?? -1;
  const led = new Set<number>();
  for (const [partition, leader] of await leaders(run)) if (leader === victim) led.add(partition);
  await fleet.gaps(true);
  process.kill(run.cluster.pidOf(victim), 'SIGKILL');
  // What the dead leader had acknowledged may still arrive: only what comes after the new leaders counts as theirs.
  await until(`round ${round}: broker ${victim} is killed`, run, FAILOVER_LIMIT_MS, async () => {
    const now = await leaders(run);
    return [...led].every((partition) => ![victim, -1].includes(now.get(partition) ?? -1));
  });
  const electedUs = monotonicUs();
  const longest = new Map<number, number>();
  await until(`round ${round}: waiting for acknowledgements`, run, FAILOVER_LIMIT_MS, async () => {
    let acknowledged = 0;
    for (const { partition, longestMs, lastAckUs } of await fleet.gaps()) {
      longest.set(partition, longestMs);
      if (led.has(partition) && lastAckUs > electedUs) acknowledged++;
    }
    return acknowledged === led.size;
  });
  const all = [...longest];
  return {
    led: all.filter(([partition]) => led.has(partition)).map(([, ms]) => ms),
    others: all.filter(([partition]) => !led.has(partition)).map(([, ms]) => ms),
  };
}

/** A broker that was started again has another port. */
async function atItsAddresses(run: Run): Promise<Run> {
  const { brokers } = await run.client.admin().describeCluster();
  const bootstrap = brokers.map(formatHostPort);
  return { ...run, cluster: { ...run.cluster, bootstrap } };
}

/** Broker by partition. */
async function leaders({ client, topic }: Run): Promise<Map<number, number>> {
  const [{ partitions }] = await client.admin().describeTopics([topic]);
  return new Map(
    partitions.map(({ partition, leader, leaderAlive }) => [partition, leaderAlive ? leader : -1]),
  );
}
