// What requests may contain: everything from a socket has bounds. All throw INVALID_REQUEST, or INVALID_TOPIC.
import type { ZhumqError } from '@zhumq/base';
import { MAX_PARTITION, checkTopicName, zhumqError } from '@zhumq/model';
import type { Acks } from '@zhumq/model';
import type {
  OutgoingRecord,
  ReceiveRequest,
  RecordId,
  SendOptions,
  SubscribeRequest,
} from '@zhumq/rpc';

const MAX_RECORDS = 10_000;
const MAX_BYTES = 16 * 2 ** 20;
const MAX_HEADERS = 1_000;
const MAX_TIMEOUT_MS = 120_000;
const MAX_WAIT_MS = 60_000;
const MIN_SESSION_MS = 1_000;
const MAX_SESSION_MS = 3_600_000;
const MAX_TOPICS = 100;
const ACKS: ReadonlyMap<number, Acks> = new Map([
  [-1, 'all'],
  [0, 'none'],
  [1, 'leader'],
]);

/** What has a default in the contract is always there when it came over the wire. */
export type Received<T> = Required<T>;

export function received<T>(request: T): Received<T> {
  return request as Received<T>;
}

export function checkedAcks({ acks, timeoutMs }: Received<SendOptions>): Acks {
  const name = ACKS.get(acks);
  if (name === undefined) throw invalid(`acks is ${acks}; it is -1, 0 or 1`);
  checkRange('timeoutMs', timeoutMs, 1, MAX_TIMEOUT_MS);
  return name;
}

export function checkRecords(records: readonly OutgoingRecord[]): void {
  if (records.length > MAX_RECORDS) {
    throw invalid(`sendAll takes ${MAX_RECORDS} records at most, not ${records.length}`);
  }
}

export function checkRecord({ topic, partition, headers }: OutgoingRecord): void {
  checkTopicName(topic);
  if (partition !== undefined) checkRange('partition', partition, 0, MAX_PARTITION);
  if (headers !== undefined && headers.length > MAX_HEADERS) {
    throw invalid(`a record has ${MAX_HEADERS} headers at most, not ${headers.length}`);
  }
}

/** What receive and subscribe have in common. */
export function checkReading(request: Received<SubscribeRequest>): void {
  const { group, topics, maxRecords, maxBytes, sessionTimeoutMs, start } = request;
  if (topics.length > MAX_TOPICS) {
    throw invalid(`topics has ${topics.length} names, more than ${MAX_TOPICS}`);
  }
  if (topics.length === 0) throw invalid('topics is empty; name one at least');
  for (const topic of topics) checkTopicName(topic);
  if (group === '' && topics.length > 1) {
    const text = `without a group a connection reads one topic, not ${topics.length}; name a group, or open more connections`;
    throw invalid(text);
  }
  checkRange('maxRecords', maxRecords, 1, MAX_RECORDS);
  checkRange('maxBytes', maxBytes, 1, MAX_BYTES);
  checkRange('sessionTimeoutMs', sessionTimeoutMs, MIN_SESSION_MS, MAX_SESSION_MS);
  checkRange('start', start, -2, Number.MAX_SAFE_INTEGER);
}

export function checkWait({ waitMs }: Received<ReceiveRequest>): void {
  checkRange('waitMs', waitMs, 0, MAX_WAIT_MS);
}

export function checkIds(records: readonly RecordId[]): void {
  if (records.length > MAX_RECORDS) {
    throw invalid(`${MAX_RECORDS} records are acknowledged at a time, not ${records.length}`);
  }
}

export function invalid(message: string): ZhumqError {
  return zhumqError('INVALID_REQUEST', message);
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (value < min || value > max) throw invalid(`${name} is ${value}; it is ${min} to ${max}`);
}
