// Takes away what a creation or deletion that was cut off left under /topics: nodes without a payload. No broker was
// ever told of such a topic by this zkserver, or its tombstone was written before the payload went.
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import { isTopic } from '../view/cluster-view.js';
import type { ClusterView, TopicNode } from '../view/cluster-view.js';
import type { Write } from './decision.js';
import { inMultis } from './multi-chunks.js';

export function removeLeftovers(view: ClusterView): readonly Write[] {
  return [...view.topicNodes.values()].filter((node) => !isTopic(node)).flatMap(removeNode);
}

/** Children first; cut off again, the rest is a leftover still. */
export function removeNode(node: TopicNode): readonly Write[] {
  const operations: StoreOperation[] = Array.from(node.partitions, ([number, { version }]) => ({
    kind: 'delete',
    path: paths.partition(node.name, number),
    version,
  }));
  if (node.hasPartitionsParent) {
    operations.push({ kind: 'delete', path: paths.partitions(node.name), version: 0 });
  }
  operations.push({ kind: 'delete', path: paths.topic(node.name), version: node.version });
  return inMultis(operations);
}
