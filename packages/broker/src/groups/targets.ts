// When members or topics change: the topics are looked at anew, and the partitions divided among the members. That
// changes targets only; who owns what changes with the heartbeats of those concerned (heartbeat.ts).
import type { GroupTopic } from '@zhumq/model';
import { assign } from './assignor.js';
import type { Moment } from './decision.js';
import { NO_EPOCH, nextEpoch } from './epochs.js';
import type { GroupDraft } from './group-draft.js';
import type { GroupView } from './group.js';
import { isSameSet, parsePartitionKey } from './partition-set.js';
import type { PartitionKey } from './partition-set.js';

/** Whether one of these topics, by name, is not what the group last saw: new, larger, or another one of the same name. */
export function haveTopicsChanged(
  { head }: GroupView,
  topics: readonly string[],
  moment: Moment,
): boolean {
  return topics.some((topic) => {
    const seen = moment.topics.byName(topic);
    if (seen === undefined) return false;
    const known = head?.topics.get(seen.topicId);
    if (known === undefined) return true;
    return known.partitions > 0 && known.partitions < seen.partitions;
  });
}

/** Divides the partitions anew among the members of the draft; of a group without members only the time is noted. */
export function retarget(draft: GroupDraft, moment: Moment): void {
  const byName = readTopics(draft, moment);
  const previous = new Map<PartitionKey, string>();
  for (const { memberId, target } of draft.members.values()) {
    for (const partition of target) previous.set(partition, memberId);
  }
  const members = [...draft.members.values()].map(({ memberId, topics }) => ({
    memberId,
    topics: topics.flatMap((topic) => byName.get(topic)?.topicId ?? []),
  }));
  const sizes = [...byName.values()].map(
    ({ topicId, partitions }) => [topicId, partitions] as const,
  );
  const owners = draft.ownership();
  const targets = assign({ members, topics: new Map(sizes), previous, owners });
  for (const [memberId, target] of targets) {
    const member = draft.members.get(memberId);
    if (member === undefined || isSameSet(member.target, target)) continue;
    draft.putMember({ ...member, target });
  }
  const { epoch, emptySince } = draft.head ?? { epoch: NO_EPOCH, emptySince: 0 };
  draft.putHead({
    epoch: nextEpoch(epoch, moment.term),
    topics: new Map([...keptTopics(draft), ...[...byName.values()].map(withId)]),
    emptySince: draft.members.size > 0 ? 0 : emptySince || moment.now,
  });
}

/** The topics that members read, by name. What the metadata do not have is as it was last seen. */
function readTopics(draft: GroupDraft, { topics }: Moment): Map<string, GroupTopic> {
  const known = new Map<string, GroupTopic>();
  for (const one of draft.head?.topics.values() ?? []) {
    if (one.partitions > 0) known.set(one.topic, one);
  }
  const read = new Map<string, GroupTopic>();
  for (const member of draft.members.values()) {
    for (const topic of member.topics) {
      if (read.has(topic)) continue;
      const seen = topics.byName(topic);
      const last = seen === undefined ? known.get(topic) : draft.head?.topics.get(seen.topicId);
      if (seen === undefined) {
        if (last !== undefined) read.set(topic, last);
        continue;
      }
      // Metadata may be older than what the last coordinator had: partitions only ever become more.
      const isDeleted = last?.partitions === 0;
      const partitions = isDeleted ? 0 : Math.max(seen.partitions, last?.partitions ?? 0);
      read.set(topic, { topicId: seen.topicId, topic, partitions });
    }
  }
  return read;
}

/** Topics that nobody reads but somebody owns partitions of: their names are needed until those are given up. */
function keptTopics(draft: GroupDraft): readonly (readonly [string, GroupTopic])[] {
  const owned = new Set<string>();
  for (const partition of draft.ownership().keys()) owned.add(parsePartitionKey(partition).topicId);
  return [...(draft.head?.topics ?? [])].filter(([topicId]) => owned.has(topicId));
}

function withId(topic: GroupTopic): readonly [string, GroupTopic] {
  return [topic.topicId, topic];
}
