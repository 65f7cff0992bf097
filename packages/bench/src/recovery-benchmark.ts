// bench recovery: a broker stands still while much is produced; how fast does it have everything when it goes on?
import type { PartitionDetails } from '@zhumq/client';
import type { ClusterChoice } from './cluster/bench-cluster.js';
import { until } from './conditions.js';
import { measureCopy } from './copy/loopback-copy.js';
import { produceDuring } from './produce-phase.js';
import type { ProduceLoadSettings } from './produce-phase.js';
import { readBack } from './read-phase.js';
import { megabytes, rounded, withTopic } from './run.js';
import type { Run, TopicSettings, Watch } from './run.js';
import { judge } from './verdict.js';
import type { Verdict } from './verdict.js';

export interface RecoverySettings extends TopicSettings, ProduceLoadSettings {
  /** Of message values that the broker lacks (10^6 bytes each). */
  readonly megabytes: number;
}

export interface RecoveryResult extends Verdict {
  readonly benchmark: 'recovery';
  /** Messages and megabytes that the broker lacked when it went on. */
  readonly messagesBehind: number;
  readonly megabytesBehind: number;
  /** From when it went on until it had them, and the part of that before the first one. */
  readonly seconds: number;
  readonly secondsBeforeFirst: number;
  /** Over all of that time. */
  readonly megabytesPerSecond: number;
  /** A file of as many bytes through a loopback socket, in the same run. */
  readonly copyMegabytesPerSecond: number;
  readonly ratioToCopy: number;
  readonly settings: RecoverySettings & { readonly brokers: number };
}

const LIMIT_MS = 300_000;

export function benchRecovery(
  cluster: ClusterChoice,
  settings: RecoverySettings,
  watch: Watch,
): Promise<RecoveryResult> {
  return withTopic(cluster, settings, watch, async (run) => {
    const victim = cluster.brokers;
    const pid = run.cluster.pidOf(victim);
    const before = endsOn(victim, await details(run));
    process.kill(pid, 'SIGSTOP');
    const produced = await (async () => {
      try {
        await othersLead(run, victim);
        return await produceMegabytes(run, settings);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
    })();
    const { seconds, secondsBeforeFirst, messagesBehind } = await caughtUp(run, victim, before);
    const behind = messagesBehind * settings.messageBytes;
    run.progress('copying a file through a socket', 0);
    const copied = await measureCopy(cluster.directory, behind, run.signal);
    // What is read back comes from the replicas that had to catch up.
    await leadsAll(run, victim);
    const reads = await readBack(run, settings.messageBytes);
    return {
      benchmark: 'recovery',
      messagesBehind,
      megabytesBehind: megabytes(messagesBehind, settings.messageBytes),
      seconds: rounded(seconds, 2),
      secondsBeforeFirst: rounded(secondsBeforeFirst, 2),
      megabytesPerSecond: rounded(behind / 1e6 / seconds, 1),
      copyMegabytesPerSecond: rounded(copied / 1e6, 1),
      ratioToCopy: rounded(behind / seconds / copied, 3),
      ...judge(produced.outcomes, reads, settings.acks),
      settings: { ...settings, brokers: cluster.brokers },
    };
  });
}

function details({ client, topic }: Run): Promise<PartitionDetails[]> {
  return client.admin().describePartitions(topic);
}

/** Log end of the broker's replica by partition; 0 where it does not answer. */
function endsOn(broker: number, partitions: readonly PartitionDetails[]): Map<number, number> {
  return new Map(
    partitions.map(({ partition, replicaDetails }) => [
      partition,
      Math.max(0, replicaDetails.find((replica) => replica.broker === broker)?.logEnd ?? 0),
    ]),
  );
}

async function othersLead(run: Run, broker: number): Promise<void> {
  await until(`broker ${broker} stands still`, run, LIMIT_MS, async () => {
    const [{ partitions }] = await run.client.admin().describeTopics([run.topic]);
    return partitions.every(({ leader, leaderAlive }) => leaderAlive && leader !== broker);
  });
}

function produceMegabytes(run: Run, settings: RecoverySettings): ReturnType<typeof produceDuring> {
  const wanted = (settings.megabytes * 1e6) / settings.messageBytes;
  return produceDuring(run, { ...settings, warmUpMs: 0 }, (fleet) =>
    until(
      'producing',
      { ...run, progress: (phase) => run.progress(phase, fleet.messages / wanted) },
      LIMIT_MS,
      () => Promise.resolve(fleet.messages >= wanted),
    ),
  );
}

async function caughtUp(
  run: Run,
  broker: number,
  before: ReadonlyMap<number, number>,
): Promise<{ seconds: number; secondsBeforeFirst: number; messagesBehind: number }> {
  const beganMs = performance.now();
  const wanted = new Map(
    (await run.client.admin().listOffsets({ topic: run.topic, at: 'latest' })).map(
      ({ partition, offset }) => [partition, offset],
    ),
  );
  const missing = (ends: ReadonlyMap<number, number>): number =>
    [...wanted].reduce(
      (sum, [partition, end]) => sum + Math.max(0, end - (ends.get(partition) ?? 0)),
      0,
    );
  const messagesBehind = missing(before);
  let firstMs: number | undefined;
  let left = messagesBehind;
  const watch = { ...run, progress: () => run.progress('catching up', 1 - left / messagesBehind) };
  await until('catching up', watch, LIMIT_MS, async () => {
    const ends = endsOn(broker, await details(run));
    left = missing(ends);
    if (left < messagesBehind) firstMs ??= performance.now();
    return left === 0;
  });
  const endedMs = performance.now();
  return {
    seconds: (endedMs - beganMs) / 1e3,
    secondsBeforeFirst: ((firstMs ?? endedMs) - beganMs) / 1e3,
    messagesBehind,
  };
}

async function leadsAll(run: Run, broker: number): Promise<void> {
  const { client, topic } = run;
  for (const { partition } of await details(run)) {
    await until(`moving partition ${partition} to broker ${broker}`, run, LIMIT_MS, async () => {
      await client.admin().electLeader({ topic, partition, broker });
      return true;
    });
  }
}
