// Begins switches of modes, and tells where they stand.
import { zhumqError } from '@zhumq/model';
import type { ReplicationMode as Mode } from '@zhumq/model';
import { ReplicationMode } from '@zhumq/rpc';
import type { PartitionSwitch, SwitchRequest } from '@zhumq/rpc';
import { unknownTopic } from '../controller/delete-topic.js';
import { findPartition } from '../switch/begin-switch.js';
import { checkedRows, switchRows } from '../switch/switch-rows.js';
import { findTopic } from '../view/cluster-view.js';
import type { ClusterView, Topic } from '../view/cluster-view.js';
import { asActive } from './api-context.js';
import type { ApiContext } from './api-context.js';

/** All partitions of the topic. */
const ALL = -1;
const MAX_PARALLEL = 1000;

/** Answers when the intent is recorded; the switch goes on without the caller. */
export function switchMode(
  context: ApiContext,
  request: SwitchRequest,
): Promise<PartitionSwitch[]> {
  const { topic, partition, parallel, dryRun } = request;
  const to = modeOf(request);
  if (parallel < 0 || parallel > MAX_PARALLEL) {
    const message = `topic ${topic}: ${parallel} partitions can not be switched at once, only 1 to ${MAX_PARALLEL}`;
    throw zhumqError('INVALID_REQUEST', message, { topic, parallel, limit: MAX_PARALLEL });
  }
  return asActive(context, async (controller) => {
    if (dryRun) {
      const view = await controller.read();
      return checkedRows(view, checkedTopic(view, topic, partition), partition, to);
    }
    const view = await controller.submit(
      partition === ALL
        ? { kind: 'topic-switch-wanted', topic, to, parallel }
        : { kind: 'switch-wanted', topic, partition, to },
    );
    return switchRows(view, checkedTopic(view, topic, partition), partition, to);
  });
}

/** From the active zkserver, so that who began a switch sees it. */
export function describeSwitch(
  context: ApiContext,
  topic: string,
  partition: number,
): Promise<PartitionSwitch[]> {
  return asActive(context, async (controller) => {
    const view = await controller.read();
    return switchRows(view, checkedTopic(view, topic, partition), partition);
  });
}

function checkedTopic(view: ClusterView, name: string, partition: number): Topic {
  if (partition !== ALL) return findPartition(view, name, partition).topic;
  const topic = findTopic(view, name);
  if (topic === undefined) throw unknownTopic(name);
  return topic;
}

function modeOf({ topic, to }: SwitchRequest): Mode {
  if (to === ReplicationMode.RAFT) return 'raft';
  if (to === ReplicationMode.FETCH) return 'fetch';
  const message = `topic ${topic}: ${String(to)} is no replication mode`;
  throw zhumqError('INVALID_REQUEST', message, { topic });
}
