// npm run fuzz: what is fuzzed, by name.
import { fuzzData } from './data/data-fuzz.js';
import { fuzzFrames } from './frames/main.js';

type Fuzzer = (args: readonly string[], write: (line: string) => void) => Promise<number>;

const FUZZERS: Readonly<Record<string, Fuzzer>> = { data: fuzzData, frames: fuzzFrames };
const EXIT_USAGE = 2;

/** Resolves with the exit code. */
export async function fuzz(
  args: readonly string[],
  write: (line: string) => void,
): Promise<number> {
  const [verb = '', ...rest] = args;
  if (Object.hasOwn(FUZZERS, verb)) return FUZZERS[verb](rest, write);
  write(`npm run fuzz -- VERB [--help]; the verbs: ${Object.keys(FUZZERS).join(', ')}`);
  return EXIT_USAGE;
}
