// Takes the ISRs that leaders in mode fetch want, and answers each with the partition as it is recorded then: a leader
// that was deposed learns it here.
import { zhumqError } from '@zhumq/model';
import { failureOf } from '@zhumq/rpc';
import type { IsrChange, IsrChangeResult } from '@zhumq/rpc';
import { refusalOf, wasCarriedOut } from '../election/change-isr.js';
import type { IsrRefusal } from '../election/change-isr.js';
import { fetchPartitionFinder } from '../election/fetch-partitions.js';
import type { ClusterView } from '../view/cluster-view.js';
import { topicsOf } from '../view/cluster-view.js';
import { assignmentOf } from '../wire/cluster-info.js';
import { asActive } from './api-context.js';
import type { ApiContext } from './api-context.js';

const MAX_CHANGES = 10_000;
const MAX_MEMBERS = 100;

export function changeIsr(
  context: ApiContext,
  changes: readonly IsrChange[],
): Promise<IsrChangeResult[]> {
  refuseMalformed(changes);
  return asActive(context, async (controller) => {
    const view = await controller.submit({ kind: 'isr-changes-wanted', changes });
    const results = resultsOf(view, changes);
    for (const { failure } of results) context.onIsrChange(failure === undefined);
    return results;
  });
}

function resultsOf(view: ClusterView, changes: readonly IsrChange[]): IsrChangeResult[] {
  const find = fetchPartitionFinder(view);
  const topics = new Map(topicsOf(view).map((topic) => [topic.record.topicId, topic]));
  return changes.map((change) => {
    const topic = topics.get(change.topicId);
    const assignment = topic && assignmentOf(topic, change.partition);
    if (assignment === undefined) {
      const reason = 'the topic, or the partition, does not exist';
      return { failure: failure(change.topicId, change, { code: 'UNKNOWN_PARTITION', reason }) };
    }
    const partition = find(change);
    if (partition === undefined) {
      const reason = 'it is not in mode fetch';
      const refusal: IsrRefusal = { code: 'STALE_GENERATION', reason };
      return { assignment, failure: failure(assignment.topic, change, refusal) };
    }
    if (wasCarriedOut(partition, change)) return { assignment };
    const refusal = refusalOf(view, partition, change) ?? SUPERSEDED;
    return { assignment, failure: failure(assignment.topic, change, refusal) };
  });
}

const SUPERSEDED: IsrRefusal = { code: 'STALE_EPOCH', reason: 'its record has changed meanwhile' };

function failure(topic: string, { partition }: IsrChange, { code, reason }: IsrRefusal) {
  const message = `the ISR of ${topic}-${partition} was not changed: ${reason}`;
  return failureOf(zhumqError(code, message, { topic, partition }));
}

function refuseMalformed(changes: readonly IsrChange[]): void {
  if (changes.length > MAX_CHANGES) {
    const message = `${changes.length} changes at once; at most ${MAX_CHANGES}`;
    throw zhumqError('INVALID_REQUEST', message, { changes: changes.length, limit: MAX_CHANGES });
  }
  const wrong = changes.find(({ isr }) => isr.length === 0 || isr.length > MAX_MEMBERS);
  if (wrong === undefined) return;
  const message = `an ISR of ${wrong.isr.length} members; 1 to ${MAX_MEMBERS} are allowed`;
  throw zhumqError('INVALID_REQUEST', message, { members: wrong.isr.length, limit: MAX_MEMBERS });
}
