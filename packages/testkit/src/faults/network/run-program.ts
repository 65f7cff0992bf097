// A short-lived system command of the run itself.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 20_000;

/** Resolves with its standard output. */
export async function runProgram(program: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(program, args, { timeout: TIMEOUT_MS, encoding: 'utf8' });
  return stdout;
}
