// npm run disk-faults: every operation of the log on its disk, every fault, and whether it recovers.
import { parseArgs } from 'node:util';
import { Enumeration } from './enumeration.js';
import type { EnumerationReport } from './enumeration.js';
import { parseCase } from './fault-case.js';
import type { FaultCase } from './fault-case.js';

const EXIT_VIOLATIONS = 1;
const EXIT_USAGE = 2;
/** Violations that are printed in full; the others only by their names. */
const TOLD_IN_FULL = 100;

export const USAGE = `npm run disk-faults -- [--seed S] [--stride N] [--case ID] [-o json] [--help]

  --seed S      of the workload, of what a power loss leaves, and where the stride begins (default 1)
  --stride N    tries every N-th operation only (default 1: all of them)
  --case ID     one case, as a violation named it; it means the same only in the version of the log that it was found in
  -o json       the last line is one JSON object`;

interface Command {
  readonly seed: number;
  readonly stride: number;
  readonly fault: FaultCase | undefined;
  readonly json: boolean;
}

/** Resolves with the exit code. */
export async function diskFaults(
  args: readonly string[],
  write: (line: string) => void,
): Promise<number> {
  if (args.includes('--help')) {
    write(USAGE);
    return 0;
  }
  let command: Command;
  try {
    command = parseCommand(args);
  } catch (error) {
    write((error as Error).message);
    return EXIT_USAGE;
  }
  const startedMs = performance.now();
  let told = 0;
  const enumeration = new Enumeration({
    ...command,
    onViolation: (name, violations) => {
      write(`${name} fails; again: npm run disk-faults -- --case ${name}`);
      if (told++ >= TOLD_IN_FULL) return;
      for (const violation of violations) write(`  ${violation}`);
    },
  });
  let report: EnumerationReport;
  try {
    const { fault } = command;
    report = fault === undefined ? await enumeration.run() : await enumeration.replay(fault);
  } catch (error) {
    // A case that the workload does not have; anything else is a bug of the enumeration itself.
    write(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return EXIT_USAGE;
  }
  const { seed, stride } = command;
  const seconds = Math.round(performance.now() - startedMs) / 1000;
  const line = { seed, stride, ...report, seconds };
  if (command.json) write(JSON.stringify(line));
  else for (const [name, value] of Object.entries(line)) write(`${name}: ${JSON.stringify(value)}`);
  return report.violations > 0 ? EXIT_VIOLATIONS : 0;
}

function parseCommand(args: readonly string[]): Command {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      stride: { type: 'string', default: '1' },
      case: { type: 'string' },
      output: { type: 'string', short: 'o', default: 'text' },
    },
  });
  const { output } = values;
  if (output !== 'text' && output !== 'json') throw new Error(`-o ${output}: it is text or json`);
  const fault = values.case === undefined ? undefined : parseCase(values.case);
  const seed = fault?.seed ?? wholeNumber('--seed', values.seed, 0);
  return {
    seed,
    stride: wholeNumber('--stride', values.stride, 1),
    fault,
    json: output === 'json',
  };
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && text.trim() !== '') return value;
  throw new Error(`${name} ${text}: it takes a whole number from ${least} on`);
}
