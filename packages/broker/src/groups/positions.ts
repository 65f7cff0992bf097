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
import { checkGroupName, checkPartitions, checkPositions, positionFault } from './request-check.js';

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

/** What a reset does, or would do, to one partition; -1: no position. `error` says why it does nothing there. */
export interface ResetStep extends NamedPartition {
  readonly from: number;
  readonly to: number;
  readonly error: Error | undefined;
}

/** Who asks where to begin. */
export interface PositionReader {
  readonly memberId: string;
  readonly memberEpoch: GroupEpoch;
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
  checkPositions(request.positions);
  checkTerm(draft, moment, request.memberEpoch);
  const member = presentMember(draft, request, 'nothing was committed');
  const topicIds = idsByName(draft);
  return request.positions.map((position) => {
    const { topic, partition } = position;
    const error = commitOne(draft, member, topicIds.get(topic) ?? [], position, moment.now);
    return { topic, partition, error };
  });
}

/**
 * In the request's order; offset -1 where the group has no position. Of a `reader` the partitions that it owns, and none
 * other: where it begins is where a former owner came to, because the record that granted it the partition is committed and
 * the group is read at an offset behind that one (coordinator.ts), and whatever a former owner commits later is refused
 * (rule 20). The topics are taken from the grant, not from the metadata, which may know another topic of the same name by
 * now: what a member reads is under the key that it commits to. Throws UNKNOWN_MEMBER, FENCED_MEMBER, NOT_OWNED.
 */
export function fetchPositions(
  group: GroupView,
  partitions: readonly NamedPartition[],
  topics: TopicLookup,
  reader?: PositionReader,
): readonly CommittedPosition[] {
  checkPartitions('partitions', partitions);
  const keyOf =
    reader === undefined
      ? keysByName(group, topics)
      : keysOfMember(group, presentMember(group, reader, READ_ANEW));
  return partitions.map(({ topic, partition }) => {
    const key = keyOf(topic, partition);
    const position = key === undefined ? undefined : group.position(key);
    return { topic, partition, ...(position ?? NO_POSITION) };
  });
}

/**
 * Sets positions to offsets that the caller has found (earliest, latest, of a time …); -1 takes one away. With `isDryRun`
 * the draft stays as it is. Throws GROUP_NOT_EMPTY while members read one of the topics.
 */
export function resetPositions(
  draft: GroupDraft,
  positions: readonly NamedPosition[],
  isDryRun: boolean,
  moment: Moment,
): readonly ResetStep[] {
  checkGroupName(draft.name);
  checkPositions(positions);
  checkTerm(draft, moment, undefined);
  checkStopped(draft, new Set(positions.map(({ topic }) => topic)));
  const targets = positions.map((position) => ({
    position,
    key: keyForReset(draft, position, moment.topics),
  }));
  const steps = targets.map(({ position: { topic, partition, offset: to }, key }) => {
    if (key instanceof Error) return { topic, partition, from: -1, to, error: key };
    return { topic, partition, from: draft.position(key)?.offset ?? -1, to, error: undefined };
  });
  const isChange = steps.some(
    ({ from, to, error }) => error === undefined && (from >= 0 || to >= 0),
  );
  if (isDryRun || !isChange) return steps;
  for (const { position, key } of targets) {
    if (key instanceof Error) continue;
    const { offset, lastEpoch, metadata } = position;
    const next = { offset, lastEpoch, metadata, committedAt: moment.now };
    draft.putPosition(key, offset === -1 ? undefined : next);
  }
  const { epoch, topics } = draft.head ?? {
    epoch: nextEpoch(NO_EPOCH, moment.term),
    topics: new Map(),
  };
  const emptySince = draft.members.size > 0 ? 0 : moment.now;
  draft.putHead({ epoch, topics, emptySince });
  return steps;
}

/** Throws UNKNOWN_MEMBER, FENCED_MEMBER; `consequence` says what did not happen. */
function presentMember(
  group: GroupView,
  { memberId, memberEpoch }: PositionReader,
  consequence: string,
): Member {
  const member = group.members.get(memberId);
  if (member === undefined || member.away) {
    const predicate = `has no member ${memberId} (any more); ${consequence}`;
    throw groupError('UNKNOWN_MEMBER', group.name, predicate, { memberId });
  }
  if (compareEpochs(member.epoch, memberEpoch) !== 0) {
    throw fencedMember(group, member, memberEpoch);
  }
  return member;
}

const READ_ANEW = 'it may read nothing before it has joined anew';

type KeyOf = (topic: string, partition: number) => PartitionKey | undefined;

function keysByName(group: GroupView, topics: TopicLookup): KeyOf {
  return (topic, partition) => {
    const topicId = topicIdOf(group, topic, topics);
    return topicId === undefined ? undefined : partitionKey(topicId, partition);
  };
}

function keysOfMember(group: GroupView, member: Member): KeyOf {
  const topicIds = idsByName(group);
  return (topic, partition) => {
    const key = ownedKey(member, topicIds.get(topic) ?? [], partition);
    if (key === undefined) throw notOwned(group, member, { topic, partition });
    return key;
  };
}

/** Of several topics of one name that which the member is to read goes before the one that it is to give up. */
function ownedKey(
  member: Member,
  topicIds: readonly string[],
  partition: number,
): PartitionKey | undefined {
  const keys = topicIds.map((topicId) => partitionKey(topicId, partition));
  return keys.find((one) => member.assigned.has(one)) ?? keys.find((one) => owns(member, one));
}

function notOwned(group: GroupView, { memberId }: Member, where: NamedPartition): Error {
  const { topic, partition } = where;
  const message = `member ${memberId} of group "${group.name}" does not own ${topic}-${partition}`;
  return zhumqError('NOT_OWNED', message, { group: group.name, topic, partition });
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
  const key = ownedKey(member, topicIds, partition);
  if (key === undefined) return notOwned(draft, member, { topic, partition });
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

/** Or why this position can not be set. */
function keyForReset(
  draft: GroupDraft,
  position: NamedPosition,
  topics: TopicLookup,
): PartitionKey | Error {
  const { topic, partition, offset } = position;
  const where = { group: draft.name, topic, partition };
  const fault = positionFault(offset === -1 ? { ...position, offset: 0 } : position);
  if (fault !== undefined) {
    return zhumqError('INVALID_REQUEST', `the position in ${topic}-${partition}: ${fault}`, where);
  }
  const seen = topics.byName(topic);
  if (seen === undefined) return zhumqError('UNKNOWN_TOPIC', `there is no topic ${topic}`, where);
  if (partition >= seen.partitions) {
    const message = `topic ${topic} has ${seen.partitions} partitions, no partition ${partition}`;
    return zhumqError('UNKNOWN_PARTITION', message, where);
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
    `still has members (${draft.members.size}) that read ${topic}: stop them before its positions are set`,
    { topic, members: draft.members.size },
  );
}
