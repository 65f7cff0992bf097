// The part of docs/testing-mutants.md that the command writes: between two marks, what the last full run came to.
import { cpus } from 'node:os';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MutantResult } from './campaign.js';
import type { PitfallRow } from './mutant.js';
import { markdownTable, pitfallTable } from './report.js';
import type { Summary } from './report.js';

const FILE = 'docs/testing-mutants.md';
const BEGIN = '<!-- written by npm run mutants -- --write -->';
const END = '<!-- end of what is written -->';

export function writeDocument(
  root: string,
  results: readonly MutantResult[],
  summary: Summary,
  /** How the results came about: in one run, or in several. */
  origin: string,
  rows: readonly PitfallRow[],
): void {
  const path = join(root, FILE);
  const text = readFileSync(path, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${FILE} lacks the marks ${BEGIN} and ${END}`);
  const killers = Object.entries(summary.killers)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`);
  const section = [
    BEGIN,
    '',
    `${summary.killed} of ${summary.mutants} killed; survived ${summary.survived}, crashed ${summary.crashed}, errors ${summary.errors}, untried ${summary.untried}. ` +
      `Seconds from the first seed to the verdict: median ${summary.medianSeconds}, longest ${summary.maxSeconds}; of processor time, median ${summary.medianCpuSeconds}. ` +
      `${origin} ${machine()}.`,
    '',
    `Killed by: ${killers.join(', ')}.`,
    '',
    markdownTable(results),
    '',
    '## Pitfalls',
    '',
    'What implementations of Raft (3), of replication by fetching (4.1 to 4.4) and of a switch between the two (4.6) fell into, row by row.',
    '',
    pitfallTable(rows),
    '',
  ].join('\n');
  writeFileSync(path, text.slice(0, begin) + section + text.slice(end));
}

function machine(): string {
  const all = cpus();
  return `${all.length} cores (${all[0]?.model.trim() ?? 'unknown'}), Node.js ${process.version}`;
}
