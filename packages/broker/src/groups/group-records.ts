// Changes of groups as records of `__groups` and back (GroupRecordKey and what follows it in idl/state.proto).
import {
  groupMemberRecordCodec,
  groupPartCodec,
  groupPositionRecordCodec,
  groupRecordCodec,
  groupRecordKeyCodec,
} from '@zhumq/model';
import type { GroupMemberRecord, GroupRecord, GroupRecordKey } from '@zhumq/model';
import { NO_EPOCH } from './epochs.js';
import type { StateRecord } from '../state-machine/state-machine.js';
import type { GroupChange, GroupHead, Member } from './group.js';
import {
  fromTopicPartitions,
  parsePartitionKey,
  partitionKey,
  toTopicPartitions,
} from './partition-set.js';

const GROUP = 1;
const MEMBER = 2;
const POSITION = 3;
const PART = 4;

/** Begins a part of a decision that is larger than a batch (large-decision.ts). */
export interface DecisionPart {
  readonly kind: 'part';
  readonly decision: string;
  /** From 0. */
  readonly index: number;
  readonly parts: number;
  /** Those that follow in this part. */
  readonly records: number;
}

export function encodePart(group: string, part: DecisionPart): StateRecord {
  const { decision: memberId, index: partition, parts, records } = part;
  const key = groupRecordKeyCodec.encode({ kind: PART, group, memberId, topicId: '', partition });
  return { key, value: groupPartCodec.encode({ parts, records }) };
}

export function encodeChange(group: string, change: GroupChange): StateRecord {
  const key = (about: Partial<GroupRecordKey>): Buffer =>
    groupRecordKeyCodec.encode({
      kind: GROUP,
      group,
      memberId: '',
      topicId: '',
      partition: 0,
      ...about,
    });
  switch (change.kind) {
    case 'group':
      return { key: key({}), value: encoded(change.value, encodeHead) };
    case 'member': {
      const about = { kind: MEMBER, memberId: change.memberId };
      return { key: key(about), value: encoded(change.value, encodeMember) };
    }
    case 'position': {
      const about = { kind: POSITION, ...parsePartitionKey(change.partition) };
      const encode = groupPositionRecordCodec.encode.bind(groupPositionRecordCodec);
      return { key: key(about), value: encoded(change.value, encode) };
    }
  }
}

/** A change of a group. */
export interface NamedChange {
  readonly group: string;
  readonly change: GroupChange;
}

/** Undefined for a record of a later version's kind. Throws DATA_CORRUPT. */
export function decodeChange({ key, value }: StateRecord): NamedChange | DecisionPart | undefined {
  const { kind, group, memberId, topicId, partition } = groupRecordKeyCodec.decode(key);
  switch (kind) {
    case GROUP: {
      const head = value === null ? undefined : decodeHead(groupRecordCodec.decode(value));
      return { group, change: { kind: 'group', value: head } };
    }
    case MEMBER: {
      const record = value === null ? undefined : groupMemberRecordCodec.decode(value);
      const member = record === undefined ? undefined : decodeMember(memberId, record);
      return { group, change: { kind: 'member', memberId, value: member } };
    }
    case POSITION: {
      const position = value === null ? undefined : groupPositionRecordCodec.decode(value);
      const about = { kind: 'position', partition: partitionKey(topicId, partition) } as const;
      return { group, change: { ...about, value: position } };
    }
    case PART: {
      if (value === null) return undefined;
      const { parts, records } = groupPartCodec.decode(value);
      return { kind: 'part', decision: memberId, index: partition, parts, records };
    }
    default:
      return undefined;
  }
}

function encoded<T>(value: T | undefined, encode: (value: T) => Buffer): Buffer | null {
  return value === undefined ? null : encode(value);
}

function encodeHead(head: GroupHead): Buffer {
  return groupRecordCodec.encode({ ...head, topics: [...head.topics.values()] });
}

function decodeHead({ epoch, topics, emptySince }: GroupRecord): GroupHead {
  return { epoch, topics: new Map(topics.map((topic) => [topic.topicId, topic])), emptySince };
}

function encodeMember(member: Member): Buffer {
  return groupMemberRecordCodec.encode({
    ...member,
    assigned: toTopicPartitions(member.assigned),
    revoking: toTopicPartitions(member.revoking),
    target: toTopicPartitions(member.target),
  });
}

function decodeMember(memberId: string, record: GroupMemberRecord): Member {
  return {
    memberId,
    ...record,
    joined: record.joined ?? NO_EPOCH,
    assigned: fromTopicPartitions(record.assigned),
    revoking: fromTopicPartitions(record.revoking),
    target: fromTopicPartitions(record.target),
  };
}
