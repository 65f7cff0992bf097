// From arguments to an exit code: the command tree, what all verbs share, and how errors are shown.
import yargs from 'yargs';
import type { Argv } from 'yargs';
import { brokerCommand } from './commands/broker.js';
import { configCommand } from './commands/config.js';
import { devCommand } from './commands/dev.js';
import { zkserverCommand } from './commands/zkserver.js';
import { EXIT, UsageError, exitCodeOf, explain } from './exit-codes.js';
import { version } from './version.js';

/** A verb returns its exit code; it throws what went wrong. */
export interface Command {
  register(program: Argv, run: (verb: () => Promise<number>) => void): Argv;
}

const COMMANDS: readonly Command[] = [devCommand, zkserverCommand, brokerCommand, configCommand];

/** Never rejects. */
export async function runCommand(args: readonly string[]): Promise<number> {
  // `zhumq consume t | head` closes our output; that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed),
  );
  let verb: (() => Promise<number>) | undefined;
  try {
    let program: Argv = yargs([...args])
      .scriptName('zhumq')
      .usage('zhumq: a replicated message queue\n\nUsage: $0 <command> [options]')
      .version(version())
      .help()
      .alias('help', 'h')
      .strict()
      .recommendCommands()
      .demandCommand(1, 'Name a command, such as "zhumq dev"; "zhumq --help" lists them.')
      .parserConfiguration({
        'parse-numbers': false,
        'parse-positional-numbers': false,
        'camel-case-expansion': false,
        'dot-notation': false,
      })
      .completion('completion', 'Print a completion script for bash or zsh')
      .exitProcess(false)
      .showHelpOnFail(false)
      .wrap(Math.min(110, process.stdout.columns ?? 110))
      .fail((message: string, error: Error | undefined) => {
        throw error ?? new UsageError(message);
      });
    for (const command of COMMANDS)
      program = command.register(program, (chosen) => (verb = chosen));
    await program.parseAsync();
    return verb === undefined ? EXIT.ok : await verb();
  } catch (error) {
    process.stderr.write(`zhumq: ${explain(error)}\n`);
    if (error instanceof UsageError)
      process.stderr.write('Try "zhumq --help", or --help after the command.\n');
    return exitCodeOf(error);
  }
}
