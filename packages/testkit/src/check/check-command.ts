// npm run check -- HISTORY.jsonl: judges a recorded history. Ends with 0 without anomalies, 1 with some, 2 for wrong usage
// or a file that is no history.
import { parseArgs } from 'node:util';
import { HistoryInvalid } from '../history/parse-event.js';
import { judgeFile } from './judge.js';
import type { Verdict } from './judge.js';
import { formatVerdict } from './report.js';

const USAGE = `Usage: npm run check -- [-o text|json] HISTORY.jsonl

Judges what a run recorded (docs/testing.md, "Checkers"): prints each anomaly with the lines that show it.
With -o json the last line is one object: run, events, violations, anomalies, examples.
Exit codes: 0 no anomalies, 1 anomalies, 2 wrong usage, or not a history.
`;

interface Arguments {
  readonly file: string;
  readonly output: string;
}

async function main(args: string[]): Promise<number> {
  const given = parse(args);
  if (typeof given === 'string') {
    process.stderr.write(given);
    return given === USAGE ? 0 : 2;
  }
  let verdict: Verdict;
  try {
    verdict = await judgeFile(given.file);
  } catch (error) {
    if (!(error instanceof HistoryInvalid) && (error as NodeJS.ErrnoException).code === undefined)
      throw error;
    process.stderr.write(`${given.file}: ${(error as Error).message}\n`);
    return 2;
  }
  const isJson = given.output === 'json';
  process.stdout.write(isJson ? `${JSON.stringify(verdict)}\n` : formatVerdict(verdict));
  return verdict.violations === 0 ? 0 : 1;
}

/** Text: what to tell instead. */
function parse(args: string[]): Arguments | string {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        output: { type: 'string', short: 'o', default: 'text' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return USAGE;
    if (!['text', 'json'].includes(values.output))
      return `-o is text or json, not "${values.output}"\n${USAGE}`;
    if (positionals.length !== 1)
      return `one history at a time, not ${positionals.length}\n${USAGE}`;
    return { file: positionals[0], output: values.output };
  } catch (error) {
    return `${(error as Error).message}\n${USAGE}`;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
