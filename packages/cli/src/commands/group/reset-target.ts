// What --to of `group reset` takes.
import { parseDurationMs } from '@zhumq/base';
import type { ResetOffsets } from '@zhumq/client';
import { UsageError } from '../../exit-codes.js';
import { isoMoment } from '../consume/start-position.js';

/**
 * `earliest`, `latest`, `none`, `17` (an offset), `+5` and `-5` (so many messages on or back), `2026-11-21T10:00:00Z`, `-1h` (a
 * time ago: with its unit, or it is a number of messages). Throws UsageError.
 */
export function resetTarget(text: string, nowMs: number): ResetOffsets['to'] {
  if (text === 'earliest' || text === 'latest' || text === 'none') return text;
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  if (Number.isSafeInteger(number)) return /^\d/.test(text) ? number : { by: number };
  // The word "ago" may be said, too.
  const ago = /^-(\d.*[a-z])$/.exec(text)?.[1];
  const agoMs = ago === undefined ? undefined : parseDurationMs(ago.replace(/ ?ago$/, ''), 's');
  if (agoMs !== undefined) return new Date(Math.max(0, nowMs - agoMs));
  const moment = isoMoment(text);
  if (moment !== undefined) return moment;
  throw new UsageError(
    `--to is earliest, latest, none, an offset, +N or -N messages, a time such as 2026-11-21T10:00:00Z, or -1h for an hour ago; "${text}" is none of them`,
  );
}
