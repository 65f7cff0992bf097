// The `zhumq` command: argv in, exit code out. Verbs stand in commands/, one file each.
import { EXIT } from './exit-codes.js';
import { runCommand } from './run-command.js';

/** How long an interrupted command waits for a reader of its output that does not read. */
const INTERRUPTED_FLUSH_MS = 500;

void runCommand(process.argv.slice(2)).then((code) => {
  const exit = (): never => process.exit(code);
  // What was printed leaves first: output to a pipe is asynchronous.
  process.stdout.write('', () => process.stderr.write('', exit));
  if (code === EXIT.interrupted) setTimeout(exit, INTERRUPTED_FLUSH_MS);
});
