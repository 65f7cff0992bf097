// npm run mutants: which mutants, how many at a time, how long each, and what is said of them.
import { parseArgs } from 'node:util';

export interface MutantsCommand {
  /** Ids, or parts of ids that end with an asterisk; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly jobs: number;
  readonly limitSeconds: number;
  readonly json: boolean;
  /** File with results of earlier runs, to which this one adds its own. */
  readonly keep: string | undefined;
  /** Only what that file holds: nothing is run. */
  readonly known: boolean;
  /** Asked what can be asked for. */
  readonly help: boolean;
  /** Puts the result into docs/testing-mutants.md. */
  readonly write: boolean;
}

export const USAGE = `npm run mutants -- [--only ID[,ID...]] [--jobs N] [--seconds LIMIT] [--keep FILE [--known]] [--write] [-o json]

  --only ID,ID...  those mutants (ID* for all that begin so) instead of all
  --jobs N         mutants at a time (default 2)
  --seconds LIMIT  of processor time, for the seeds of one mutant (default 300)
  --keep FILE      adds each result to FILE, a line of JSON, and runs no mutant that FILE says to be killed; a mutant that was
                   changed since is run again
  --known          runs nothing: shows, or with --write writes, what FILE holds
  --write          writes the result of all mutants into docs/testing-mutants.md
  -o json          the last line is one JSON object: the summary, and every mutant

Exit code 0: all are killed; 1: not all; 2: wrong usage, or the seeds fail without a mutant.`;

const DEFAULT_JOBS = '2';
const DEFAULT_SECONDS = '300';

/** Throws with a sentence for people. */
export function parseCommand(args: readonly string[]): MutantsCommand {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      jobs: { type: 'string', default: DEFAULT_JOBS },
      seconds: { type: 'string', default: DEFAULT_SECONDS },
      keep: { type: 'string' },
      known: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      output: { type: 'string', short: 'o', default: 'text' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { output, write, keep, known, help } = values;
  if (output !== 'text' && output !== 'json') throw new Error(`-o ${output}: it is text or json`);
  if (write && values.only !== undefined)
    throw new Error('--write is for a run of all mutants: leave --only out');
  if (known && keep === undefined)
    throw new Error('--known shows what a file holds: name it with --keep');
  return {
    only: values.only?.split(',').filter((id) => id !== ''),
    jobs: wholeNumber('--jobs', values.jobs),
    limitSeconds: wholeNumber('--seconds', values.seconds),
    ...{ json: output === 'json', write, keep, known, help },
  };
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new Error(`${name} ${text}: it takes a whole number from 1 on`);
}
