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
  return parseQuantity(text, DURATION_UNITS, DURATION_UNITS[bareUnit]);
}

/** Bytes; undefined when the text is no size. */
export function parseBytes(text: string | number): number | undefined {
  return parseQuantity(text, BYTE_UNITS, 1);
}

export function formatDurationMs(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = DURATION_UNITS[unit];
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

export function formatBytes(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const size = BYTE_UNITS[unit];
    if (bytes >= size) return `${Number((bytes / size).toFixed(1))}${unit}`;
  }
  return `${bytes}B`;
}

function parseQuantity(
  text: string | number,
  units: Readonly<Record<string, number>>,
  bare: number,
): number | undefined {
  if (typeof text === 'number') return Number.isFinite(text) && text >= 0 ? text * bare : undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim());
  if (match === null) return undefined;
  const unit = match[2] === '' ? bare : units[match[2]];
  return unit === undefined ? undefined : Number(match[1]) * unit;
}
