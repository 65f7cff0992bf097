// Sets the positions of a group: finds the offsets at the leaders, and has the coordinator set them in one step.
import { isError, zhumqError } from '@zhumq/model';
import type { GroupDescription, GroupPosition } from '@zhumq/rpc';
import type { CallOptions } from '../api/client.js';
import type { OffsetReset, ResetOffsets } from '../api/groups.js';
import type { Cluster } from '../cluster/cluster.js';
import { EARLIEST, LATEST, listOffsets } from '../cluster/list-offsets.js';
import { invalidOption } from '../option-values.js';
import type { RetryLimits } from '../retry.js';
import { limitsOf } from './controller-calls.js';
import { askCoordinator, fetchDescription } from './group-calls.js';

export async function resetOffsets(
  cluster: Cluster,
  reset: ResetOffsets,
  options: CallOptions,
): Promise<OffsetReset[]> {
  const { group, to, dryRun = false } = reset;
  checkTarget(to);
  if (reset.topic === undefined && reset.partitions !== undefined) {
    throw zhumqError('INVALID_OPTION', 'partitions are of one topic: name it in topic');
  }
  const limits = limitsOf(cluster, options, `positions of group ${group} could not be reset`);
  const known = await positionsOf(cluster, reset, limits);
  const wanted = await partitionsOf(cluster, reset, known, limits);
  const resets: OffsetReset[] = [];
  for (const [topic, partitions] of wanted) {
    resets.push(...(await targets(cluster, topic, partitions, known, to, limits)));
  }
  const positions = resets
    .filter(({ failure }) => failure === undefined)
    .map(({ topic, partition, to: offset }): GroupPosition => ({
      ...{ topic, partition, offset, lastEpoch: -1, metadata: '', committedAt: 0 },
    }));
  if (!dryRun && positions.length > 0) {
    await askCoordinator(cluster, group, limits, (client, timeoutMs) =>
      client.resetPositions(group, positions, { timeoutMs, signal: limits.signal }),
    );
  }
  return resets;
}

function checkTarget(to: ResetOffsets['to']): void {
  const takes = "'earliest', 'latest', 'none', an offset, a Date, or { by: a whole number }";
  const isGood =
    typeof to === 'number'
      ? Number.isSafeInteger(to) && to >= 0
      : typeof to === 'string'
        ? ['earliest', 'latest', 'none'].includes(to)
        : to instanceof Date
          ? Number.isFinite(to.getTime()) && to.getTime() >= 0
          : Number.isSafeInteger(to.by);
  if (!isGood) throw invalidOption('to', JSON.stringify(to), takes);
}

async function positionsOf(
  cluster: Cluster,
  { group, topic }: ResetOffsets,
  limits: RetryLimits,
): Promise<GroupDescription['positions']> {
  try {
    return (await fetchDescription(cluster, group, limits)).positions;
  } catch (error) {
    if (topic !== undefined && isError(error, 'UNKNOWN_GROUP')) return [];
    throw error;
  }
}

async function partitionsOf(
  cluster: Cluster,
  { topic, partitions }: ResetOffsets,
  known: GroupDescription['positions'],
  limits: RetryLimits,
): Promise<Map<string, readonly number[]>> {
  if (topic !== undefined) {
    const view = await cluster.loadTopic(topic, limits.deadline, limits.signal);
    return new Map([[topic, partitions ?? [...view.partitions.keys()]]]);
  }
  const names = [...new Set(known.map((one) => one.topic))].sort();
  const { topics } = await cluster.fetchMetadata(names);
  const present = new Set(topics.map(({ name }) => name));
  return new Map(
    names
      .filter((name) => present.has(name))
      .map((name) => [
        name,
        known.filter((one) => one.topic === name).map(({ partition }) => partition),
      ]),
  );
}

async function targets(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  known: GroupDescription['positions'],
  to: ResetOffsets['to'],
  limits: RetryLimits,
): Promise<OffsetReset[]> {
  await cluster.loadTopic(topic, limits.deadline, limits.signal);
  const find = async (timestamp: number): Promise<Map<number, number>> => {
    const queries = partitions.map((partition) => ({ partition, timestamp }));
    const found = await listOffsets(cluster, topic, queries, limits);
    return new Map([...found].map(([partition, { offset }]) => [partition, offset]));
  };
  const [starts, ends] = await Promise.all([find(EARLIEST), find(LATEST)]);
  const times = to instanceof Date ? await find(to.getTime()) : new Map<number, number>();
  return partitions.map((partition) => {
    const from =
      known.find((one) => one.topic === topic && one.partition === partition)?.offset ?? -1;
    const start = starts.get(partition) ?? 0;
    const end = ends.get(partition) ?? 0;
    const about = { topic, partition, from };
    if (to === 'none') return { ...about, to: -1 };
    if (to === 'earliest') return { ...about, to: start };
    if (to === 'latest') return { ...about, to: end };
    if (to instanceof Date) return { ...about, to: times.get(partition) ?? end };
    if (typeof to === 'object') {
      if (from >= 0) return { ...about, to: Math.min(end, Math.max(start, from + to.by)) };
      const message = `the group has no position in ${topic}-${partition} that could be shifted`;
      return { ...about, to: -1, failure: { code: 'INVALID_REQUEST', message } };
    }
    if (to >= start && to <= end) return { ...about, to };
    const message = `offset ${to} is outside of ${topic}-${partition}, which goes from ${start} to ${end}`;
    return { ...about, to, failure: { code: 'OFFSET_OUT_OF_RANGE', message } };
  });
}
