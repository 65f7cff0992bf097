// Groups for people: list, describe, delete; and what ends by itself: groups that nobody uses, positions of deleted topics.
import type { GroupEpoch } from '@zhumq/model';
import { checkTerm, groupError } from './decision.js';
import type { Moment, NamedPartition, TopicLookup } from './decision.js';
import type { GroupDraft } from './group-draft.js';
import type { GroupView, Member } from './group.js';
import { isSameSet, parsePartitionKey } from './partition-set.js';
import type { PartitionSet } from './partition-set.js';
import type { CommittedPosition } from './positions.js';
import { retarget } from './targets.js';

/** Without members; partitions change hands; neither. */
export type GroupCondition = 'empty' | 'assigning' | 'stable';

export interface GroupSummary {
  readonly group: string;
  readonly state: GroupCondition;
  readonly members: number;
  readonly topics: readonly string[];
}

/** The groups of this broker. */
export interface GroupList {
  readonly groups: readonly GroupSummary[];
  /** Partitions of `__groups` whose groups are all listed. */
  readonly partitions: readonly number[];
}

export interface MemberDescription {
  readonly memberId: string;
  readonly instanceId: string;
  readonly clientId: string;
  readonly host: string;
  readonly memberEpoch: GroupEpoch;
  readonly topics: readonly string[];
  readonly owned: readonly NamedPartition[];
  readonly target: readonly NamedPartition[];
}

export interface GroupDescription {
  readonly group: string;
  readonly state: GroupCondition;
  readonly members: readonly MemberDescription[];
  readonly positions: readonly CommittedPosition[];
}

export function summarizeGroup(group: GroupView, topics: TopicLookup): GroupSummary {
  const names = new Set<string>();
  for (const member of group.members.values()) for (const topic of member.topics) names.add(topic);
  for (const [partition] of group.positions()) {
    const { topicId } = parsePartitionKey(partition);
    if (!isReplaced(group, topicId, topics)) names.add(nameOf(group, topicId, topics));
  }
  const { name, members } = group;
  const state = conditionOf(group);
  return { group: name, state, members: members.size, topics: [...names].sort() };
}

/** Throws UNKNOWN_GROUP. */
export function describeGroup(
  name: string,
  group: GroupView | undefined,
  topics: TopicLookup,
): GroupDescription {
  if (group === undefined) throw unknownGroup(name);
  const named = (set: PartitionSet): readonly NamedPartition[] =>
    [...set].map((key) => namedPartition(group, key, topics)).sort(inOrder);
  const members = [...group.members.values()].map((member) => {
    const { memberId, instanceId, clientId, host, epoch } = member;
    const owned = named(new Set([...member.assigned, ...member.revoking]));
    const about = { memberId, instanceId, clientId, host, memberEpoch: epoch };
    return { ...about, topics: member.topics, owned, target: named(member.target) };
  });
  const positions = [...group.positions()]
    .filter(([key]) => !isReplaced(group, parsePartitionKey(key).topicId, topics))
    .map(([key, position]) => ({ ...namedPartition(group, key, topics), ...position }))
    .sort(inOrder);
  return { group: name, state: conditionOf(group), members, positions };
}

/** With `isDryRun` the draft stays as it is. Throws UNKNOWN_GROUP, GROUP_NOT_EMPTY, NOT_COORDINATOR. */
export function deleteGroup(draft: GroupDraft, isDryRun: boolean, moment: Moment): void {
  checkTerm(draft, moment, undefined);
  if (draft.head === undefined) throw unknownGroup(draft.name);
  const { size } = draft.members;
  if (size > 0) {
    const predicate = `still has members (${size}): stop them before it is deleted`;
    throw groupError('GROUP_NOT_EMPTY', draft.name, predicate, { members: size });
  }
  if (!isDryRun) forget(draft);
}

/** Forgets a group that had no members for `retentionMs`; false when it is not due. */
export function expireGroup(draft: GroupDraft, moment: Moment): boolean {
  checkTerm(draft, moment, undefined);
  const { head, members } = draft;
  if (head === undefined || members.size > 0) return false;
  if (moment.now - head.emptySince < moment.settings.retentionMs) return false;
  forget(draft);
  return true;
}

/**
 * Drops the positions of topics that are deleted for certain, by id. Who reads them gives up their partitions like any
 * others, so that nobody takes a topic that is created again for the old one.
 */
export function dropTopics(draft: GroupDraft, topicIds: ReadonlySet<string>, moment: Moment): void {
  checkTerm(draft, moment, undefined);
  for (const [partition] of [...draft.positions()]) {
    if (topicIds.has(parsePartitionKey(partition).topicId)) draft.putPosition(partition, undefined);
  }
  const { head } = draft;
  const known = [...(head?.topics.values() ?? [])];
  if (head === undefined || !known.some((one) => topicIds.has(one.topicId) && one.partitions > 0)) {
    return;
  }
  const topics = known.map((one) => (topicIds.has(one.topicId) ? { ...one, partitions: 0 } : one));
  draft.putHead({ ...head, topics: new Map(topics.map((one) => [one.topicId, one])) });
  retarget(draft, moment);
}

/** Identities of the topics of which the group knows or keeps something: those that are deleted are to be dropped. */
export function topicIdsOf(group: GroupView): ReadonlySet<string> {
  const topicIds = new Set<string>();
  for (const one of group.head?.topics.values() ?? []) {
    if (one.partitions > 0) topicIds.add(one.topicId);
  }
  for (const [partition] of group.positions()) topicIds.add(parsePartitionKey(partition).topicId);
  return topicIds;
}

function forget(draft: GroupDraft): void {
  for (const [partition] of [...draft.positions()]) draft.putPosition(partition, undefined);
  draft.putHead(undefined);
}

function conditionOf({ members }: GroupView): GroupCondition {
  if (members.size === 0) return 'empty';
  return [...members.values()].every(isSettled) ? 'stable' : 'assigning';
}

function isSettled({ away, revoking, assigned, target }: Member): boolean {
  return away || (revoking.size === 0 && isSameSet(assigned, target));
}

function namedPartition(group: GroupView, key: string, topics: TopicLookup): NamedPartition {
  const { topicId, partition } = parsePartitionKey(key);
  return { topic: nameOf(group, topicId, topics), partition };
}

/** Its name is another topic's now: what is kept of it must not pass for that one's. */
function isReplaced({ head }: GroupView, topicId: string, topics: TopicLookup): boolean {
  if (topics.nameOf(topicId) !== undefined) return false;
  const name = head?.topics.get(topicId)?.topic;
  return name !== undefined && topics.byName(name) !== undefined;
}

/** The id itself for a topic that is deleted, or not known here yet. */
function nameOf(group: GroupView, topicId: string, topics: TopicLookup): string {
  return group.head?.topics.get(topicId)?.topic ?? topics.nameOf(topicId) ?? topicId;
}

function inOrder(one: NamedPartition, other: NamedPartition): number {
  if (one.topic !== other.topic) return one.topic < other.topic ? -1 : 1;
  return one.partition - other.partition;
}

function unknownGroup(name: string): Error {
  return groupError('UNKNOWN_GROUP', name, 'does not exist: nobody has joined or committed in it');
}
