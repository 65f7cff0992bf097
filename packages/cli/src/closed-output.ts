// Standard output that nobody reads any more: `zhumq consume t | head` closes it. That is no failure, and it ends the command:
// at once, unless the verb has something to finish first.
import { EXIT } from './exit-codes.js';

let held = false;

/** From now on a closed output ends the process. */
export function endWithOutput(): void {
  process.stdout.on('error', (error) => {
    if (!held) process.exit(isClosedOutput(error) ? EXIT.ok : EXIT.failed);
  });
}

/** From now on the verb itself looks whether what it writes arrives; `release` leaves that to the process again. */
export function holdEnd(): { release(): void } {
  held = true;
  return { release: () => void (held = false) };
}

/** What a write fails with when nobody reads any more. */
export function isClosedOutput(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EPIPE';
}
