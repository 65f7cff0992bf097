// The only writer to standard output: tables for people, JSON for programs. Progress and messages go to standard error.
import Table from 'cli-table3';
import type { Options } from 'yargs';
import type { Flags } from './arguments.js';

export type OutputFormat = 'table' | 'wide' | 'json' | 'jsonl';

export const OUTPUT_FORMATS: readonly OutputFormat[] = ['table', 'wide', 'json', 'jsonl'];

/** The flag of every verb that prints data. */
export const OUTPUT_OPTION = {
  output: {
    alias: 'o',
    choices: OUTPUT_FORMATS,
    default: 'table',
    describe: 'Form of what is printed; wide has more columns, jsonl is one JSON object per line',
  },
} as const satisfies Record<string, Options>;

export function formatOf(flags: Flags): OutputFormat {
  return flags.output as OutputFormat;
}

export function isJson(format: OutputFormat): boolean {
  return format === 'json' || format === 'jsonl';
}

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string | number | undefined;
  /** Only in format `wide`. */
  readonly wide?: boolean;
  /** Most characters in format `table`; `wide` has all of them. */
  readonly most?: number;
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
  printTable(format, rows, columns);
}

export function printTable<T>(
  format: OutputFormat,
  rows: readonly T[],
  columns: readonly Column<T>[],
): void {
  const shown = columns.filter((column) => format === 'wide' || column.wide !== true);
  const table = new Table({
    head: shown.map((column) => column.title),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: NO_BORDERS,
  });
  const cell = (row: T, { value, most = Infinity }: Column<T>): string => {
    const text = String(value(row) ?? '-');
    return format === 'wide' || text.length <= most ? text : `${text.slice(0, most - 1)}…`;
  };
  for (const row of rows) table.push(shown.map((column) => cell(row, column)));
  print(table.toString().replace(/ +$/gm, ''));
}

/** Prints one thing: JSON, or the lines that a person reads. */
export function printObject(format: OutputFormat, value: unknown, lines: readonly string[]): void {
  if (isJson(format)) print(JSON.stringify(value));
  else for (const line of lines) print(line);
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** For people: goes to standard error, so that data stays clean. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** `1 message`, `2 messages`. */
export function counted(count: number, thing: string, things = `${thing}s`): string {
  return `${count} ${count === 1 ? thing : things}`;
}

const NO_BORDERS = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '' },
  ...{ right: '', 'right-mid': '', middle: '' },
};
