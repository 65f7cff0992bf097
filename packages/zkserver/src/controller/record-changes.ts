// What writes have made of the records of partitions, counted for metrics. The members of an ISR that a leader asked for are
// counted by its broker.
import { parsePath } from '@zhumq/metadata';
import { findTopic } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import type { Event, Write } from './decision.js';

export interface RecordChanges {
  readonly isrShrinks: number;
  readonly isrExpands: number;
  readonly possibleLosses: number;
}

/** `event`: what the write was decided for. Partitions that are made or deleted change nothing. */
export function recordChanges(
  before: ClusterView,
  after: ClusterView,
  write: Write,
  event: Event,
): RecordChanges {
  const wished = wishedBy(event);
  const changes = { isrShrinks: 0, isrExpands: 0, possibleLosses: 0 };
  for (const { path } of write) {
    const parsed = parsePath(path);
    if (parsed?.kind !== 'partition') continue;
    const topicNow = findTopic(after, parsed.topic);
    const old = before.topicNodes.get(parsed.topic)?.partitions.get(parsed.partition)?.value;
    const now = topicNow?.partitions.get(parsed.partition)?.value;
    if (topicNow === undefined || old === undefined || now === undefined) continue;
    if (now.lossEpoch !== old.lossEpoch) changes.possibleLosses++;
    // Between modes an ISR begins and ends as a whole.
    if (old.mode !== 'fetch' || now.mode !== 'fetch') continue;
    if (wished.has(keyOf(topicNow.record.topicId, parsed.partition))) continue;
    if (now.isr.length < old.isr.length) changes.isrShrinks++;
    if (now.isr.length > old.isr.length) changes.isrExpands++;
  }
  return changes;
}

function wishedBy(event: Event): ReadonlySet<string> {
  if (event.kind !== 'isr-changes-wanted') return new Set();
  return new Set(event.changes.map(({ topicId, partition }) => keyOf(topicId, partition)));
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId} ${partition}`;
}
