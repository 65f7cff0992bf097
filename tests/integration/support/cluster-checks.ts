// What tests ask of a whole cluster: who leads, is everybody level, are the copies equal on the disk.
import type { Client, PartitionDetails } from '@zhumq/client';
import type { ClusterProcesses } from './cluster-processes.js';
import { compareReplicas, replicaFolder } from './replica-bytes.js';
import type { Comparison } from './replica-bytes.js';
import { report } from './report.js';
import { until } from './until.js';

/** The leader as the replicas themselves tell; waits until there is one. */
export async function leaderOf(client: Client, topic: string, partition = 0): Promise<number> {
  return until(`${topic}-${partition} has a leader`, async () => {
    const [details] = (await client.admin().describePartitions(topic)).filter(
      (one) => one.partition === partition,
    );
    return details.replicaDetails.find(({ role }) => role === 'leader')?.broker;
  });
}

/** Makes a broker the leader of a partition; waits until it is. */
export async function makeLeader(
  client: Client,
  topic: string,
  partition: number,
  broker: number,
): Promise<void> {
  await until(`broker ${broker} leads ${topic}-${partition}`, async () => {
    if ((await leaderOf(client, topic, partition)) === broker) return true;
    await client.admin().electLeader({ topic, partition, broker });
    return false;
  });
}

/** Waits until a broker's replicas have on disk what was committed when this was called. */
export async function untilCaughtUp(client: Client, topic: string, broker: number): Promise<void> {
  const targets = new Map(
    (await client.admin().describePartitions(topic)).map((one) => [
      one.partition,
      one.highWatermark,
    ]),
  );
  let seen: readonly PartitionDetails[] = [];
  await until(
    `broker ${broker} has caught up with ${topic}`,
    async () => {
      seen = await client.admin().describePartitions(topic);
      return seen.every(({ partition, replicas, replicaDetails }) => {
        if (!replicas.includes(broker)) return true;
        const own = replicaDetails.find((replica) => replica.broker === broker);
        return own !== undefined && own.durableEnd >= (targets.get(partition) ?? 0);
      });
    },
    { timeoutMs: 90_000, state: () => seen },
  );
}

/** Waits until a broker's replicas are in the ISR of every partition of a topic in mode fetch. */
export async function untilInSync(client: Client, topic: string, broker: number): Promise<void> {
  let seen: readonly PartitionDetails[] = [];
  await until(
    `broker ${broker} is in sync with ${topic}`,
    async () => {
      seen = await client.admin().describePartitions(topic);
      return seen.every(
        ({ replicas, inSync }) => !replicas.includes(broker) || inSync.includes(broker),
      );
    },
    { timeoutMs: 90_000, state: () => seen },
  );
}

/** Waits until every replica of every partition has everything on disk and knows that it is committed. */
export async function untilLevel(client: Client, topic: string): Promise<PartitionDetails[]> {
  let seen: PartitionDetails[] = [];
  return until(
    `all replicas of ${topic} are level`,
    async () => {
      seen = await client.admin().describePartitions(topic);
      return seen.every(isLevel) ? seen : undefined;
    },
    { timeoutMs: 90_000, state: () => seen },
  );
}

function isLevel({ replicas, replicaDetails, highWatermark }: PartitionDetails): boolean {
  return (
    replicaDetails.length === replicas.length &&
    replicaDetails.some(({ role }) => role === 'leader') &&
    replicaDetails.every(
      (replica) =>
        ['leader', 'follower'].includes(replica.role) &&
        replica.logEnd === highWatermark &&
        replica.durableEnd === highWatermark &&
        replica.highWatermark === highWatermark,
    )
  );
}

/**
 * Waits until all replicas are level, then compares their files up to the high watermark. A running broker may write a
 * batch to its segment a moment after it is durable in the write-ahead log, so that it is looked at until it is equal.
 */
export async function expectEqualReplicas(
  cluster: ClusterProcesses,
  client: Client,
  topic: string,
): Promise<Comparison[]> {
  const partitions = await untilLevel(client, topic);
  const comparisons: Comparison[] = [];
  for (const { partition, replicas, highWatermark } of partitions) {
    const folders = replicas.map((id) =>
      replicaFolder(cluster.dataDirectory(id), topic, partition),
    );
    let comparison = compareReplicas(folders, highWatermark);
    await until(
      `the replicas of ${topic}-${partition} are equal on the disk`,
      () => {
        comparison = compareReplicas(folders, highWatermark);
        return comparison.differences.length === 0;
      },
      { timeoutMs: 20_000, state: () => comparison.differences },
    );
    const { from, to, bytes } = comparison;
    report(
      `${topic}-${partition}: ${replicas.length} replicas equal, [${from}, ${to}), ${bytes} B`,
    );
    comparisons.push(comparison);
  }
  return comparisons;
}
