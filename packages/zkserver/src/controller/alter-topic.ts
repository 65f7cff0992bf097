// Decides a change of a topic's settings. All other fields of its node stay as they are.
import { paths } from '@zhumq/metadata';
import { TOPIC_OPTIONS, parseTopicConfig, topicRecordCodec } from '@zhumq/model';
import { findTopic } from '../view/cluster-view.js';
import type { Decide } from './decision.js';
import { unknownTopic } from './delete-topic.js';

export const alterTopic: Decide<'alter-topic'> = (view, { name, config }) => {
  const topic = findTopic(view, name);
  if (topic === undefined) throw unknownTopic(name);
  const merged = { ...topic.record.config, ...config };
  const kept = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ''));
  // The names of settings that are taken back are checked, too.
  parseTopicConfig(kept);
  checkNames(Object.keys(config));
  const data = topicRecordCodec.encode({ ...topic.record, config: kept });
  if (data.equals(topicRecordCodec.encode(topic.record))) return [];
  return [[{ kind: 'set', path: paths.topic(name), data, version: topic.version }]];
};

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    const isKnown = TOPIC_OPTIONS.some((option) => option.name === name);
    if (!isKnown) parseTopicConfig({ [name]: '' });
  }
}
