// The settings of a topic: name, type, default, range and a sentence for docs/configuration.md. Stored as text by name
// (TopicRecord.config holds those that differ from the defaults), parsed once to a TopicConfig.
import {
  formatBytes,
  formatDurationMs,
  nearestName,
  parseBytes,
  parseDurationMs,
} from '@zhumq/base';
import { zhumqError } from './error-table.js';
import type { ReplicationMode } from './names.js';

export type FlushPolicy = 'fsync' | 'interval' | 'os';
export type CleanupPolicy = 'delete';

export interface TopicConfig {
  /** undefined: what the replication mode implies, see `flushPolicyOf`. */
  readonly flush: FlushPolicy | undefined;
  readonly flushIntervalMs: number;
  readonly segmentBytes: number;
  readonly segmentMs: number;
  readonly indexIntervalBytes: number;
  /** -1: no limit. */
  readonly retentionMs: number;
  /** -1: no limit. */
  readonly retentionBytes: number;
  readonly maxMessageBytes: number;
  /** undefined: a majority of the replicas, see `minInsyncReplicasOf`. */
  readonly minInsyncReplicas: number | undefined;
  readonly uncleanLeaderElection: 'true' | 'false';
  readonly producerExpirationMs: number;
  readonly cleanupPolicy: CleanupPolicy;
}

interface Quantity {
  readonly type: 'duration' | 'bytes' | 'count';
  readonly fallback: number | undefined;
  readonly min: number;
  readonly max: number;
  /** -1 is taken, too, and means: no limit. */
  readonly unlimited?: boolean;
}

interface Choice {
  readonly type: 'choice';
  readonly fallback: string | undefined;
  readonly values: readonly string[];
}

export type TopicOption = (Quantity | Choice) & {
  readonly name: string;
  readonly field: keyof TopicConfig;
  readonly doc: string;
};

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const CENTURY = 36_500 * DAY;

/** All settings, in the order of the documentation. */
export const TOPIC_OPTIONS: readonly TopicOption[] = [
  {
    name: 'flush',
    field: 'flush',
    type: 'choice',
    fallback: undefined,
    values: ['fsync', 'interval', 'os'],
    doc: 'When a write counts as on disk: after a sync, when written (synced every flush.interval.ms), or when written. Default: fsync in mode raft, interval in mode fetch.',
  },
  {
    name: 'flush.interval.ms',
    field: 'flushIntervalMs',
    type: 'duration',
    fallback: SECOND,
    min: 1,
    max: HOUR,
    doc: 'Longest time between two syncs with flush=interval: what a power loss of all replicas at once may cost.',
  },
  {
    name: 'segment.bytes',
    field: 'segmentBytes',
    type: 'bytes',
    fallback: 256 * MIB,
    min: 64 * KIB,
    max: GIB,
    doc: 'Size at which a new segment file is begun. Retention deletes whole segments.',
  },
  {
    name: 'segment.ms',
    field: 'segmentMs',
    type: 'duration',
    fallback: 7 * DAY,
    min: SECOND,
    max: CENTURY,
    doc: 'Age at which a new segment file is begun although the present one is small.',
  },
  {
    name: 'index.interval.bytes',
    field: 'indexIntervalBytes',
    type: 'bytes',
    fallback: 4 * KIB,
    min: 512,
    max: 64 * MIB,
    doc: 'Bytes of log between two entries of the index: smaller finds faster, larger takes less room.',
  },
  {
    name: 'retention.ms',
    field: 'retentionMs',
    type: 'duration',
    fallback: 7 * DAY,
    min: SECOND,
    max: CENTURY,
    unlimited: true,
    doc: 'Records older than this may be deleted. -1: never because of age.',
  },
  {
    name: 'retention.bytes',
    field: 'retentionBytes',
    type: 'bytes',
    fallback: -1,
    min: 0,
    max: 2 ** 20 * GIB,
    unlimited: true,
    doc: 'A partition larger than this loses its oldest segments. -1: never because of size.',
  },
  {
    name: 'max.message.bytes',
    field: 'maxMessageBytes',
    type: 'bytes',
    fallback: MIB,
    min: KIB,
    max: 64 * MIB,
    doc: 'Largest record batch that is taken, compressed as it comes.',
  },
  {
    name: 'min.insync.replicas',
    field: 'minInsyncReplicas',
    type: 'count',
    fallback: undefined,
    min: 1,
    max: 100,
    doc: 'Mode fetch: with fewer replicas in sync than this nothing is acknowledged to acks=-1, and nothing new is shown to consumers. Default: a majority of the replicas; more than there are replicas means all of them.',
  },
  {
    name: 'unclean.leader.election',
    field: 'uncleanLeaderElection',
    type: 'choice',
    fallback: 'false',
    values: ['false', 'true'],
    doc: 'Mode fetch: whether a replica that is not in sync may lead when no other one is alive. true: available sooner, and acknowledged records may be lost (reported as a possible loss).',
  },
  {
    name: 'producer.expiration.ms',
    field: 'producerExpirationMs',
    type: 'duration',
    fallback: DAY,
    min: 5 * 60 * SECOND,
    max: CENTURY,
    doc: "A producer whose last record is older than the partition's newest by more than this is forgotten; keep it above twice the delivery timeout of all producers.",
  },
  {
    name: 'cleanup.policy',
    field: 'cleanupPolicy',
    type: 'choice',
    fallback: 'delete',
    values: ['delete'],
    doc: 'What happens to old records: delete.',
  },
];

const BY_NAME = new Map(TOPIC_OPTIONS.map((option) => [option.name, option]));

/** Parses settings by name; those that are missing get their defaults. Throws INVALID_TOPIC. */
export function parseTopicConfig(
  settings: Readonly<Record<string, string>> | ReadonlyMap<string, string> = {},
): TopicConfig {
  const given = settings instanceof Map ? settings : new Map(Object.entries(settings));
  const config: Record<string, unknown> = {};
  for (const option of TOPIC_OPTIONS) config[option.field] = option.fallback;
  for (const [name, text] of given as ReadonlyMap<string, string>) {
    const option = BY_NAME.get(name);
    if (option === undefined) throw unknownName(name);
    config[option.field] = parseValue(option, text);
  }
  return Object.freeze(config) as unknown as TopicConfig;
}

/** When a write counts as on disk: as the topic says, else as its replication mode implies. */
export function flushPolicyOf(config: TopicConfig, mode: ReplicationMode): FlushPolicy {
  return config.flush ?? (mode === 'raft' ? 'fsync' : 'interval');
}

/** Replicas in sync that mode fetch demands: as the topic says, but never more than there are, else a majority. */
export function minInsyncReplicasOf(config: TopicConfig, replicas: number): number {
  return Math.min(config.minInsyncReplicas ?? Math.floor(replicas / 2) + 1, replicas);
}

/** What an option takes, for messages and documentation. */
export function rangeOf(option: TopicOption): string {
  if (option.type === 'choice') return `one of ${option.values.join(', ')}`;
  const show = { duration: formatDurationMs, bytes: formatBytes, count: String }[option.type];
  const range = `${show(option.min)} to ${show(option.max)}`;
  return option.unlimited === true ? `${range}, or -1 for no limit` : range;
}

function parseValue(option: TopicOption, text: string): string | number {
  if (option.type === 'choice') {
    if (option.values.includes(text)) return text;
  } else {
    if (option.unlimited === true && text.trim() === '-1') return -1;
    const value = quantityOf(option.type, text);
    if (Number.isInteger(value) && Number(value) >= option.min && Number(value) <= option.max) {
      return Number(value);
    }
  }
  throw zhumqError(
    'INVALID_TOPIC',
    `${option.name}=${text} is not allowed: it takes ${rangeOf(option)}`,
    {
      option: option.name,
      value: text,
      range: rangeOf(option),
    },
  );
}

/** A bare number is milliseconds, bytes or a count. */
function quantityOf(type: Quantity['type'], text: string): number | undefined {
  if (type === 'duration') return parseDurationMs(text, 'ms');
  if (type === 'bytes') return parseBytes(text);
  return /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}

function unknownName(name: string): Error {
  const near = nearestName(name.toLowerCase().replaceAll(/[_-]/g, '.'), BY_NAME.keys());
  const hint =
    near === undefined ? `settings are ${[...BY_NAME.keys()].join(', ')}` : `did you mean ${near}?`;
  return zhumqError('INVALID_TOPIC', `a topic has no setting "${name}"; ${hint}`, { option: name });
}
