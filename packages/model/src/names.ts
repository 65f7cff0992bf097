// Names and identities: what a topic or a group may be called, how a partition is written, how its folder is.
import { zhumqError } from './error-table.js';

/** Characters of a topic name at most. */
const MAX_TOPIC_NAME = 249;
/** Topics whose names begin so belong to zhumq itself. */
const INTERNAL_PREFIX = '__';

/** How a partition's replicas are kept equal. */
export type ReplicationMode = 'raft' | 'fetch';

/** When a produce request is answered: after all replicas that must have it, after the leader's write, never. */
export type Acks = 'all' | 'leader' | 'none';

const ACK_NUMBERS: Readonly<Record<Acks, number>> = { all: -1, leader: 1, none: 0 };

/** The number of an ack level on the wire. */
export function acksNumber(acks: Acks): number {
  return ACK_NUMBERS[acks];
}

/** Why a text can not be a topic's name; undefined when it can. Internal names are names, too. */
export function topicNameFault(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name === '.' || name === '..') return 'it stands for a directory';
  if (name.length > MAX_TOPIC_NAME)
    return `it has ${name.length} characters, more than ${MAX_TOPIC_NAME}`;
  const other = /[^a-zA-Z0-9._-]/u.exec(name);
  return other === null ? undefined : `it has "${other[0]}"; allowed are a-z A-Z 0-9 . _ -`;
}

/** Throws INVALID_TOPIC for a name that a user can not give to a topic. */
export function checkTopicName(name: string): void {
  const fault =
    topicNameFault(name) ??
    (isInternalTopic(name)
      ? `names with "${INTERNAL_PREFIX}" are kept for zhumq itself`
      : undefined);
  if (fault === undefined) return;
  const topic = name.slice(0, MAX_TOPIC_NAME);
  throw zhumqError('INVALID_TOPIC', `"${topic}" can not be a topic's name: ${fault}`, { topic });
}

export function isInternalTopic(name: string): boolean {
  return name.startsWith(INTERNAL_PREFIX);
}

/** The internal topic that keeps the consumer groups. */
export const GROUPS_TOPIC = `${INTERNAL_PREFIX}groups`;

/** Characters of a group name at most. */
const MAX_GROUP_NAME = 255;

/** Why a text can not be a group's name; undefined when it can. */
export function groupNameFault(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.length > MAX_GROUP_NAME)
    return `it has ${name.length} characters, more than ${MAX_GROUP_NAME}`;
  return /\p{Cc}/u.test(name) ? 'it has a control character' : undefined;
}

/** Largest number of a partition (an i32). */
export const MAX_PARTITION = 0x7fffffff;

/** A file name holds 255 bytes: of longer topic names the folder shows this much, its meta file has the whole. */
const FOLDER_TOPIC_CHARACTERS = 200;
const FOLDER_REPLICA_DIGITS = 8;

export interface PartitionFolder {
  readonly topic: string;
  readonly partition: number;
  /** First 8 digits of the replica's identity. */
  readonly replicaPrefix: string;
}

/** `<topic>-<partition>.<first 8 digits of the replica's identity>` */
export function partitionFolder(topic: string, partition: number, replicaId: string): string {
  const shown = topic.slice(0, FOLDER_TOPIC_CHARACTERS);
  return `${shown}-${partition}.${replicaId.slice(0, FOLDER_REPLICA_DIGITS)}`;
}

/** undefined for a name that is no partition folder. A topic of 200 characters may be the beginning of a longer one. */
export function parsePartitionFolder(name: string): PartitionFolder | undefined {
  const match = /^(.+)-(0|[1-9]\d{0,9})\.([0-9a-f]{8})$/.exec(name);
  if (match === null || topicNameFault(match[1]) !== undefined) return undefined;
  const partition = Number(match[2]);
  if (partition > MAX_PARTITION) return undefined;
  return { topic: match[1], partition, replicaPrefix: match[3] };
}
