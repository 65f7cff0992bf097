// The command's work: has seeds run, tells of those that fail and how to see them again, and sums in their order.
import { parseCommand } from './command.js';
import type { SimulationCommand } from './command.js';
import { appendToLedger } from './ledger.js';
import { DEFAULT_SCENARIO, SCENARIOS } from './scenarios.js';
import type { SeedOutcome } from './seed-outcome.js';
import { runHere } from './seed-runs.js';
import type { SeedRunsFactory } from './seed-runs.js';
import { SCRIPTED, scriptsNamed } from './scripted/index.js';
import { runScripts } from './scripted/script-command.js';
import { Tally } from './tally.js';

const EXIT_VIOLATIONS = 1;
const EXIT_USAGE = 2;
const END_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export interface CommandOutput {
  write(line: string): void;
}

/** Resolves with the exit code. */
export async function main(
  args: readonly string[],
  output: CommandOutput,
  runs: SeedRunsFactory = runHere,
): Promise<number> {
  let command: SimulationCommand;
  try {
    command = parseCommand(args);
  } catch (error) {
    output.write((error as Error).message);
    return EXIT_USAGE;
  }
  const { scenario } = command;
  const scripts = scriptsNamed(scenario);
  if (scripts.length > 0) return runScripts(command, scripts, (line) => output.write(line));
  if (!Object.hasOwn(SCENARIOS, scenario)) {
    const lines = Object.entries(SCENARIOS).map(([known, { about }]) => `${known}: ${about}`);
    lines.push('rules: all that follow, one after the other');
    lines.push(...SCRIPTED.map(({ name, about }) => `${name}: ${about}`));
    output.write(lines.join('\n'));
    return scenario === 'list' ? 0 : EXIT_USAGE;
  }
  return runSeeds(command, output, command.trace ? runHere : runs);
}

async function runSeeds(
  command: SimulationCommand,
  output: CommandOutput,
  factory: SeedRunsFactory,
): Promise<number> {
  const { seed: first, seeds, scenario, limitMs, ledger } = command;
  const startedMs = performance.now();
  const runs = factory(command, (line) => output.write(line));
  const sum = new OrderedSum(first);
  let nextSeed = first;
  let ended: string | undefined;
  const next = (): number | undefined => {
    if (ended !== undefined || nextSeed >= first + seeds) return undefined;
    if (performance.now() - startedMs >= limitMs) {
      ended = 'time limit';
      return undefined;
    }
    return nextSeed++;
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    ended = signal;
    runs.stop();
  };
  for (const signal of END_SIGNALS) process.on(signal, onSignal);
  await runs.run(next, (outcome) => {
    for (const line of outcome.story) output.write(line);
    sum.add(outcome);
  });
  for (const signal of END_SIGNALS) process.off(signal, onSignal);
  const { tally } = sum;
  const last = first + tally.count - 1;
  const line = tally.line(
    { wallSeconds: (performance.now() - startedMs) / 1000, cpuSeconds: runs.cpuSeconds },
    scenario === DEFAULT_SCENARIO,
    ended === undefined ? undefined : `${ended}, after seed ${last}`,
  );
  if (ledger !== undefined && tally.count > 0) {
    const { durationMs } = command;
    const name = durationMs === undefined ? scenario : `${scenario} ${durationMs / 1000}s`;
    appendToLedger(ledger, name, first, line);
  }
  if (command.json) output.write(JSON.stringify(line));
  else
    output.write(
      Object.entries(line)
        .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
        .join('\n'),
    );
  const isBelow = line.belowFloor !== undefined && line.belowFloor.length > 0;
  return line.violations > 0 || sum.failedBeyond || isBelow ? EXIT_VIOLATIONS : 0;
}

/** Sums outcomes in the order of their seeds; of a run that was ended, without those behind one that is missing. */
class OrderedSum {
  readonly tally = new Tally();
  private readonly waiting = new Map<number, SeedOutcome>();

  constructor(private expected: number) {}

  /** A seed that is not in the sum failed. */
  get failedBeyond(): boolean {
    return [...this.waiting.values()].some(({ findings }) => findings > 0);
  }

  add(outcome: SeedOutcome): void {
    this.waiting.set(outcome.seed, outcome);
    for (;;) {
      const ready = this.waiting.get(this.expected);
      if (ready === undefined) return;
      this.waiting.delete(this.expected++);
      this.tally.add(ready);
    }
  }
}
