// The only writer to standard output: tables for people, JSON for programs. Progress and messages go to standard error.
import Table from 'cli-table3';

export type OutputFormat = 'table' | 'wide' | 'json' | 'jsonl';

export const OUTPUT_FORMATS: readonly OutputFormat[] = ['table', 'wide', 'json', 'jsonl'];

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string | number | undefined;
  /** Only in format `wide`. */
  readonly wide?: boolean;
}

/** Prints rows as a table, as one JSON array, or as one JSON object per line. */
export function printRows<T>(
  format: OutputFormat,
  rows: readonly T[],
  columns: readonly Column<T>[],
): void {
  if (format === 'json') return print(JSON.stringify(rows));
  if (format === 'jsonl') {
    for (const row of rows) print(JSON.stringify(row));
    return;
  }
  const shown = columns.filter((column) => format === 'wide' || column.wide !== true);
  const table = new Table({
    head: shown.map((column) => column.title),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: NO_BORDERS,
  });
  for (const row of rows) table.push(shown.map((column) => String(column.value(row) ?? '-')));
  print(table.toString().replace(/ +$/gm, ''));
}

/** Prints one thing: JSON, or the lines that a person reads. */
export function printObject(format: OutputFormat, value: unknown, lines: readonly string[]): void {
  if (format === 'json' || format === 'jsonl') print(JSON.stringify(value));
  else for (const line of lines) print(line);
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** For people: goes to standard error, so that data stays clean. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

const NO_BORDERS = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '' },
  ...{ right: '', 'right-mid': '', middle: '' },
};
