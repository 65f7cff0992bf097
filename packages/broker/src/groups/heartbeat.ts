// Joining, going on, leaving, and being taken for gone: the only places where partitions change hands.
//
// The targets say who is to own what. A member hears of them with its own heartbeats: what is no target any more moves from
// `assigned` to `revoking`; what it was told to give up and no longer reports is free; what is a target and free becomes
// `assigned`. Each change of `assigned` is a new member epoch. Members that nothing changes for hear nothing (no
// stop-the-world), and no partition is anybody else's until its owner has let go or is gone (rule 20).
//
// A member makes its id itself, so that a join whose answer was lost can be repeated: the same id is the same member. An id
// is for one life, from join to leaving or being taken for gone; should one come again all the same (a join that was
// under way for long), its epochs begin above those of its former life.
import type { GroupEpoch } from '@zhumq/model';
import { checkTerm, fencedMember, groupError } from './decision.js';
import type { Moment, NamedPartition } from './decision.js';
import { NO_EPOCH, compareEpochs, nextEpoch } from './epochs.js';
import type { GroupDraft } from './group-draft.js';
import { owns } from './group.js';
import type { Member } from './group.js';
import { NO_PARTITIONS, isSameSet, parsePartitionKey } from './partition-set.js';
import type { PartitionKey, PartitionSet } from './partition-set.js';
import { checkGroupName, checkHeartbeat } from './request-check.js';
import { haveTopicsChanged, retarget } from './targets.js';

export interface HeartbeatRequest {
  /** Made by the member, anew for each time that it joins. */
  readonly memberId: string;
  /** Undefined to join, also when that is repeated. */
  readonly memberEpoch: GroupEpoch | undefined;
  readonly instanceId: string;
  readonly clientId: string;
  /** Address of the connection. */
  readonly host: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly owned: readonly NamedPartition[];
  readonly leaving: boolean;
}

export interface HeartbeatAnswer {
  readonly memberId: string;
  readonly memberEpoch: GroupEpoch;
  readonly heartbeatIntervalMs: number;
  readonly assigned: readonly NamedPartition[];
}

/**
 * The answer is to be given when the draft's records are committed. Throws UNKNOWN_MEMBER, FENCED_MEMBER, FENCED_INSTANCE,
 * GROUP_FULL, NOT_COORDINATOR, INVALID_REQUEST.
 */
export function heartbeat(
  draft: GroupDraft,
  request: HeartbeatRequest,
  moment: Moment,
): HeartbeatAnswer {
  checkGroupName(draft.name);
  checkHeartbeat(request, moment.settings);
  checkTerm(draft, moment, request.memberEpoch);
  const member = draft.members.get(request.memberId);
  if (request.leaving) return leave(draft, member, request, moment);
  if (member === undefined && request.memberEpoch === undefined) {
    return join(draft, request, moment);
  }
  if (member === undefined || member.away) throw unknownMember(draft, request);
  return goOn(draft, member, request, moment);
}

/** Takes members away whose sessions have timed out (sessions.ts); those that are gone already are passed over. */
export function expireMembers(
  draft: GroupDraft,
  memberIds: readonly string[],
  moment: Moment,
): void {
  checkTerm(draft, moment, undefined);
  const gone = memberIds.filter((memberId) => draft.members.has(memberId));
  for (const memberId of gone) dismiss(draft, memberId);
  if (gone.length > 0) retarget(draft, moment);
}

function join(draft: GroupDraft, request: HeartbeatRequest, moment: Moment): HeartbeatAnswer {
  const { memberId } = request;
  const former = holderOf(draft, request.instanceId);
  const { maxMembers } = moment.settings;
  if (former === undefined && draft.members.size >= maxMembers) {
    const context = { limit: maxMembers };
    throw groupError('GROUP_FULL', draft.name, `has ${maxMembers} members, the most`, context);
  }
  // Who comes under the same instance id is the same program: it takes over at once what its former life owned.
  if (former !== undefined) dismiss(draft, former.memberId);
  const none = { assigned: NO_PARTITIONS, revoking: NO_PARTITIONS };
  const target = former?.target ?? NO_PARTITIONS;
  const epoch = nextEpoch(draft.head?.epoch ?? NO_EPOCH, moment.term);
  const member = { memberId, away: false, joined: epoch, epoch, ...none, target };
  draft.putMember({ ...member, ...about(request) });
  const { topics } = about(request);
  const isSame = former !== undefined && isSameList(former.topics, topics);
  if (!isSame || haveTopicsChanged(draft, topics, moment)) retarget(draft, moment);
  return settle(draft, memberId, NO_PARTITIONS, moment, true);
}

/** Takes a member out. The group's epoch is then none below the member's, for whoever comes under its id. */
function dismiss(draft: GroupDraft, memberId: string): void {
  const { head } = draft;
  const { epoch } = draft.members.get(memberId) as Member;
  draft.removeMember(memberId);
  if (head !== undefined && compareEpochs(epoch, head.epoch) > 0) draft.putHead({ ...head, epoch });
}

function goOn(
  draft: GroupDraft,
  member: Member,
  request: HeartbeatRequest,
  moment: Moment,
): HeartbeatAnswer {
  // One that joins has not heard yet that it did.
  const { memberEpoch = member.joined } = request;
  const order = request.memberEpoch === undefined ? -1 : compareEpochs(memberEpoch, member.epoch);
  // Larger: not of this log, it has lost records. Only a member that joins anew is what the log says.
  if (order > 0 || compareEpochs(memberEpoch, member.joined) < 0) {
    throw fencedMember(draft, member, memberEpoch);
  }
  const known = { ...member, ...about(request), instanceId: member.instanceId };
  if (!isSameSubscription(known, member)) draft.putMember(known);
  if (!isSameList(known.topics, member.topics) || haveTopicsChanged(draft, known.topics, moment)) {
    retarget(draft, moment);
  }
  // A member that has not heard of its present epoch has not heard what to give up: what it does not report it may be
  // about to read.
  const released = order === 0 ? unreported(draft, member, request.owned) : NO_PARTITIONS;
  return settle(draft, member.memberId, released, moment);
}

function leave(
  draft: GroupDraft,
  member: Member | undefined,
  request: HeartbeatRequest,
  moment: Moment,
): HeartbeatAnswer {
  const { memberId, memberEpoch = NO_EPOCH } = request;
  if (member !== undefined && !member.away) {
    if (member.instanceId === '') {
      dismiss(draft, memberId);
      retarget(draft, moment);
    } else {
      const epoch = nextEpoch(member.epoch, moment.term);
      const none = { assigned: NO_PARTITIONS, revoking: NO_PARTITIONS };
      draft.putMember({ ...member, away: true, epoch, ...none });
    }
  }
  // Whoever is gone already (the first answer was lost) has left, too.
  return { memberId, memberEpoch, heartbeatIntervalMs: 0, assigned: [] };
}

/** Brings what a member owns as near to its target as others allow, and tells it. */
function settle(
  draft: GroupDraft,
  memberId: string,
  released: PartitionSet,
  moment: Moment,
  isNew = false,
): HeartbeatAnswer {
  let member = draft.members.get(memberId) as Member;
  const owners = draft.ownership();
  const revoking = new Set<PartitionKey>();
  for (const partition of [...member.assigned, ...member.revoking]) {
    if (!member.target.has(partition) && !released.has(partition)) revoking.add(partition);
  }
  const names = new Set([...revoking].map((partition) => nameOf(draft, partition)));
  const assigned = new Set<PartitionKey>();
  for (const partition of member.target) {
    if (owns(member, partition)) assigned.add(partition);
    else if (owners.has(partition)) continue;
    // Of a topic that was created again: the member must give up the old one first, or it could not tell them apart.
    else if (!names.has(nameOf(draft, partition))) assigned.add(partition);
  }
  const isChanged = !isSameSet(assigned, member.assigned);
  if (isChanged || !isSameSet(revoking, member.revoking)) {
    const epoch = isChanged && !isNew ? nextEpoch(member.epoch, moment.term) : member.epoch;
    member = { ...member, epoch, assigned, revoking };
    draft.putMember(member);
  }
  return {
    memberId,
    memberEpoch: member.epoch,
    heartbeatIntervalMs: intervalFor(member, moment),
    assigned: named(draft, member.assigned),
  };
}

function intervalFor({ revoking, assigned, target, sessionTimeoutMs }: Member, moment: Moment) {
  const { heartbeatIntervalMs, assigningIntervalMs } = moment.settings;
  const isSettled = revoking.size === 0 && assigned.size === target.size;
  const wanted = isSettled ? heartbeatIntervalMs : assigningIntervalMs;
  return Math.max(1, Math.min(wanted, Math.floor(sessionTimeoutMs / 3)));
}

/** What the member was told to give up and does not report as read any more. */
function unreported(
  draft: GroupDraft,
  { revoking }: Member,
  owned: readonly NamedPartition[],
): PartitionSet {
  if (revoking.size === 0) return NO_PARTITIONS;
  const reported = new Set(owned.map(({ topic, partition }) => `${topic}/${partition}`));
  return new Set([...revoking].filter((partition) => !reported.has(nameOf(draft, partition))));
}

function unknownMember(draft: GroupDraft, { memberId, instanceId }: HeartbeatRequest): Error {
  const present = holderOf(draft, instanceId);
  if (present !== undefined && present.memberId !== memberId) {
    return groupError(
      'FENCED_INSTANCE',
      draft.name,
      `has another member under the instance id "${instanceId}": ${present.memberId} at ${present.host}`,
      { memberId, instanceId },
    );
  }
  const predicate = `has no member ${memberId} (any more): give up its partitions and join anew, under another id`;
  return groupError('UNKNOWN_MEMBER', draft.name, predicate, { memberId });
}

function holderOf(draft: GroupDraft, instanceId: string): Member | undefined {
  if (instanceId === '') return undefined;
  for (const member of draft.members.values()) if (member.instanceId === instanceId) return member;
  return undefined;
}

/** `<topic>/<number>` */
function nameOf(draft: GroupDraft, key: PartitionKey): string {
  const { topicId, partition } = parsePartitionKey(key);
  return `${draft.head?.topics.get(topicId)?.topic ?? ''}/${partition}`;
}

function named(draft: GroupDraft, partitions: PartitionSet): readonly NamedPartition[] {
  return [...partitions]
    .map((key) => {
      const { topicId, partition } = parsePartitionKey(key);
      return { topic: draft.head?.topics.get(topicId)?.topic ?? '', partition };
    })
    .sort((one, other) =>
      one.topic === other.topic
        ? one.partition - other.partition
        : one.topic < other.topic
          ? -1
          : 1,
    );
}

function about(request: HeartbeatRequest) {
  const { instanceId, clientId, host, sessionTimeoutMs } = request;
  return {
    instanceId,
    clientId,
    host,
    sessionTimeoutMs,
    topics: [...new Set(request.topics)].sort(),
  };
}

function isSameSubscription(one: Member, other: Member): boolean {
  return (
    one.clientId === other.clientId &&
    one.host === other.host &&
    one.sessionTimeoutMs === other.sessionTimeoutMs &&
    isSameList(one.topics, other.topics)
  );
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}
