// Decides a deletion. One multi writes the tombstone and takes the topic's payload away: from there on the topic does not
// exist and its data may go. Its nodes follow; cut off, the rest is a leftover (leftovers.ts).
//
// The tombstone stays until every broker that held a replica has confirmed, or was removed from the registry (rule 23): a
// broker that was down must not take its old data for that of a new topic of the same name.
import { paths } from '@zhumq/metadata';
import { tombstoneCodec, zhumqError } from '@zhumq/model';
import { findTopic, partitionsOf } from '../view/cluster-view.js';
import type { Topic } from '../view/cluster-view.js';
import type { Decide } from './decision.js';
import { refuseInternal } from './internal-topics.js';
import { removeNode } from './leftovers.js';
import { forgetTopicSwitch } from '../switch/forget-topic-switch.js';

export const deleteTopic: Decide<'delete-topic'> = (view, { name }, { controllerEpoch }) => {
  refuseInternal(name, 'be deleted');
  const topic = findTopic(view, name);
  if (topic === undefined) throw unknownTopic(name);
  const { topicId } = topic.record;
  const tombstone = { topicId, topic: name, controllerEpoch, brokers: holdersOf(topic) };
  return [
    [
      { kind: 'create', path: paths.deletion(topicId), data: tombstoneCodec.encode(tombstone) },
      { kind: 'set', path: paths.topic(name), data: Buffer.alloc(0), version: topic.version },
      ...forgetTopicSwitch(view, topicId),
    ],
    ...removeNode({ ...topic, version: topic.version + 1 }),
  ];
};

export function unknownTopic(name: string): Error {
  return zhumqError('UNKNOWN_TOPIC', `topic ${name} does not exist`, { topic: name });
}

function holdersOf(topic: Topic): readonly number[] {
  const ids = partitionsOf(topic).flatMap(([, { replicas }]) =>
    replicas.map(({ broker }) => broker),
  );
  return [...new Set(ids)].sort((one, other) => one - other);
}
