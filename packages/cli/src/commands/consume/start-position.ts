// Where to begin: earliest, latest, an offset, a moment, or a time ago.
import { parseDurationMs } from '@zhumq/base';
import type { StartPosition } from '@zhumq/client';
import { UsageError } from '../../exit-codes.js';

/**
 * `earliest`, `latest`, `17` (an offset), `2026-11-21T10:00:00Z` (ISO 8601; without Z or +hh:mm local time; a date alone
 * is its midnight), `-15m` (a time ago). Throws UsageError.
 */
export function startPosition(
  text: string,
  nowMs: number,
): Exclude<StartPosition, readonly unknown[]> {
  if (text === 'earliest' || text === 'latest') return text;
  if (/^\d+$/.test(text)) {
    const offset = Number(text);
    if (Number.isSafeInteger(offset)) return offset;
  }
  const agoMs = /^-\d/.test(text) ? parseDurationMs(text.slice(1), 's') : undefined;
  if (agoMs !== undefined) return new Date(Math.max(0, nowMs - agoMs));
  const moment = isoMoment(text);
  if (moment !== undefined) return moment;
  throw new UsageError(
    `--from is earliest, latest, an offset, a time such as 2026-11-21T10:00:00Z, or -15m for 15 minutes ago; "${text}" is none of them`,
  );
}

/** ISO 8601; without Z or +hh:mm local time; a date alone is its midnight. */
export function isoMoment(text: string): Date | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(
    text,
  );
  if (match === null) return undefined;
  const moment = new Date(match[2] === undefined ? `${match[1]}T00:00` : text);
  return Number.isNaN(moment.getTime()) ? undefined : moment;
}
