// The program that runs in a copy of the tree: seeds of one scenario, one after the other, a line of JSON for each, until
// one fails or the processor time is over.   trial.js SCENARIO FIRST-SEED SEEDS CPU-SECONDS [DURATION-MS]
import { join, sep } from 'node:path';
import { runScenario } from '../simulation/run-scenario.js';
import { UNCAUGHT } from './trial-line.js';
import type { TrialLine } from './trial-line.js';

async function runSeeds(args: readonly string[]): Promise<void> {
  const [scenario, first, seeds, limit, durationMs] = args;
  refuseForeignModules();
  for (let seed = Number(first); seed < Number(first) + Number(seeds); seed++) {
    const limitMs = durationMs === undefined ? undefined : Number(durationMs);
    const { findings, events } = await runScenario(scenario, seed, limitMs);
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    const line: TrialLine = { seed, events, cpuSeconds, findings };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    // A verdict is wanted: where a program died of it, the next seed may have one.
    if (findings.some(({ check }) => check !== UNCAUGHT) || cpuSeconds > Number(limit)) return;
  }
}

/** The mutant must be what runs: no package of ours comes from anywhere but this tree. */
function refuseForeignModules(): void {
  const root = join(__dirname, '../../../..') + sep;
  const foreign = Object.keys(require.cache).filter(
    (path) => !path.startsWith(root) && !path.includes(`${sep}node_modules${sep}`),
  );
  if (foreign.length > 0) throw new Error(`loaded from outside of ${root}: ${foreign[0]}`);
}

void runSeeds(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
  process.exitCode = 1;
});
