// Reading flags: durations, addresses, whole numbers, KEY=VALUE pairs. A bare number of time means seconds here.
import { parseDurationMs, parseHostPort } from '@zhumq/base';
import type { HostPort } from '@zhumq/base';
import { UsageError } from './exit-codes.js';

/** Parsed flags, by name. */
export type Flags = Readonly<Record<string, unknown>>;

/** The text of a flag; undefined when it was not given. */
export function textOf(flags: Flags, flag: string): string | undefined {
  const value = flags[flag];
  return value === undefined || value === null ? undefined : String(value);
}

/** All texts of a flag that may be given several times. */
export function textsOf(flags: Flags, flag: string): readonly string[] {
  const value = flags[flag];
  return Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
}

/** Milliseconds. Throws UsageError. */
export function durationMs(flag: string, text: string | number): number {
  const parsed = parseDurationMs(text, 's');
  if (parsed === undefined)
    throw new UsageError(
      `--${flag} is a duration such as 500ms, 15s, 10m or 2h; "${text}" is none`,
    );
  return parsed;
}

/** The shortest --interval: with less the command asks the cluster as fast as it answers. */
const MIN_INTERVAL_MS = 100;

/** How often a verb that goes on looks again, in milliseconds. Throws UsageError. */
export function intervalMs(flags: Flags): number {
  const interval = durationMs('interval', textOf(flags, 'interval') ?? '');
  if (interval >= MIN_INTERVAL_MS) return interval;
  throw new UsageError(
    `--interval is at least ${MIN_INTERVAL_MS}ms; "${textOf(flags, 'interval') ?? ''}" is less`,
  );
}

/** Milliseconds; undefined when the flag was not given. Throws UsageError. */
export function optionalDurationMs(flags: Flags, flag: string): number | undefined {
  const text = textOf(flags, flag);
  return text === undefined ? undefined : durationMs(flag, text);
}

/** Undefined when the flag was not given. Throws UsageError. */
export function optionalNumber(
  flags: Flags,
  flag: string,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const text = textOf(flags, flag);
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) {
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`;
    throw new UsageError(`--${flag} is a whole number ${range}; "${text}" is not`);
  }
  return value;
}

/** Throws UsageError. */
export function address(flag: string, text: string): HostPort {
  const parsed = parseHostPort(text);
  if (parsed === undefined)
    throw new UsageError(`--${flag} is HOST:PORT, such as 127.0.0.1:9640; "${text}" is not`);
  return parsed;
}

/** `K=V`, split at the first `=`. Throws UsageError. */
export function pairs(
  flag: string,
  texts: readonly string[],
  example: string,
): readonly (readonly [name: string, value: string])[] {
  return texts.map((text) => {
    const equals = text.indexOf('=');
    if (equals < 1)
      throw new UsageError(
        `--${flag} takes NAME=VALUE, such as ${example}; "${text}" has no name or no =`,
      );
    return [text.slice(0, equals), text.slice(equals + 1)] as const;
  });
}

/** Settings of a topic by name. Throws UsageError. */
export function settings(flag: string, texts: readonly string[]): Record<string, string> {
  const given = pairs(flag, texts, 'retention.ms=7d');
  const twice = given.find(([name], index) => given.findIndex(([other]) => other === name) < index);
  if (twice !== undefined)
    throw new UsageError(`--${flag} ${twice[0]}=… is given twice; say it once`);
  return Object.fromEntries(given);
}
