// Decides the topics of zhumq's own: brokers ask for them by name when they need them, and what they are is decided here,
// so that no two brokers can want them to be different.
import { isInternalTopic, zhumqError } from '@zhumq/model';
import { findTopic } from '../view/cluster-view.js';
import { newTopic, placeable } from './create-topic.js';
import type { Decide, DecisionInput, TopicWish } from './decision.js';

/** Nothing to write when it is there; throws NOT_ENOUGH_BROKERS while no broker lives. */
export const ensureInternalTopic: Decide<'internal-topic-wanted'> = (view, { name }, input) => {
  // Names of strangers: an object has more properties than those that it was given.
  const wish = Object.hasOwn(INTERNAL_TOPICS, name)
    ? INTERNAL_TOPICS[name]?.(input.defaults)
    : undefined;
  if (wish === undefined) {
    const known = Object.keys(INTERNAL_TOPICS).join(', ');
    throw zhumqError(
      'INVALID_TOPIC',
      `"${name}" is no internal topic of this version; there is ${known}`,
      { topic: name },
    );
  }
  if (findTopic(view, name) !== undefined) return [];
  const replicationFactor = Math.max(1, Math.min(INTERNAL_REPLICAS, placeable(view).length));
  return newTopic(view, { name, replicationFactor, ...wish }, input);
};

/** Throws INVALID_TOPIC for a topic that zhumq keeps for itself; `what` is what was refused, as "be deleted". */
export function refuseInternal(name: string, what: string): void {
  if (!isInternalTopic(name)) return;
  throw zhumqError(
    'INVALID_TOPIC',
    `topic ${name} is one of zhumq's own and can not ${what}; nothing was changed`,
    { topic: name },
  );
}

const INTERNAL_REPLICAS = 3;

type InternalTopic = Pick<TopicWish, 'partitions' | 'mode' | 'config'>;

const INTERNAL_TOPICS: Readonly<
  Record<string, ((defaults: DecisionInput['defaults']) => InternalTopic) | undefined>
> = {
  __groups: (defaults) => ({
    partitions: defaults.groupsPartitions,
    mode: 'raft',
    config: {
      flush: 'fsync',
      // What a snapshot in the log has replaced goes, and nothing else does (decision 0015).
      'retention.ms': '-1',
      'retention.bytes': '-1',
      // Whole segments go: small ones go soon.
      'segment.bytes': '1MiB',
    },
  }),
};
