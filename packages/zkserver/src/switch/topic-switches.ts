// Decides the switch of a whole topic: the wish with the partitions that wait is a node of its own, and as many at a time
// as the wish allows are begun. Gone when nothing of it waits or is under way, or with the topic.
import { paths } from '@zhumq/metadata';
import type { StoreOperation } from '@zhumq/metadata';
import { topicSwitchCodec } from '@zhumq/model';
import type { TopicSwitch } from '@zhumq/model';
import type { Decide, DecisionInput, Write } from '../controller/decision.js';
import { unknownTopic } from '../controller/delete-topic.js';
import { refuseInternal } from '../controller/internal-topics.js';
import { applyWrite } from '../view/apply-write.js';
import { findTopic, partitionsOf, topicById } from '../view/cluster-view.js';
import type { ClusterView, Topic, Versioned } from '../view/cluster-view.js';
import { isSettled, recordIntent, refusalOf, refused } from './begin-switch.js';
import { forget } from './forget-topic-switch.js';
import { changeRecord, partitionIn } from './switched-partition.js';

/** Partitions that are begun or refused in one write; what is left follows with the next. */
const MAX_AT_ONCE = 400;

export const beginTopicSwitch: Decide<'topic-switch-wanted'> = (view, event, input) => {
  refuseInternal(event.topic, 'be switched to another mode');
  const topic = findTopic(view, event.topic);
  if (topic === undefined) throw unknownTopic(event.topic);
  const { topicId } = topic.record;
  const present = view.topicSwitches.get(topicId)?.value;
  if (present !== undefined) {
    if (present.to === event.to) return [];
    const reason = `a switch of the whole topic to mode ${present.to} is under way; wait until it has ended`;
    throw refused(event.topic, -1, reason);
  }
  const waiting = partitionsOf(topic)
    .filter(([, record]) => !isSettled(record, event.to))
    .map(([number]) => number);
  if (waiting.length === 0) return [];
  const parallel = event.parallel === 0 ? input.defaults.switchParallel : event.parallel;
  const data = topicSwitchCodec.encode({ topic: topic.name, to: event.to, parallel, waiting });
  const create: Write = [{ kind: 'create', path: paths.topicSwitch(topicId), data }];
  return [create, ...continueTopicSwitches(applyWrite(view, create), input)];
};

/** Begins what may begin now. To be called after whatever may have ended a switch. */
export function continueTopicSwitches(view: ClusterView, input: DecisionInput): readonly Write[] {
  return Array.from(view.topicSwitches).flatMap(([topicId, node]) => {
    const topic = topicById(view, topicId);
    if (topic === undefined) return [[forget(topicId, node.version)]];
    const write = continueTopicSwitch(view, topic, node, input);
    return write.length === 0 ? [] : [write];
  });
}

function continueTopicSwitch(
  view: ClusterView,
  topic: Topic,
  node: Versioned<TopicSwitch>,
  input: DecisionInput,
): Write {
  const { to, parallel, waiting } = node.value;
  let busy = partitionsOf(topic).filter(([, record]) => record.transition !== undefined).length;
  const operations: StoreOperation[] = [];
  const left = waiting.filter((number) => {
    const found = partitionIn(topic, number);
    if (found === undefined || isSettled(found.record, to)) return false;
    if (found.record.transition !== undefined || operations.length >= MAX_AT_ONCE) return true;
    const reason = refusalOf(view, found.record, to);
    if (reason === undefined && busy >= parallel) return true;
    // No identity: no intent was ever recorded.
    const lastSwitch = { id: '', to, done: false, reason: reason ?? '' };
    if (reason === undefined) operations.push(recordIntent(found, to, input.newId()));
    else operations.push(changeRecord(found, { lastSwitch }));
    busy += Number(reason === undefined);
    return false;
  });
  if (left.length === 0 && busy === 0) {
    return [...operations, forget(topic.record.topicId, node.version)];
  }
  if (left.length === waiting.length) return [];
  const data = topicSwitchCodec.encode({ ...node.value, waiting: left });
  const path = paths.topicSwitch(topic.record.topicId);
  return [...operations, { kind: 'set', path, data, version: node.version }];
}
