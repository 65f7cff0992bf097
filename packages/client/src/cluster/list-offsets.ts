// Offsets of points in time, asked of the leaders of many partitions; who could not be asked is asked again.
import type { Clock, Deadline, Random } from '@zhumq/base';
import type { ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { errorOf } from '@zhumq/rpc';
import type { PartitionOffset, PartitionTimestamp } from '@zhumq/rpc';
import { asZhumqError } from '../errors.js';
import { retrying } from '../retry.js';
import type { Cluster } from './cluster.js';
import type { BrokerAddress } from './cluster-view.js';

/** Timestamps with a meaning of their own. */
export const LATEST = -1;
export const EARLIEST = -2;

export interface OffsetQuery {
  readonly partition: number;
  /** Milliseconds since 1970, LATEST or EARLIEST. */
  readonly timestamp: number;
}

export interface OffsetLimits {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadline: Deadline;
  readonly signal?: AbortSignal;
  /** Told of each partition as soon as it is known. */
  readonly onFound?: (found: PartitionOffset) => void;
  readonly onFailed?: (partition: number, error: ZhumqError) => void;
}

/** One answer for each query, by partition. Rejects with the first error that is not retriable, TIMEOUT, ABORTED. */
export async function listOffsets(
  cluster: Cluster,
  topic: string,
  queries: readonly OffsetQuery[],
  limits: OffsetLimits,
): Promise<Map<number, PartitionOffset>> {
  const found = new Map<number, PartitionOffset>();
  const attempt = async (): Promise<void> => {
    const missing = queries.filter(({ partition }) => !found.has(partition));
    const failures: ZhumqError[] = [];
    const failed = (partition: number, error: ZhumqError): void => {
      failures.push(error);
      limits.onFailed?.(partition, error);
    };
    await Promise.all(
      byLeader(cluster, topic, missing, failed).map(async ([broker, items]) => {
        for (const answer of await askOne(cluster, topic, broker, items, failed)) {
          found.set(answer.partition, answer);
          limits.onFound?.(answer);
        }
      }),
    );
    const worst = failures.find(({ retriable }) => !retriable) ?? failures.at(0);
    if (worst !== undefined) throw worst;
  };
  await retrying(attempt, { ...limits, failing: `offsets of topic ${topic} could not be read` });
  return found;
}

function byLeader(
  cluster: Cluster,
  topic: string,
  queries: readonly OffsetQuery[],
  failed: (partition: number, error: ZhumqError) => void,
): [BrokerAddress, OffsetQuery[]][] {
  const groups = new Map<number, [BrokerAddress, OffsetQuery[]]>();
  for (const query of queries) {
    const leader = cluster.leaderOf(topic, query.partition);
    if (leader === undefined) {
      const text = `partition ${topic}-${query.partition} has no leader that is known`;
      failed(query.partition, zhumqError('LEADER_NOT_AVAILABLE', text));
      cluster.refresh([topic]).catch(() => undefined);
      continue;
    }
    const group = groups.get(leader.id);
    if (group === undefined) groups.set(leader.id, [leader, [query]]);
    else group[1].push(query);
  }
  return [...groups.values()];
}

/** As the leader answers; CONNECTION_LOST as soon as it is silent and another one leads one of the partitions. */
async function askLeader(
  cluster: Cluster,
  broker: BrokerAddress,
  items: PartitionTimestamp[],
): Promise<PartitionOffset[]> {
  const moved = new AbortController();
  const watched = cluster.watch({
    ...{ broker, channel: cluster.channel(broker), partitions: items },
    ...{ patienceMs: 0, reads: true },
    abandon: () => moved.abort(),
  });
  try {
    return await cluster.broker(broker).listOffsets(items, { signal: moved.signal });
  } catch (error) {
    if (!moved.signal.aborted) throw error;
    const text = `broker ${broker.id} gave no answer, and another broker leads now`;
    throw zhumqError('CONNECTION_LOST', text, {}, error);
  } finally {
    cluster.requestEnded(watched);
  }
}

async function askOne(
  cluster: Cluster,
  topic: string,
  broker: BrokerAddress,
  queries: readonly OffsetQuery[],
  failed: (partition: number, error: ZhumqError) => void,
): Promise<PartitionOffset[]> {
  const fail = (partition: number, error: ZhumqError): void => {
    cluster.partitionFailed(topic, partition, broker, error);
    failed(partition, error);
  };
  try {
    const answers = await askLeader(
      cluster,
      broker,
      queries.map((query) => ({ topic, ...query })),
    );
    for (const { partition, failure } of answers) {
      if (failure !== undefined) fail(partition, errorOf(failure));
    }
    return answers.filter(({ failure }) => failure === undefined);
  } catch (caught) {
    const error = asZhumqError(caught);
    cluster.callFailed(broker, error, 'call');
    for (const { partition } of queries) fail(partition, error);
    return [];
  }
}
