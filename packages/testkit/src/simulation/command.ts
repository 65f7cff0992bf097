// npm run sim: which seeds, how long, and what is said of them.
import { parseArgs } from 'node:util';
import { parseDurationMs } from '@zhumq/base';
import { DEFAULT_SCENARIO } from './scenarios.js';

export interface SimulationCommand {
  readonly seed: number;
  readonly seeds: number;
  /** Of the phase with faults, simulated; undefined: short enough for half a second. */
  readonly durationMs: number | undefined;
  readonly scenario: string;
  readonly minimize: boolean;
  readonly json: boolean;
  /** Shows every log line and fault as it comes. */
  readonly trace: boolean;
  /** Processes that run seeds. */
  readonly jobs: number;
  /** Of wall time, after which no seed begins. */
  readonly limitMs: number;
  /** File to which a row is added. */
  readonly ledger: string | undefined;
}

export const USAGE = `npm run sim -- --seed S [--seeds N] [--duration 30s] [--scenario NAME] [--jobs N] [--minimize] [--trace]
               [--seconds LIMIT] [--ledger FILE] [-o json]

  --seed S         first seed (default 1)
  --seeds N        as many seeds, S to S+N-1 (default 1)
  --duration D     simulated time with faults, per seed (default: short)
  --scenario NAME  a named scenario instead of what the seed draws; 'list' names them
  --jobs N         processes that share the seeds (default 1); the digest is the same for any number
  --seconds LIMIT  begins no seed after so many seconds; what was done is summed, as after SIGTERM or SIGINT
  --ledger FILE    adds a row about the run to a table
  --minimize       of a seed that fails: finds a shorter run with fewer faults that fails, too
  --trace          shows every log line and fault as it comes; runs in one process, without the watch over seeds that never end
  -o json          the last line is one JSON object that sums the seeds`;

/** Throws with a sentence for people. */
export function parseCommand(args: readonly string[]): SimulationCommand {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1' },
      duration: { type: 'string' },
      scenario: { type: 'string', default: DEFAULT_SCENARIO },
      jobs: { type: 'string', default: '1' },
      seconds: { type: 'string' },
      ledger: { type: 'string' },
      minimize: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      output: { type: 'string', short: 'o', default: 'text' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) throw new Error(USAGE);
  const { output, scenario, minimize, trace, seconds, ledger } = values;
  if (output !== 'text' && output !== 'json') throw new Error(`-o ${output}: it is text or json`);
  return {
    seed: wholeNumber('--seed', values.seed, 0),
    seeds: wholeNumber('--seeds', values.seeds, 1),
    durationMs: values.duration === undefined ? undefined : durationOf(values.duration),
    jobs: wholeNumber('--jobs', values.jobs, 1),
    limitMs: seconds === undefined ? Infinity : wholeNumber('--seconds', seconds, 1) * 1000,
    ...{ scenario, minimize, trace, ledger, json: output === 'json' },
  };
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least && text.trim() !== '') return value;
  throw new Error(`${name} ${text}: it takes a whole number from ${least} on`);
}

function durationOf(text: string): number {
  const durationMs = parseDurationMs(text, 's');
  if (durationMs === undefined || durationMs <= 0)
    throw new Error(`--duration ${text}: it takes a time such as 30s, 10m or 1h`);
  return durationMs;
}
