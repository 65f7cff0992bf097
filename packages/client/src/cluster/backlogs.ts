// What is unread from positions on, and since when, asked of the leaders of many partitions.
import type { ZhumqError } from '@zhumq/base';
import type { PartitionBacklog } from '@zhumq/rpc';
import { askLeaders } from './ask-leaders.js';
import type { AskLimits } from './ask-leaders.js';
import type { Cluster } from './cluster.js';

export interface BacklogQuery {
  readonly partition: number;
  /** -1: the log start. */
  readonly offset: number;
}

export interface Backlog {
  readonly logStart: number;
  readonly highWatermark: number;
  /** Offsets that are unread. */
  readonly messages: number;
  /** Since the first of them was written, as its batch says; 0 when nothing is unread. */
  readonly seconds: number;
}

/** One answer for each query, by partition. Rejects with the first error that is not retriable, TIMEOUT, ABORTED. */
export async function listBacklogs(
  cluster: Cluster,
  topic: string,
  queries: readonly BacklogQuery[],
  limits: AskLimits<PartitionBacklog>,
): Promise<Map<number, Backlog>> {
  const failing = `the backlog of topic ${topic} could not be read`;
  const found = await askLeaders<BacklogQuery, PartitionBacklog>(
    cluster,
    { topic, failing, ask: (client, items, signal) => client.backlogs(items, { signal }) },
    queries,
    limits,
  );
  const now = cluster.options.clock.wallMs();
  return new Map([...found].map(([partition, one]) => [partition, backlogAt(one, now)]));
}

/** Every partition gets its backlog or the reason why there is none; never rejects but with ABORTED. */
export async function listKnownBacklogs(
  cluster: Cluster,
  topic: string,
  queries: readonly BacklogQuery[],
  limits: AskLimits<PartitionBacklog>,
): Promise<Map<number, Backlog | ZhumqError>> {
  const known = new Map<number, Backlog | ZhumqError>();
  const now = (): number => cluster.options.clock.wallMs();
  try {
    await listBacklogs(cluster, topic, queries, {
      ...limits,
      onFound: (one) => known.set(one.partition, backlogAt(one, now())),
      onFailed: (partition, error) => known.set(partition, error),
    });
  } catch (error) {
    if (limits.signal?.aborted === true) throw error;
  }
  return known;
}

function backlogAt(found: PartitionBacklog, nowMs: number): Backlog {
  const { logStart, highWatermark, unreadFrom, timestamp } = found;
  const messages = Math.max(0, highWatermark - unreadFrom);
  // The clocks of those who write and of this computer may differ.
  const seconds = messages === 0 || timestamp < 0 ? 0 : Math.max(0, (nowMs - timestamp) / 1000);
  return { logStart, highWatermark, messages, seconds };
}
