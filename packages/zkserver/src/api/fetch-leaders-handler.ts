// Leaders in mode fetch: those that give their office up, and those that somebody wants.
import { zhumqError } from '@zhumq/model';
import type { LeaderReport } from '@zhumq/rpc';
import { unknownTopic } from '../controller/delete-topic.js';
import { findTopic } from '../view/cluster-view.js';
import { asActive } from './api-context.js';
import type { ApiContext } from './api-context.js';

const MAX_RESIGNATIONS = 10_000;

/** Answered when it is written down that they lead no more. Late resignations mean nothing and are no error. */
export function resignLeaders(
  context: ApiContext,
  reports: readonly LeaderReport[],
): Promise<void> {
  if (reports.length > MAX_RESIGNATIONS) {
    const limit = MAX_RESIGNATIONS;
    const message = `${reports.length} resignations at once; at most ${limit}`;
    throw zhumqError('INVALID_REQUEST', message, { reports: reports.length, limit });
  }
  return asActive(context, async (controller) => {
    controller.elections.expectResigned(reports);
    await controller.submit({ kind: 'leaders-resigned', resignations: reports });
  });
}

/** Answered when the replica leads; nothing happens when it does already. */
export function electLeader(
  context: ApiContext,
  topic: string,
  partition: number,
  toBroker: number,
): Promise<void> {
  return asActive(context, async (controller) => {
    const found = findTopic(context.view() ?? unread(), topic);
    if (found === undefined) throw unknownTopic(topic);
    const record = found.partitions.get(partition)?.value;
    if (record === undefined) {
      const message = `topic ${topic} has no partition ${partition}`;
      throw zhumqError('UNKNOWN_PARTITION', message, { topic, partition });
    }
    if (record.mode !== 'fetch') {
      const message = `${topic}-${partition} is in mode raft: its leader hands over by itself (transferLeadership)`;
      throw zhumqError('INVALID_REQUEST', message, { topic, partition });
    }
    await controller.elections.move({
      topicId: found.record.topicId,
      partition,
      to: toBroker,
    });
  });
}

function unread(): never {
  const message = 'the metadata store has not been read yet; try again soon';
  throw zhumqError('STORE_UNAVAILABLE', message, { sent: false });
}
