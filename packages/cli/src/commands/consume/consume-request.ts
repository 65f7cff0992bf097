// What `zhumq consume` was asked for: its flags, checked together.
import type { StartPosition } from '@zhumq/client';
import { optionalDurationMs, optionalNumber, textOf } from '../../arguments.js';
import type { Flags } from '../../arguments.js';
import { UsageError } from '../../exit-codes.js';
import { optionalGroup } from '../group/group-argument.js';
import { topicOf } from '../topic/topic-argument.js';
import { startPosition } from './start-position.js';

export interface ConsumeRequest {
  readonly topic: string;
  readonly from: Exclude<StartPosition, readonly unknown[]>;
  /** What --from says, and not a default. */
  readonly fromText: string | undefined;
  readonly delivery: 'pull' | 'push';
  /** Undefined: all. */
  readonly partition: number | undefined;
  /** Undefined: none. */
  readonly group: GroupRequest | undefined;
  readonly max: number;
  readonly idleMs: number;
}

export interface GroupRequest {
  readonly group: string;
  readonly instanceId?: string;
  readonly sessionTimeout?: number;
}

/** Throws UsageError. */
export function consumeRequest(flags: Flags, nowMs: number): ConsumeRequest {
  const topic = topicOf(flags);
  const group = groupRequest(flags);
  const fromText = textOf(flags, 'from');
  return {
    ...{ topic, group, fromText },
    from: startPosition(fromText ?? (group === undefined ? 'latest' : 'earliest'), nowMs),
    delivery: flags.delivery === 'push' ? 'push' : 'pull',
    partition: optionalNumber(flags, 'partition', 0),
    max: optionalNumber(flags, 'max', 1) ?? Infinity,
    idleMs: optionalDurationMs(flags, 'timeout') ?? Infinity,
  };
}

const MIN_SESSION_MS = 1_000;
const MAX_SESSION_MS = 30 * 60_000;

function groupRequest(flags: Flags): GroupRequest | undefined {
  const group = optionalGroup(flags);
  const instanceId = textOf(flags, 'instance-id');
  const sessionTimeout = optionalDurationMs(flags, 'session-timeout');
  if (group === undefined) {
    for (const flag of ['instance-id', 'session-timeout'])
      if (flags[flag] !== undefined)
        throw new UsageError(`--${flag} is for a member of a group: say which one with --group`);
    return undefined;
  }
  if (flags.partition !== undefined)
    throw new UsageError(
      '--partition can not be chosen in a group, which shares out the partitions itself: leave --partition out, or read it without --group',
    );
  if (instanceId === '') throw new UsageError('--instance-id is a name; it is empty');
  if (
    sessionTimeout !== undefined &&
    (sessionTimeout < MIN_SESSION_MS || sessionTimeout > MAX_SESSION_MS)
  )
    throw new UsageError(
      `--session-timeout is a time from 1s to 30m; "${String(flags['session-timeout'])}" is not`,
    );
  return {
    group,
    ...(instanceId === undefined ? {} : { instanceId }),
    ...(sessionTimeout === undefined ? {} : { sessionTimeout }),
  };
}
