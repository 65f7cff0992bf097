// Reading flags: durations, addresses, KEY=VALUE pairs. A bare number of time means seconds here.
import { parseDurationMs, parseHostPort } from '@zhumq/base';
import { UsageError } from './exit-codes.js';
import type { HostPort } from '@zhumq/base';

/** Milliseconds. Throws UsageError. */
export function durationMs(flag: string, text: string | number): number {
  const parsed = parseDurationMs(text, 's');
  if (parsed === undefined)
    throw new UsageError(
      `--${flag} is a duration such as 500ms, 15s, 10m or 2h; "${text}" is none`,
    );
  return parsed;
}

/** Throws UsageError. */
export function address(flag: string, text: string): HostPort {
  const parsed = parseHostPort(text);
  if (parsed === undefined)
    throw new UsageError(`--${flag} is HOST:PORT, such as 127.0.0.1:9640; "${text}" is not`);
  return parsed;
}

/** `K=V` pairs. Throws UsageError. */
export function settings(flag: string, pairs: readonly string[] = []): Record<string, string> {
  const entries = pairs.map((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 1)
      throw new UsageError(
        `--${flag} takes NAME=VALUE, such as retention.ms=7d; "${pair}" has no name or no =`,
      );
    return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
  });
  return Object.fromEntries(entries);
}
