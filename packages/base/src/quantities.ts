// Durations and sizes as people write them. Every option, flag and client setting is read by these two functions.

/** `500ms`, `15s`, `10m`, `2h`, `7d`; a bare number means seconds on the command line and milliseconds in code. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** `64KiB`, `1MiB`, `10GiB`, `512B`; a bare number is bytes. */
export type Bytes = number | `${number}${'B' | 'KiB' | 'MiB' | 'GiB'}`;

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Milliseconds; undefined when the text is no duration. `bareUnit` says what a number without unit counts. */
export function parseDurationMs(text: string | number, bareUnit: 'ms' | 's'): number | undefined {
  const ms = parseQuantity(text, DURATION_UNITS, DURATION_UNITS[bareUnit]);
  // To the microsecond: 1.1 * 1000 is not 1100.
  return ms === undefined ? undefined : Math.round(ms * 1000) / 1000;
}

/** Whole bytes (`0.1KiB` is 102); undefined when the text is no size. */
export function parseBytes(text: string | number): number | undefined {
  const bytes = parseQuantity(text, BYTE_UNITS, 1);
  return bytes === undefined ? undefined : Math.round(bytes);
}

export function formatDurationMs(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = DURATION_UNITS[unit];
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** For people: one digit after the point. What is read again is written by `formatExactBytes`. */
export function formatBytes(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const size = BYTE_UNITS[unit];
    // A little below the unit, where rounding would give 1024 of the smaller one.
    if (bytes >= size * (1 - 0.05 / 1024)) return `${Number((bytes / size).toFixed(1))}${unit}`;
  }
  return `${bytes}B`;
}

/** The largest unit of which it is a whole number: `1536KiB`, `1025B`. */
export function formatExactBytes(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const size = BYTE_UNITS[unit];
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

function parseQuantity(
  text: string | number,
  units: Readonly<Record<string, number>>,
  bare: number,
): number | undefined {
  if (typeof text === 'number') return inRange(text * bare);
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim());
  if (match === null) return undefined;
  if (match[2] === '') return inRange(Number(match[1]) * bare);
  return Object.hasOwn(units, match[2]) ? inRange(Number(match[1]) * units[match[2]]) : undefined;
}

function inRange(quantity: number): number | undefined {
  return quantity >= 0 && quantity <= Number.MAX_SAFE_INTEGER ? quantity : undefined;
}
