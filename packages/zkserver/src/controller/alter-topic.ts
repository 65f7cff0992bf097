// Decides a change of a topic's settings. All other fields of its node stay as they are.
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import { TOPIC_OPTIONS, parseTopicConfig, topicRecordCodec } from '@zhumq/model';
import { minInsyncOf, writeRecord } from '../election/fetch-partitions.js';
import { findTopic, versionedPartitionsOf } from '../view/cluster-view.js';
import type { Topic } from '../view/cluster-view.js';
import type { Decide } from './decision.js';
import { unknownTopic } from './delete-topic.js';
import { refuseInternal } from './internal-topics.js';
import { inMultis } from './multi-chunks.js';

export const alterTopic: Decide<'alter-topic'> = (view, { name, config }) => {
  refuseInternal(name, 'be altered');
  const topic = findTopic(view, name);
  if (topic === undefined) throw unknownTopic(name);
  const merged = { ...topic.record.config, ...config };
  const kept = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== ''));
  // The names of settings that are taken back are checked, too.
  parseTopicConfig(kept);
  checkNames(Object.keys(config));
  const data = topicRecordCodec.encode({ ...topic.record, config: kept });
  if (data.equals(topicRecordCodec.encode(topic.record))) return [];
  return [
    ...inMultis(clearedElrs(topic, kept)),
    [{ kind: 'set', path: paths.topic(name), data, version: topic.version }],
  ];
};

/**
 * With a smaller min.insync.replicas the high watermark may move on without those outside the ISR: they are eligible to
 * lead no more, and this is written down before a leader can hear of the new setting (rule 11).
 */
function clearedElrs(topic: Topic, config: Readonly<Record<string, string>>): StoreOperation[] {
  const altered = { ...topic, record: { ...topic.record, config } };
  return versionedPartitionsOf(altered).flatMap(([partition, { value: record, version }]) => {
    const node = { topic: altered, partition, record, version };
    if (record.elr.length === 0 || record.isr.length < minInsyncOf(node)) return [];
    return [writeRecord(node, { ...record, elr: [] })];
  });
}

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    const isKnown = TOPIC_OPTIONS.some((option) => option.name === name);
    if (!isKnown) parseTopicConfig({ [name]: '' });
  }
}
