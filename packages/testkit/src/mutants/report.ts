// What a campaign came to: for people, for programs, and for the document.
import type { MutantResult } from './campaign.js';
import type { PitfallRow } from './mutant.js';

export interface Summary {
  readonly mutants: number;
  readonly killed: number;
  readonly survived: number;
  readonly crashed: number;
  readonly errors: number;
  readonly untried: number;
  /** Of the killed ones, from the start of the first seed to the verdict. */
  readonly medianSeconds: number;
  readonly maxSeconds: number;
  readonly medianCpuSeconds: number;
  readonly wallSeconds: number;
  /** Checkers and invariants, and how many each killed. */
  readonly killers: Readonly<Record<string, number>>;
}

export function summarize(results: readonly MutantResult[], wallSeconds: number): Summary {
  const count = (wanted: MutantResult['outcome']): number =>
    results.filter(({ outcome }) => outcome === wanted).length;
  const killed = results.filter(({ outcome }) => outcome === 'killed');
  const times = killed.map(({ seconds }) => seconds).sort((a, b) => a - b);
  const cpuTimes = killed.map(({ cpuSeconds }) => cpuSeconds).sort((a, b) => a - b);
  const killers: Record<string, number> = {};
  for (const { check = '?' } of killed) killers[check] = (killers[check] ?? 0) + 1;
  return {
    mutants: results.length,
    ...{ killed: killed.length, survived: count('survived') },
    ...{ crashed: count('crashed'), errors: count('error') },
    untried: count('untried'),
    medianSeconds: rounded(times[Math.floor(times.length / 2)] ?? 0),
    maxSeconds: rounded(times.at(-1) ?? 0),
    medianCpuSeconds: rounded(cpuTimes[Math.floor(cpuTimes.length / 2)] ?? 0),
    wallSeconds: rounded(wallSeconds),
    killers,
  };
}

export function table(results: readonly MutantResult[]): string {
  const rows = results.map((result) => cells(result));
  const header = [
    'mutant',
    'outcome',
    'by',
    'scenario',
    'seed',
    'seeds',
    'seconds',
    'cpu',
    'events',
  ];
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  return [header, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdownTable(results: readonly MutantResult[]): string {
  const rows = results.map((result) => {
    const [, outcome, by, scenario, seed, , seconds, cpu, events] = cells(result);
    const says = `${result.says} (${result.source})`;
    return [`\`${result.id}\``, says, outcome, by, scenario, seed, seconds, cpu, events];
  });
  const header = ['mutant', 'the bug', 'outcome', 'by', 'scenario', 'seed', 's', 'cpu s', 'events'];
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [header, header.map(() => '---'), ...rows].map(line).join('\n');
}

export function pitfallTable(rows: readonly PitfallRow[]): string {
  const lines = rows.map(({ id, about, mutants, why }) => {
    const named = mutants.map((mutant) => `\`${mutant}\``).join(', ');
    return `| ${id} | ${about} | ${named || `none: ${why ?? ''}`} |`;
  });
  return ['| row | pitfall | mutants |', '| --- | --- | --- |', ...lines].join('\n');
}

function cells(result: MutantResult): string[] {
  const { id, outcome, check, scenario, seed, seeds, seconds, cpuSeconds, events } = result;
  return [
    ...[id, outcome, check ?? '', scenario, seed === undefined ? '-' : String(seed)],
    ...[String(seeds), seconds.toFixed(1), cpuSeconds.toFixed(1), String(events)],
  ];
}

function rounded(seconds: number): number {
  return Number(seconds.toFixed(1));
}
