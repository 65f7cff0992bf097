// Offsets of points in time, asked of the leaders of many partitions.
import type { PartitionOffset } from '@zhumq/rpc';
import { askLeaders } from './ask-leaders.js';
import type { AskLimits } from './ask-leaders.js';
import type { Cluster } from './cluster.js';

/** Timestamps with a meaning of their own. */
export const LATEST = -1;
export const EARLIEST = -2;

export interface OffsetQuery {
  readonly partition: number;
  /** Milliseconds since 1970, LATEST or EARLIEST. */
  readonly timestamp: number;
}

/** One answer for each query, by partition. Rejects with the first error that is not retriable, TIMEOUT, ABORTED. */
export function listOffsets(
  cluster: Cluster,
  topic: string,
  queries: readonly OffsetQuery[],
  limits: AskLimits<PartitionOffset>,
): Promise<Map<number, PartitionOffset>> {
  const failing = `offsets of topic ${topic} could not be read`;
  return askLeaders<OffsetQuery, PartitionOffset>(
    cluster,
    { topic, failing, ask: (client, items, signal) => client.listOffsets(items, { signal }) },
    queries,
    limits,
  );
}
