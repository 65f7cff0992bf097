// The ledger of long runs: one row for each, so that their hours can be summed.
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import type { TallyLine } from './tally.js';

const HEAD = `# The ledger of the simulator

Each row is one run of \`npm run sim -- --ledger FILE\`: what it did until it ended, or was ended. A commit with a + had changes on top.

| seeds | scenario | commit | run | violations | simulated hours | events | wall s | cpu s | floors |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
`;

export function appendToLedger(
  file: string,
  scenario: string,
  first: number,
  line: TallyLine,
): void {
  if (!existsSync(file)) appendFileSync(file, HEAD);
  const { seeds, violations, simulatedHours, events, wallSeconds, cpuSeconds, belowFloor } = line;
  const floors = belowFloor === undefined ? '-' : belowFloor.join(' ') || 'met';
  const cells = [
    ...[`${first}-${first + seeds - 1}`, scenario, commit(), seeds, violations],
    ...[simulatedHours.toFixed(2), events, Math.round(wallSeconds), Math.round(cpuSeconds), floors],
  ];
  appendFileSync(file, `| ${cells.join(' | ')} |\n`);
}

function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: __dirname, encoding: 'utf8' }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', ':/packages');
    return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}
