// Takes away the wish to switch a whole topic: when nothing of it is left to do, or with the topic.
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import type { ClusterView } from '../view/cluster-view.js';

/** For the write that deletes the topic; nothing when there is no such wish. */
export function forgetTopicSwitch(view: ClusterView, topicId: string): readonly StoreOperation[] {
  const node = view.topicSwitches.get(topicId);
  return node === undefined ? [] : [forget(topicId, node.version)];
}

export function forget(topicId: string, version: number): StoreOperation {
  return { kind: 'delete', path: paths.topicSwitch(topicId), version };
}
