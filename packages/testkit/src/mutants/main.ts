// The command's work: chooses mutants, runs them, tells what came of it.
import type { CommandOutput } from '../simulation/main.js';
import { runCampaign } from './campaign.js';
import type { MutantResult } from './campaign.js';
import { parseCommand } from './command.js';
import type { MutantsCommand } from './command.js';
import { writeDocument } from './document.js';
import type { Mutant, PitfallRow } from './mutant.js';
import { summarize, table } from './report.js';

const EXIT_NOT_ALL = 1;
const EXIT_USAGE = 2;

export interface MutantSet {
  readonly mutants: readonly Mutant[];
  readonly rows: readonly PitfallRow[];
}

/** Resolves with the exit code; `progress` is told while it works. */
export async function runMutants(
  args: readonly string[],
  root: string,
  { mutants: all, rows }: MutantSet,
  output: CommandOutput,
  progress: (line: string) => void,
): Promise<number> {
  let command: MutantsCommand;
  let results: MutantResult[];
  const startedMs = performance.now();
  try {
    command = parseCommand(args);
    const mutants = chosen(all, command.only);
    const { jobs, limitSeconds } = command;
    results = await runCampaign({ root, mutants, jobs, limitSeconds, progress });
  } catch (error) {
    output.write((error as Error).message);
    return EXIT_USAGE;
  }
  const summary = summarize(results, (performance.now() - startedMs) / 1000);
  if (command.write) writeDocument(root, results, summary, command.jobs, rows);
  if (command.json) output.write(JSON.stringify({ ...summary, results }));
  else {
    output.write(table(results));
    const { killers, ...figures } = summary;
    for (const [name, figure] of Object.entries(figures)) output.write(`${name}: ${figure}`);
    output.write(`killers: ${JSON.stringify(killers)}`);
  }
  return summary.killed === summary.mutants ? 0 : EXIT_NOT_ALL;
}

function chosen(all: readonly Mutant[], only: readonly string[] | undefined): readonly Mutant[] {
  if (only === undefined) return all;
  const matches = (wanted: string, id: string): boolean =>
    wanted.endsWith('*') ? id.startsWith(wanted.slice(0, -1)) : id === wanted;
  const unknown = only.filter((wanted) => !all.some(({ id }) => matches(wanted, id)));
  if (unknown.length > 0) {
    const known = all.map(({ id }) => id).join(', ');
    throw new Error(`no mutant is called ${unknown.join(', ')}; there are: ${known}`);
  }
  return all.filter(({ id }) => only.some((wanted) => matches(wanted, id)));
}
