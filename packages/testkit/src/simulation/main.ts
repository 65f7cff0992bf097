// The command's work: runs seeds one after the other, tells of those that fail and how to see them again, and sums.
import { parseCommand } from './command.js';
import type { SimulationCommand } from './command.js';
import { minimize } from './minimize.js';
import { runSeed } from './run-seed.js';
import type { SeedResult } from './run-seed.js';
import { SCENARIOS } from './scenarios.js';
import type { SimulationPlan } from './simulation-options.js';
import { Tally } from './tally.js';

const DEFAULT_SCENARIO = 'swarm';
/** Lines of the log of a seed that failed. */
const LAST_LINES = 60;

const EXIT_VIOLATIONS = 1;
const EXIT_USAGE = 2;

export interface CommandOutput {
  write(line: string): void;
}

/** Resolves with the exit code. */
export async function main(args: readonly string[], output: CommandOutput): Promise<number> {
  let command: SimulationCommand;
  try {
    command = parseCommand(args);
  } catch (error) {
    output.write((error as Error).message);
    return EXIT_USAGE;
  }
  const name = command.scenario ?? DEFAULT_SCENARIO;
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
  if (scenario === undefined) {
    const lines = Object.entries(SCENARIOS).map(([known, { about }]) => `${known}: ${about}`);
    output.write(lines.join('\n'));
    return name === 'list' ? 0 : EXIT_USAGE;
  }
  return runSeeds(command, output, (seed) => scenario.plan(seed, command.durationMs));
}

async function runSeeds(
  command: SimulationCommand,
  output: CommandOutput,
  planOf: (seed: number) => SimulationPlan,
): Promise<number> {
  const tally = new Tally();
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const echo = command.trace ? (line: string): void => output.write(line) : undefined;
  let last: SeedResult | undefined;
  for (let seed = command.seed; seed < command.seed + command.seeds; seed++) {
    const plan = planOf(seed);
    last = await runSeed(plan, echo);
    tally.add(last);
    if (last.findings.length > 0) await tellFailure(command, output, plan, last);
  }
  if (last === undefined) return EXIT_USAGE;
  const wallSeconds = (performance.now() - startedMs) / 1000;
  const cpu = process.cpuUsage(startedCpu);
  const isSwarm = (command.scenario ?? DEFAULT_SCENARIO) === DEFAULT_SCENARIO;
  const line = tally.line(wallSeconds, (cpu.user + cpu.system) / 1e6, last, isSwarm);
  if (command.json) output.write(JSON.stringify(line));
  else
    output.write(
      Object.entries(line)
        .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
        .join('\n'),
    );
  return line.violations > 0 || line.belowFloor.length > 0 ? EXIT_VIOLATIONS : 0;
}

async function tellFailure(
  { minimize: wantsLess }: SimulationCommand,
  output: CommandOutput,
  plan: SimulationPlan,
  result: SeedResult,
): Promise<void> {
  output.write(`seed ${plan.seed} fails after ${(result.simulatedMs / 1000).toFixed(1)} s:`);
  tellFindings(output, result);
  for (const line of result.lastLines.slice(-LAST_LINES)) output.write(line);
  if (wantsLess) {
    const small = await minimize(plan, result, (candidate) => runSeed(candidate));
    const { faults, durationMs } = small.plan;
    output.write(
      `smaller (found in ${small.runs} runs): ${durationMs} ms, ${faults.length} faults`,
    );
    for (const fault of faults) output.write(`  ${JSON.stringify(fault)}`);
    tellFindings(output, small.result);
    for (const line of small.result.lastLines.slice(-LAST_LINES)) output.write(line);
  }
  const { seed, scenario, durationMs } = plan;
  const duration = `${durationMs / 1000}s`;
  output.write(
    `again: npm run sim -- --seed ${seed} --scenario ${scenario} --duration ${duration} --trace`,
  );
  output.write(`keep it in tests/simulation/seeds.txt: ${seed} ${scenario} ${duration} WHY`);
}

function tellFindings(output: CommandOutput, { findings }: SeedResult): void {
  for (const { check, sentence } of findings) output.write(`  ${check}: ${sentence}`);
}
