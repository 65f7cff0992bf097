// The options of a group's consumer with their defaults, checked.
import path from 'node:path';
import type { GroupOptions, ReadOptions, StartPosition } from '../api/consumer.js';
import { startOf } from '../consumer/consumer-settings.js';
import { durationOption, integerOption, invalidOption } from '../option-values.js';

export interface GroupSettings {
  readonly group: string;
  /** Where the group has no position. */
  readonly from: 'earliest' | 'latest' | number | Date;
  readonly instanceId: string;
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly autoCommit: boolean;
  readonly commitIntervalMs: number;
  readonly commitEvery: number;
}

const MIN_SESSION_MS = 1000;
const MAX_SESSION_MS = 30 * 60_000;
const MAX_NAME_LENGTH = 200;
const MIN_COMMIT_INTERVAL_MS = 10;

const OWN_OPTIONS: readonly (keyof GroupOptions)[] = [
  ...(['instanceId', 'clientId', 'sessionTimeout', 'drainTimeout'] as const),
  ...(['autoCommit', 'commitInterval', 'commitEvery'] as const),
];

/** undefined for a consumer without a group; throws INVALID_OPTION. */
export function groupSettings(options: ReadOptions): GroupSettings | undefined {
  const { group } = options;
  if (group === undefined) {
    const lonely = OWN_OPTIONS.find((name) => options[name] !== undefined);
    if (lonely === undefined) return undefined;
    throw invalidOption(lonely, options[lonely], 'a consumer with a `group` only');
  }
  if (group === '') throw invalidOption('group', "''", 'a name');
  if (options.partitions !== undefined) {
    throw invalidOption('partitions', options.partitions, 'a consumer without a group only');
  }
  const sessionTimeoutMs = durationOption('sessionTimeout', options.sessionTimeout, '10s');
  if (sessionTimeoutMs < MIN_SESSION_MS || sessionTimeoutMs > MAX_SESSION_MS) {
    throw invalidOption('sessionTimeout', options.sessionTimeout, 'a time from 1s to 30m');
  }
  const commitIntervalMs = durationOption('commitInterval', options.commitInterval, '1s');
  const commitEvery = { min: 1, max: 10_000_000 };
  return {
    group,
    from: groupStart(options.from),
    instanceId: options.instanceId ?? '',
    clientId: options.clientId ?? programName(),
    sessionTimeoutMs,
    drainTimeoutMs: durationOption('drainTimeout', options.drainTimeout, '30s'),
    autoCommit: options.autoCommit ?? true,
    commitIntervalMs: Math.max(MIN_COMMIT_INTERVAL_MS, commitIntervalMs),
    commitEvery: integerOption('commitEvery', options.commitEvery, 1000, commitEvery),
  };
}

/** Positions are not for all members alike. */
function groupStart(from: StartPosition | undefined): 'earliest' | 'latest' | number | Date {
  if (from === undefined) return 'earliest';
  const start = startOf(from);
  if (!Array.isArray(start)) return start as Exclude<StartPosition, readonly unknown[]>;
  throw invalidOption('from', 'positions', 'in a group: earliest, latest, an offset or a Date');
}

function programName(): string {
  const name = path.basename(process.argv[1] ?? 'node').replaceAll(/\p{Cc}/gu, '');
  return `${name.slice(0, MAX_NAME_LENGTH)} (${process.pid})`;
}
