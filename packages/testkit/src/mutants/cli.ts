// The program behind npm run mutants, which runs it in the root of the tree after it built the mutants.
import { join } from 'node:path';
import { runMutants } from './main.js';
import type { Mutant, PitfallRow } from './mutant.js';

const MUTANTS = 'tests/mutants/dist/index.js';
const root = process.cwd();

async function run(): Promise<number> {
  const { mutants, pitfallRows: rows } = (await import(join(root, MUTANTS))) as {
    mutants: readonly Mutant[];
    pitfallRows: readonly PitfallRow[];
  };
  return runMutants(
    ...([process.argv.slice(2), root, { mutants, rows }] as const),
    { write: (line) => void process.stdout.write(`${line}\n`) },
    (line) => void process.stderr.write(`${line}\n`),
  );
}

void run().then((code) => {
  process.exitCode = code;
});
