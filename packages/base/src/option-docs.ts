// The reference of options as a Markdown table.

export interface DocumentedOption {
  readonly name: string;
  readonly initial: string;
  readonly allowed: string;
  readonly environment: string;
  readonly doc: string;
}

const HEAD = ['Option', 'Default', 'Allowed', 'Environment', 'What it does'];

/** Columns are padded, as Prettier would write them. */
export function renderOptionTable(options: readonly DocumentedOption[]): string {
  const rows = options.map(({ name, initial, allowed, environment, doc }) =>
    [code(name), code(initial), allowed, code(environment), doc].map(escapeCell),
  );
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const rule = widths.map((width) => '-'.repeat(width));
  return `${[HEAD, rule, ...rows].map(line).join('\n')}\n`;
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``;
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
