// How far a group has come: commits of members, fetches, and resets by an administrator.
import type { GroupEpoch } from '@zhumq/model';
import { zhumqError } from '@zhumq/model';
import { checkTerm, fencedMember, groupError } from './decision.js';
import type { Moment, NamedPartition, TopicLookup } from './decision.js';
import { NO_EPOCH, compareEpochs, nextEpoch } from './epochs.js';
import type { GroupDraft } from './group-draft.js';
import { ownersOf, owns } from './group.js';
import type { GroupView, Member, Position } from './group.js';
import { parsePartitionKey, partitionKey } from './partition-set.js';
import type { PartitionKey } from './partition-set.js';
import { checkGroupName, checkPartitions, positionFault } from './request-check.js';

export interface NamedPosition extends NamedPartition {
  /** Next record to handle; -1: none. */
  readonly offset: number;
  /** Epoch of the record before; -1 when unknown. */
  readonly lastEpoch: number;
  readonly metadata: string;
}

export interface CommittedPosition extends NamedPosition {
  readonly committedAt: number;
}

export interface CommitRequest {
  readonly memberId: string;
  readonly memberEpoch: GroupEpoch;
  readonly positions: readonly NamedPosition[];
}

/** What became of one position; `error` says why it was not committed. */
export interface CommitResult extends NamedPartition {
  readonly error: Error | undefined;
}

/** What a reset does, or would do, to one partition; -1: no position. */
export interface ResetStep extends NamedPartition {
  readonly from: number;
  readonly to: number;
}

/**
 * Results in the request's order, to be given when the draft's records are committed. Throws UNKNOWN_MEMBER, FENCED_MEMBER
 * (nothing of a request in another epoch than the member's present one is committed), NOT_COORDINATOR, INVALID_REQUEST.
 */
export function commitPositions(
  draft: GroupDraft,
  request: CommitRequest,
  moment: Moment,
): readonly CommitResult[] {
  checkPartitions('positions', request.positions);
  checkTerm(draft, moment, request.memberEpoch);
  const { memberId, memberEpoch } = request;
  const member = draft.members.get(memberId);
  if (member === undefined || member.away) {
    const predicate = `has no member ${memberId} (any more); nothing was committed`;
    throw groupError('UNKNOWN_MEMBER', draft.name, predicate, { memberId });
  }
  if (compareEpochs(member.epoch, memberEpoch) !== 0) {
    throw fencedMember(draft, member, memberEpoch);
  }
  const topicIds = idsByName(draft);
  return request.positions.map((position) => {
    const { topic, partition } = position;
    const error = commitOne(draft, member, topicIds.get(topic) ?? [], position, moment.now);
    return { topic, partition, error };
  });
}

/** In the request's order; offset -1 where the group has no position. */
export function fetchPositions(
  group: GroupView | undefined,
  partitions: readonly NamedPartition[],
  topics: TopicLookup,
): readonly CommittedPosition[] {
  checkPartitions('partitions', partitions);
  return partitions.map(({ topic, partition }) => {
    const topicId = group === undefined ? undefined : topicIdOf(group, topic, topics);
    const position =
      topicId === undefined ? undefined : group?.position(partitionKey(topicId, partition));
    return { topic, partition, ...(position ?? NO_POSITION) };
  });
}

/**
 * Sets positions to offsets that the caller has found (earliest, latest, of a time …); -1 takes one away. With `isDryRun`
 * the draft stays as it is. Throws GROUP_NOT_EMPTY while members read one of the topics, UNKNOWN_TOPIC, UNKNOWN_PARTITION.
 */
export function resetPositions(
  draft: GroupDraft,
  positions: readonly NamedPosition[],
  isDryRun: boolean,
  moment: Moment,
): readonly ResetStep[] {
  checkGroupName(draft.name);
  checkPartitions('positions', positions);
  checkTerm(draft, moment, undefined);
  checkStopped(draft, new Set(positions.map(({ topic }) => topic)));
  const keys = positions.map((position) => keyForReset(draft, position, moment.topics));
  const steps = positions.map(({ topic, partition, offset }, index) => {
    return { topic, partition, from: draft.position(keys[index])?.offset ?? -1, to: offset };
  });
  if (isDryRun || positions.length === 0) return steps;
  positions.forEach(({ offset, lastEpoch, metadata }, index) => {
    const position = { offset, lastEpoch, metadata, committedAt: moment.now };
    draft.putPosition(keys[index], offset === -1 ? undefined : position);
  });
  const { epoch, topics } = draft.head ?? {
    epoch: nextEpoch(NO_EPOCH, moment.term),
    topics: new Map(),
  };
  const emptySince = draft.members.size > 0 ? 0 : moment.now;
  draft.putHead({ epoch, topics, emptySince });
  return steps;
}

const NO_POSITION: Position = { offset: -1, lastEpoch: -1, metadata: '', committedAt: 0 };

function commitOne(
  draft: GroupDraft,
  member: Member,
  topicIds: readonly string[],
  position: NamedPosition,
  now: number,
): Error | undefined {
  const { topic, partition, offset, lastEpoch, metadata } = position;
  const where = { group: draft.name, topic, partition };
  const fault = positionFault(position);
  if (fault !== undefined) {
    return zhumqError('INVALID_REQUEST', `the position in ${topic}-${partition}: ${fault}`, where);
  }
  const keys = topicIds.map((topicId) => partitionKey(topicId, partition));
  const key = keys.find((one) => member.assigned.has(one)) ?? keys.find((one) => owns(member, one));
  if (key === undefined) {
    const message = `member ${member.memberId} of group "${draft.name}" does not own ${topic}-${partition}`;
    return zhumqError('NOT_OWNED', message, where);
  }
  const present = draft.position(key);
  if (present !== undefined && isBehind({ offset, lastEpoch }, present)) {
    return zhumqError(
      'POSITION_BEHIND',
      `group "${draft.name}" is at offset ${present.offset} of ${topic}-${partition} already, not at ${offset}`,
      { ...where, offset, committed: present.offset },
    );
  }
  draft.putPosition(key, { offset, lastEpoch, metadata, committedAt: now });
  return undefined;
}

/**
 * Epochs never fall along a log, so of two positions in one log the later one has no smaller epoch. A smaller offset in a
 * larger epoch is a later position, too: the log was cut (a reported loss, rule 29) and written anew.
 */
function isBehind(next: Pick<Position, 'offset' | 'lastEpoch'>, present: Position): boolean {
  const areKnown = next.lastEpoch >= 0 && present.lastEpoch >= 0;
  if (areKnown && next.lastEpoch !== present.lastEpoch) return next.lastEpoch < present.lastEpoch;
  return next.offset < present.offset;
}

/** Topics by name that are not deleted: several while a member still owns partitions of one that was created again. */
function idsByName({ head }: GroupView): Map<string, string[]> {
  const ids = new Map<string, string[]>();
  for (const { topicId, topic, partitions } of head?.topics.values() ?? []) {
    if (partitions > 0) ids.set(topic, [...(ids.get(topic) ?? []), topicId]);
  }
  return ids;
}

function topicIdOf(group: GroupView, topic: string, topics: TopicLookup): string | undefined {
  const present = topics.byName(topic)?.topicId;
  if (present !== undefined) return present;
  for (const one of group.head?.topics.values() ?? []) {
    if (one.topic === topic && one.partitions > 0) return one.topicId;
  }
  return undefined;
}

function keyForReset(
  draft: GroupDraft,
  position: NamedPosition,
  topics: TopicLookup,
): PartitionKey {
  const { topic, partition, offset } = position;
  const where = { group: draft.name, topic, partition };
  const fault = positionFault(offset === -1 ? { ...position, offset: 0 } : position);
  if (fault !== undefined) {
    throw zhumqError('INVALID_REQUEST', `the position in ${topic}-${partition}: ${fault}`, where);
  }
  const seen = topics.byName(topic);
  if (seen === undefined) throw zhumqError('UNKNOWN_TOPIC', `there is no topic ${topic}`, where);
  if (partition >= seen.partitions) {
    const message = `topic ${topic} has ${seen.partitions} partitions, no partition ${partition}`;
    throw zhumqError('UNKNOWN_PARTITION', message, where);
  }
  return partitionKey(seen.topicId, partition);
}

function checkStopped(draft: GroupDraft, topics: ReadonlySet<string>): void {
  const owned = new Map<string, string>();
  for (const [partition, memberId] of ownersOf(draft.members)) {
    const { topicId } = parsePartitionKey(partition);
    owned.set(draft.head?.topics.get(topicId)?.topic ?? '', memberId);
  }
  const busy = [...topics].find((topic) => owned.has(topic));
  const reader = [...draft.members.values()].find((member) =>
    member.topics.some((topic) => topics.has(topic)),
  );
  if (busy === undefined && reader === undefined) return;
  const topic = busy ?? reader?.topics.find((one) => topics.has(one)) ?? '';
  throw groupError(
    'GROUP_NOT_EMPTY',
    draft.name,
    `has ${draft.members.size} members that read ${topic}: stop them before its positions are set`,
    { topic, members: draft.members.size },
  );
}
