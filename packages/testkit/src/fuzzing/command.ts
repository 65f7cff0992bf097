// npm run fuzz: what is fuzzed, by name.
import { DATA_USAGE, fuzzData } from './data/data-fuzz.js';
import { FRAMES_USAGE } from './frames/command.js';
import { fuzzFrames } from './frames/main.js';

interface Fuzzer {
  readonly run: (args: readonly string[], write: (line: string) => void) => Promise<number>;
  readonly usage: string;
}

const FUZZERS: Readonly<Record<string, Fuzzer>> = {
  data: { run: fuzzData, usage: DATA_USAGE },
  frames: { run: fuzzFrames, usage: FRAMES_USAGE },
};
const USAGE = `npm run fuzz -- VERB [--help]; the verbs: ${Object.keys(FUZZERS).join(', ')}`;
const EXIT_USAGE = 2;

/** Resolves with the exit code. */
export async function fuzz(
  args: readonly string[],
  write: (line: string) => void,
): Promise<number> {
  const [verb = '', ...rest] = args;
  const fuzzer = Object.hasOwn(FUZZERS, verb) ? FUZZERS[verb] : undefined;
  if (args.includes('--help')) {
    write(fuzzer?.usage ?? USAGE);
    return 0;
  }
  if (fuzzer !== undefined) return fuzzer.run(rest, write);
  write(USAGE);
  return EXIT_USAGE;
}
