// Options as programs give them, to numbers. A mistake is INVALID_OPTION and says which option and what it takes.
import { formatBytes, parseBytes, parseDurationMs } from '@zhumq/base';
import type { Bytes, Duration } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';

/** Whole milliseconds; a bare number is milliseconds. */
export function durationOption(
  name: string,
  given: Duration | undefined,
  byDefault: Duration,
): number {
  const ms = parseDurationMs(given ?? byDefault, 'ms');
  if (ms !== undefined) return Math.ceil(ms);
  throw invalidOption(
    name,
    given,
    "a duration such as '500ms', '15s', '10m' or a number of milliseconds",
  );
}

export function bytesOption(
  name: string,
  given: Bytes | undefined,
  byDefault: Bytes,
  range: { readonly min: number; readonly max: number },
): number {
  const bytes = parseBytes(given ?? byDefault);
  if (bytes !== undefined && bytes >= range.min && bytes <= range.max) return bytes;
  throw invalidOption(
    name,
    given,
    `a size from ${formatBytes(range.min)} to ${formatBytes(range.max)}`,
  );
}

export function integerOption(
  name: string,
  given: number | undefined,
  byDefault: number,
  range: { readonly min: number; readonly max: number },
): number {
  const value = given ?? byDefault;
  if (Number.isInteger(value) && value >= range.min && value <= range.max) return value;
  throw invalidOption(name, given, `a whole number from ${range.min} to ${range.max}`);
}

export function choiceOption<T extends string>(
  name: string,
  given: T | undefined,
  byDefault: T,
  choices: readonly T[],
): T {
  const value = given ?? byDefault;
  if (choices.includes(value)) return value;
  throw invalidOption(name, given, `one of ${choices.join(', ')}`);
}

export function invalidOption(name: string, given: unknown, takes: string): Error {
  return zhumqError('INVALID_OPTION', `${name} is ${String(given)}; it takes ${takes}`, {
    option: name,
  });
}
