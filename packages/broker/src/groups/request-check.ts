// What requests of members may contain. Everything from a socket has bounds, because what passes is kept in the log and
// in memory on every replica.
import { MAX_EPOCH, MAX_PARTITION, groupNameFault, topicNameFault, zhumqError } from '@zhumq/model';
import { MAX_POSITIONS } from '@zhumq/rpc';
import type { GroupSettings, NamedPartition } from './decision.js';
import type { HeartbeatRequest } from './heartbeat.js';
import type { NamedPosition } from './positions.js';

/** Topics of one request. */
export const MAX_TOPICS = 1_000;
const MAX_NAME_CHARACTERS = 255;
const MAX_PARTITIONS = 100_000;
const MAX_METADATA_CHARACTERS = 4_096;
/** Of an entry of a list, besides its texts. */
const ENTRY_BYTES = 100;
/** Long enough for what can not be guessed: who knows a member's id can commit and leave in its name. */
const MEMBER_ID = /^[\w-]{22,64}$/;
const CONTROL_CHARACTER = /\p{Cc}/u;

/** Throws INVALID_REQUEST for what can not be a group's name. */
export function checkGroupName(group: string): void {
  const fault = groupNameFault(group);
  if (fault === undefined) return;
  const shown = JSON.stringify(group.slice(0, MAX_NAME_CHARACTERS));
  throw invalid(`${shown} can not be a group's name: ${fault}`);
}

export function checkHeartbeat(request: HeartbeatRequest, settings: GroupSettings): void {
  const { memberId, instanceId, clientId, host, topics, sessionTimeoutMs, owned } = request;
  if (!MEMBER_ID.test(memberId)) {
    throw invalid(
      `the member's id has ${memberId.length} characters: a member makes one of 22 to 64 letters, digits, - and _ that nobody can guess`,
    );
  }
  checkText('instanceId', instanceId);
  checkText('clientId', clientId);
  checkText('the host', host);
  if (topics.length > MAX_TOPICS) {
    throw invalid(`topics has ${topics.length} names, more than ${MAX_TOPICS}`);
  }
  for (const topic of topics) {
    const fault = topicNameFault(topic);
    if (fault !== undefined) throw invalid(`topics has a name that no topic has: ${fault}`);
  }
  const { minSessionTimeoutMs: min, maxSessionTimeoutMs: max } = settings;
  if (!(sessionTimeoutMs >= min && sessionTimeoutMs <= max) && !request.leaving) {
    throw invalid(`sessionTimeoutMs is ${sessionTimeoutMs}; allowed is ${min} to ${max}`);
  }
  checkPartitions('owned', owned);
}

/** Throws INVALID_REQUEST for lists that are too long. */
export function checkPartitions(what: string, partitions: readonly NamedPartition[]): void {
  if (partitions.length <= MAX_PARTITIONS) return;
  throw invalid(`${what} has ${partitions.length} partitions, more than ${MAX_PARTITIONS}`);
}

/** Throws INVALID_REQUEST for more positions than one request may set. */
export function checkPositions(positions: readonly NamedPosition[]): void {
  if (positions.length <= MAX_POSITIONS) return;
  throw invalid(
    `positions has ${positions.length} entries, more than ${MAX_POSITIONS}: send several requests`,
  );
}

/** What a list costs in memory, roughly. */
export function bytesOf(
  list: readonly (NamedPartition & { readonly metadata?: string })[],
): number {
  return list.reduce((sum, { topic, metadata = '' }) => {
    return sum + ENTRY_BYTES + topic.length + metadata.length;
  }, 0);
}

/** Why a position can not be one; undefined when it can. */
export function positionFault(position: NamedPosition): string | undefined {
  const { partition, offset, lastEpoch, metadata } = position;
  if (!Number.isInteger(partition) || partition < 0 || partition > MAX_PARTITION) {
    return `${partition} is no partition`;
  }
  if (!Number.isSafeInteger(offset) || offset < 0) return `${offset} is no offset`;
  if (!Number.isInteger(lastEpoch) || lastEpoch < -1 || lastEpoch > MAX_EPOCH) {
    return `${lastEpoch} is no epoch`;
  }
  if (metadata.length > MAX_METADATA_CHARACTERS) {
    return `its metadata has ${metadata.length} characters, more than ${MAX_METADATA_CHARACTERS}`;
  }
  return undefined;
}

function checkText(what: string, text: string): void {
  if (text.length > MAX_NAME_CHARACTERS) {
    throw invalid(`${what} has ${text.length} characters, more than ${MAX_NAME_CHARACTERS}`);
  }
  if (CONTROL_CHARACTER.test(text)) throw invalid(`${what} has a control character`);
}

function invalid(message: string): Error {
  return zhumqError('INVALID_REQUEST', message);
}
