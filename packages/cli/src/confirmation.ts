// Asks before something is destroyed: on a terminal the person, elsewhere the flag --yes.
import { createInterface } from 'node:readline';
import { UsageError } from './exit-codes.js';

export const YES_OPTION = {
  yes: { alias: 'y', type: 'boolean', default: false, describe: 'Do it without asking' },
} as const;

/** True when it was agreed to. Throws UsageError where nobody can be asked. */
export async function confirmed(question: string, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!process.stdin.isTTY)
    throw new UsageError(`${question} Nobody can be asked here: give --yes to do it.`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''));
      lines.question(`${question} [y/N] `, resolve);
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
