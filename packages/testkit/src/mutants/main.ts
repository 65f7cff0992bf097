// The command's work: chooses mutants, runs them, tells what came of it.
import type { CommandOutput } from '../simulation/main.js';
import { runCampaign } from './campaign.js';
import type { MutantResult } from './campaign.js';
import { USAGE, parseCommand } from './command.js';
import type { MutantsCommand } from './command.js';
import { commitOf } from './commit.js';
import { writeDocument } from './document.js';
import { KeptResults } from './kept-results.js';
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
    if (command.help) {
      output.write(USAGE);
      return 0;
    }
    results = await resultsOf(command, root, chosen(all, command.only), progress);
  } catch (error) {
    output.write((error as Error).message);
    return EXIT_USAGE;
  }
  const summary = summarize(results, (performance.now() - startedMs) / 1000);
  if (command.write) writeDocument(root, results, summary, originOf(command, root, results), rows);
  if (command.json) output.write(JSON.stringify({ ...summary, results }));
  else {
    output.write(table(results));
    const { killers, ...figures } = summary;
    for (const [name, figure] of Object.entries(figures)) output.write(`${name}: ${figure}`);
    output.write(`killers: ${JSON.stringify(killers)}`);
  }
  return summary.killed === summary.mutants ? 0 : EXIT_NOT_ALL;
}

/** Of those mutants, in their order: what an earlier run found, or else this one. */
async function resultsOf(
  { jobs, limitSeconds, keep, known: isKnown }: MutantsCommand,
  root: string,
  mutants: readonly Mutant[],
  progress: (line: string) => void,
): Promise<MutantResult[]> {
  const kept = keep === undefined ? undefined : new KeptResults(keep, commitOf(root));
  const results = new Map<string, MutantResult>();
  const missing: Mutant[] = [];
  for (const mutant of mutants) {
    const known = kept?.of(mutant);
    if (known?.outcome === 'killed' || isKnown) results.set(mutant.id, known ?? untried(mutant));
    else missing.push(mutant);
  }
  const onResult = (result: MutantResult): void => {
    const mutant = missing.find(({ id }) => id === result.id);
    const isKept = kept !== undefined && mutant !== undefined;
    results.set(result.id, isKept ? kept.add(mutant, result) : result);
  };
  if (missing.length > 0)
    await runCampaign({ root, mutants: missing, jobs, limitSeconds, progress, onResult });
  return mutants.flatMap(({ id }) => results.get(id) ?? []);
}

function untried({ id, says, source, run }: Mutant): MutantResult {
  const nothing = { seconds: 0, cpuSeconds: 0, buildSeconds: 0, seeds: 0, events: 0 };
  return { id, says, source, scenario: run.scenario, outcome: 'untried', ...nothing };
}

/** For the document: in how many runs, of which commits. */
function originOf(
  { jobs, keep }: MutantsCommand,
  root: string,
  results: readonly (MutantResult & { readonly commit?: string })[],
): string {
  if (keep === undefined) return `One run, ${jobs} at a time. Commit ${commitOf(root)},`;
  const commits = new Map<string, number>();
  for (const { commit } of results)
    if (commit !== undefined) commits.set(commit, (commits.get(commit) ?? 0) + 1);
  const named = [...commits].map(([commit, count]) => `${commit} (${count} mutants)`).join(', ');
  return `Gathered in several runs. Commits ${named};`;
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
