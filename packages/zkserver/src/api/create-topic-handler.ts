// Creates a topic, or shows where it would be placed; creates one of zhumq's own.
import { assert } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { ReplicationMode as Mode } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { CreateTopicRequest, TopicInfo } from '@zhumq/rpc';
import { findTopic } from '../view/cluster-view.js';
import type { ClusterView } from '../view/cluster-view.js';
import { topicInfo } from '../wire/cluster-info.js';
import { asActive } from './api-context.js';
import type { ApiContext } from './api-context.js';

/** The replica ids of a dry run are not those that a later creation gives. */
export function createTopic(context: ApiContext, request: CreateTopicRequest): Promise<TopicInfo> {
  const { name, partitions, replicationFactor, config, dryRun } = request;
  const wish = { name, partitions, replicationFactor, mode: modeOf(request), config };
  return asActive(context, async (controller) => {
    const event = { kind: 'create-topic', wish } as const;
    const view = await (dryRun ? controller.preview(event) : controller.submit(event));
    return topicInfoOf(view, name);
  });
}

/** As it is when it is there already. */
export function ensureInternalTopic(context: ApiContext, name: string): Promise<TopicInfo> {
  return asActive(context, async (controller) =>
    topicInfoOf(await controller.submit({ kind: 'internal-topic-wanted', name }), name),
  );
}

export function topicInfoOf(view: ClusterView, name: string): TopicInfo {
  const topic = findTopic(view, name);
  assert(topic !== undefined, `topic ${name} was written and is not in the view`);
  return topicInfo(topic);
}

function modeOf({ name, mode }: CreateTopicRequest): Mode {
  if (mode === ReplicationMode.RAFT) return 'raft';
  if (mode === ReplicationMode.FETCH) return 'fetch';
  const message = `topic ${name}: ${String(mode)} is no replication mode`;
  throw zhumqError('INVALID_REQUEST', message, { topic: name });
}
