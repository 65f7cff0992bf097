// Sets the positions of a group: finds the offsets at the leaders, and has the coordinator set them, so many in one step as it takes.
import { isError, zhumqError } from '@zhumq/model';
import { MAX_POSITIONS, errorOf } from '@zhumq/rpc';
import type { GroupPosition, GroupPositionReset } from '@zhumq/rpc';
import type { CallOptions } from '../api/client.js';
import type { OffsetReset, ResetOffsets } from '../api/groups.js';
import type { Cluster } from '../cluster/cluster.js';
import { EARLIEST, LATEST, listOffsets } from '../cluster/list-offsets.js';
import { asZhumqError, forGood } from '../errors.js';
import { invalidOption } from '../option-values.js';
import { retrying } from '../retry.js';
import type { RetryLimits } from '../retry.js';
import { limitsOf } from './controller-calls.js';
import { askCoordinator, fetchDescription } from './group-calls.js';

/** Of one topic: the group's positions by partition, and the partitions that are to be reset. */
interface TopicReset {
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly positions: ReadonlyMap<number, number>;
}

export async function resetOffsets(
  cluster: Cluster,
  reset: ResetOffsets,
  options: CallOptions,
): Promise<OffsetReset[]> {
  const { group, to, dryRun = false } = reset;
  checkTarget(to);
  if (reset.topic === undefined && reset.partitions !== undefined) {
    throw zhumqError('INVALID_OPTION', 'partitions are of one topic: say which one in topic');
  }
  const limits = limitsOf(cluster, options, `positions of group ${group} could not be reset`);
  const topics = await topicsOf(cluster, reset, limits);
  const wanted = await Promise.all(topics.map((topic) => targetsIn(cluster, topic, to, limits)));
  const resets = wanted.flat();
  const positions = resets.filter(({ failure }) => failure === undefined).map(positionAt);
  // Sent also when nothing is left of it: that members are in the way is to be said in any case.
  const done: GroupPositionReset[] = [];
  do {
    const part = positions.splice(0, MAX_POSITIONS);
    try {
      const answer = await askCoordinator(cluster, group, limits, (client, timeoutMs) =>
        client.resetPositions(group, part, dryRun, { timeoutMs, signal: limits.signal }),
      );
      done.push(...answer);
    } catch (error) {
      // Some are set already: the others say what became of them.
      if (dryRun || done.length === 0) throw error;
      const { code, message } = asZhumqError(error);
      const answers = answersOf(done);
      return resets.map((one) => outcome(one, answers, { code, message }));
    }
  } while (positions.length > 0);
  const answers = answersOf(done);
  return resets.map((one) => outcome(one, answers));
}

function checkTarget(to: ResetOffsets['to']): void {
  const takes =
    "'earliest', 'latest', 'none', an offset, a Date, or { by: N } with a whole number N";
  if (!isTarget(to)) throw invalidOption('to', JSON.stringify(to), takes);
}

/** Programs in JavaScript may give anything. */
function isTarget(to: unknown): boolean {
  if (typeof to === 'number') return Number.isSafeInteger(to) && to >= 0;
  if (typeof to === 'string') return ['earliest', 'latest', 'none'].includes(to);
  if (to instanceof Date) return to.getTime() >= 0;
  return typeof to === 'object' && to !== null && 'by' in to && Number.isSafeInteger(to.by);
}

async function topicsOf(
  cluster: Cluster,
  { group, topic, partitions }: ResetOffsets,
  limits: RetryLimits,
): Promise<TopicReset[]> {
  const known = await positionsOf(cluster, group, topic !== undefined, limits);
  if (topic !== undefined) {
    const view = await cluster.loadTopic(topic, limits.deadline, limits.signal);
    const positions = known.get(topic) ?? new Map<number, number>();
    const count = view.partitions.length;
    for (const one of partitions ?? []) {
      if (Number.isInteger(one) && one >= 0 && one < count) continue;
      const text = `topic ${topic} has no partition ${one}; it has ${count}, from 0`;
      throw forGood(zhumqError('UNKNOWN_PARTITION', text, { topic, partition: one }));
    }
    const all = partitions === undefined ? [...view.partitions.keys()] : [...new Set(partitions)];
    return [{ topic, partitions: all, positions }];
  }
  // Positions of topics that do not exist any more are nobody's.
  const names = [...known.keys()].sort();
  const { topics } = await retrying(() => cluster.fetchMetadata(names), limits);
  const present = new Set(topics.map(({ name }) => name));
  return [...known]
    .filter(([name]) => present.has(name))
    .map(([name, positions]) => ({ topic: name, partitions: [...positions.keys()], positions }));
}

/** By topic and partition. */
async function positionsOf(
  cluster: Cluster,
  group: string,
  mayBeNew: boolean,
  limits: RetryLimits,
): Promise<Map<string, Map<number, number>>> {
  const known = new Map<string, Map<number, number>>();
  try {
    for (const one of (await fetchDescription(cluster, group, limits)).positions) {
      const positions = known.get(one.topic) ?? new Map<number, number>();
      known.set(one.topic, positions.set(one.partition, one.offset));
    }
  } catch (error) {
    if (!mayBeNew || !isError(error, 'UNKNOWN_GROUP')) throw error;
  }
  return known;
}

async function targetsIn(
  cluster: Cluster,
  { topic, partitions, positions }: TopicReset,
  to: ResetOffsets['to'],
  limits: RetryLimits,
): Promise<OffsetReset[]> {
  await cluster.loadTopic(topic, limits.deadline, limits.signal);
  const find = async (timestamp: number): Promise<Map<number, number>> => {
    const queries = partitions.map((partition) => ({ partition, timestamp }));
    const found = await listOffsets(cluster, topic, queries, limits);
    return new Map([...found].map(([partition, { offset }]) => [partition, offset]));
  };
  if (to === 'none') {
    return partitions.map((partition) => ({
      ...{ topic, partition, from: positions.get(partition) ?? -1, to: -1 },
    }));
  }
  const [starts, ends, times] = await Promise.all([
    find(EARLIEST),
    find(LATEST),
    to instanceof Date ? find(to.getTime()) : undefined,
  ]);
  return partitions.map((partition) => {
    const from = positions.get(partition) ?? -1;
    const start = starts.get(partition) ?? 0;
    const end = ends.get(partition) ?? start;
    const about = { topic, partition, from };
    if (to === 'earliest') return { ...about, to: start };
    if (to === 'latest') return { ...about, to: end };
    if (to instanceof Date) return { ...about, to: Math.max(start, times?.get(partition) ?? end) };
    if (typeof to === 'object') return shifted(about, to.by, start, end);
    if (to >= start && to <= end) return { ...about, to };
    const message = `offset ${to} is outside of ${topic}-${partition}, which goes from ${start} to ${end}`;
    return { ...about, to, failure: { code: 'OFFSET_OUT_OF_RANGE', message } };
  });
}

function shifted(
  about: Omit<OffsetReset, 'to'>,
  by: number,
  start: number,
  end: number,
): OffsetReset {
  const { topic, partition, from } = about;
  if (from >= 0) return { ...about, to: Math.min(end, Math.max(start, from + by)) };
  const message = `the group has no position in ${topic}-${partition} that could be shifted`;
  return { ...about, to: -1, failure: { code: 'INVALID_REQUEST', message } };
}

function positionAt({ topic, partition, to }: OffsetReset): GroupPosition {
  return { topic, partition, offset: to, lastEpoch: -1, metadata: '', committedAt: 0 };
}

function answersOf(done: readonly GroupPositionReset[]): ReadonlyMap<string, GroupPositionReset> {
  return new Map(done.map((one) => [`${one.topic}-${one.partition}`, one]));
}

/** As the coordinator answered. What it was before is as described: an attempt before the last may have set it. */
function outcome(
  wanted: OffsetReset,
  answers: ReadonlyMap<string, GroupPositionReset>,
  silence?: OffsetReset['failure'],
): OffsetReset {
  const { topic, partition } = wanted;
  if (wanted.failure !== undefined) return wanted;
  const answer = answers.get(`${topic}-${partition}`);
  if (answer === undefined) {
    const message = `the coordinator said nothing of ${topic}-${partition}`;
    return { ...wanted, failure: silence ?? { code: 'INTERNAL', message } };
  }
  if (answer.failure === undefined) return wanted;
  const { code, message } = errorOf(answer.failure);
  return { ...wanted, failure: { code, message } };
}
