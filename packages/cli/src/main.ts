// The `zhumq` command: argv in, exit code out. Verbs stand in commands/, one file each.
import { runCommand } from './run-command.js';

void runCommand(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
