// What decisions about groups have in common: what they may know besides the group, and how they refuse. A decision reads
// and changes a draft; it checks everything before the first change, so that a refusal leaves the draft as it was.
import { zhumqError } from '@zhumq/model';
import type { ErrorCode, GroupEpoch } from '@zhumq/model';
import type { ErrorContext, ZhumqError } from '@zhumq/base';
import { compareEpochs } from './epochs.js';
import type { GroupView, Member } from './group.js';

export interface TopicSeen {
  readonly topicId: string;
  readonly partitions: number;
}

/** The topics as the coordinator knows them. One that it does not know may exist all the same. */
export interface TopicLookup {
  byName(topic: string): TopicSeen | undefined;
  nameOf(topicId: string): string | undefined;
}

export interface GroupSettings {
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** Between heartbeats when nothing changes; at most a third of the session timeout in any case. */
  readonly heartbeatIntervalMs: number;
  /** For members that give up partitions or wait for some. */
  readonly assigningIntervalMs: number;
  readonly maxMembers: number;
  /** A group without members is forgotten after it. */
  readonly retentionMs: number;
}

/** What a decision knows besides the group. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Raft term in which this coordinator leads. */
  readonly term: number;
  readonly topics: TopicLookup;
  readonly settings: GroupSettings;
}

/** A partition by name, as on the wire. */
export interface NamedPartition {
  readonly topic: string;
  readonly partition: number;
}

export function groupError(
  code: ErrorCode,
  group: string,
  predicate: string,
  context: ErrorContext = {},
): ZhumqError {
  return zhumqError(code, `group "${group}" ${predicate}`, { group, ...context });
}

/** Throws NOT_COORDINATOR when `epoch` was made in a later term than this coordinator's: another one has taken over. */
export function checkTerm(draft: GroupView, moment: Moment, epoch: GroupEpoch | undefined): void {
  const known = draft.head?.epoch;
  const latest =
    known === undefined || (epoch !== undefined && compareEpochs(epoch, known) > 0) ? epoch : known;
  if (latest === undefined || latest.term <= moment.term) return;
  const { term } = moment;
  throw groupError(
    'NOT_COORDINATOR',
    draft.name,
    `is coordinated in term ${latest.term} already, this broker did in term ${term}; find the coordinator again`,
    { term },
  );
}

/** A request in another epoch than the member's present one. */
export function fencedMember(group: GroupView, member: Member, epoch: GroupEpoch): Error {
  const { memberId, epoch: present } = member;
  return groupError(
    'FENCED_MEMBER',
    group.name,
    `has member ${memberId} in epoch ${present.term}.${present.counter}, the request is of ${epoch.term}.${epoch.counter}`,
    { memberId, term: present.term, counter: present.counter },
  );
}
