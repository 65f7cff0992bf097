// npm run fuzz -- data: mutated data directories, as many as asked for.
import { parseArgs } from 'node:util';
import { runDataCase } from './data-case.js';
import type { DataVerdict } from './data-case.js';
import { makeShapes } from './shapes.js';

const EXIT_VIOLATIONS = 1;
const EXIT_USAGE = 2;
/** Violations that are printed; the rest is counted. */
const TOLD = 50;

export const DATA_USAGE = `npm run fuzz -- data [--seed S] [--count N] [--max-stretch MS] [-o json]

  --seed S    of the first directory, and of the logs that are mutated (default 1)
  --count N   as many directories, of the seeds S to S+N-1 (default 1000)
  --max-stretch MS
              of the processor's time that the event loop may stand still (default 10; more where others are at work)
  -o json     the last line is one JSON object`;

/** Logs that are mutated: five directories of each seed. */
const LOGS = 4;

/** Resolves with the exit code. */
export async function fuzzData(
  args: readonly string[],
  write: (line: string) => void,
): Promise<number> {
  let command: Command;
  try {
    command = parseCommand(args);
  } catch (error) {
    write((error as Error).message);
    return EXIT_USAGE;
  }
  const { seed, count, maxStretchMs, json } = command;
  const startedMs = performance.now();
  const shapes = await makeShapes(Array.from({ length: LOGS }, (_, at) => at + 1));
  const verdicts: Record<DataVerdict, number> = { whole: 0, told: 0, refused: 0 };
  let [violations, longestStretchMs, largestBytes] = [0, 0, 0];
  for (let at = seed; at < seed + count; at++) {
    const shape = shapes[at % shapes.length];
    const report = await runDataCase(shape, at, maxStretchMs);
    verdicts[report.verdict]++;
    longestStretchMs = Math.max(longestStretchMs, report.cost.longestStretchMs);
    largestBytes = Math.max(largestBytes, report.cost.largestBytes);
    if (report.violations.length === 0 || violations++ >= TOLD) continue;
    write(
      `directory ${at} (${shape.name}) fails; again: npm run fuzz -- data --seed ${at} --count 1`,
    );
    for (const line of [...report.mutations, ...report.violations]) write(`  ${line}`);
  }
  const seconds = Math.round(performance.now() - startedMs) / 1000;
  const figures = { longestStretchMs, largestBytes, seconds };
  const line = { seed, directories: count, violations, ...verdicts, ...figures };
  if (json) write(JSON.stringify(line));
  else for (const [name, value] of Object.entries(line)) write(`${name}: ${JSON.stringify(value)}`);
  return violations > 0 ? EXIT_VIOLATIONS : 0;
}

interface Command {
  readonly seed: number;
  readonly count: number;
  readonly maxStretchMs: number;
  readonly json: boolean;
}

function parseCommand(args: readonly string[]): Command {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '1000' },
      'max-stretch': { type: 'string', default: '10' },
      output: { type: 'string', short: 'o', default: 'text' },
    },
  });
  const { output } = values;
  if (output !== 'text' && output !== 'json') throw new Error(`-o ${output}: it is text or json`);
  const [seed, count] = [Number(values.seed), Number(values.count)];
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`--seed ${values.seed}: a number`);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new Error(`--count ${values.count}: a number`);
  const maxStretchMs = Number(values['max-stretch']);
  if (!(maxStretchMs > 0)) throw new Error(`--max-stretch ${values['max-stretch']}: milliseconds`);
  return { seed, count, maxStretchMs, json: output === 'json' };
}
