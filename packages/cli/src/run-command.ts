// From arguments to an exit code: the command tree, what all verbs share, and how errors are shown.
import yargs from 'yargs';
import type { Argv } from 'yargs';
import { endWithOutput } from './closed-output.js';
import { loaded } from './command-tree.js';
import type { Command } from './command-tree.js';
import { benchCommand } from './commands/bench.js';
import { clusterCommand } from './commands/cluster.js';
import { completionCommand } from './commands/completion.js';
import { configCommand } from './commands/config.js';
import { consumeCommand } from './commands/consume.js';
import { groupCommand } from './commands/group.js';
import { logCommand } from './commands/log.js';
import { partitionCommand } from './commands/partition.js';
import { produceCommand } from './commands/produce.js';
import { topicCommand } from './commands/topic.js';
import { zkCommand } from './commands/zk.js';
import { EXIT, UsageError, exitCodeOf, explain } from './exit-codes.js';
import { usageMessage } from './usage-message.js';
import type { Known } from './usage-message.js';
import { version } from './version.js';

const SERVERS: readonly Command[] = [
  loaded(
    'dev',
    'Run a cluster for development',
    async () => (await import('./commands/dev.js')).dev,
  ),
  loaded(
    'zkserver',
    'Run a coordinator',
    async () => (await import('./commands/zkserver.js')).zkserver,
  ),
  loaded('broker', 'Run a broker', async () => (await import('./commands/broker.js')).broker),
];

const COMMANDS: readonly Command[] = [
  ...SERVERS,
  ...[topicCommand, produceCommand, consumeCommand, groupCommand],
  ...[
    benchCommand,
    partitionCommand,
    clusterCommand,
    logCommand,
    zkCommand,
    configCommand,
    completionCommand,
  ],
];

/** Never rejects. */
export async function runCommand(args: readonly string[]): Promise<number> {
  endWithOutput();
  process.stderr.on('error', () => undefined);
  let verb: (() => Promise<number>) | undefined;
  try {
    const program = emptyProgram(joinNegativeValues(args));
    for (const command of COMMANDS) command.register(program, (chosen) => (verb = chosen));
    await program.parseAsync();
    return verb === undefined ? EXIT.ok : await verb();
  } catch (error) {
    process.stderr.write(`zhumq: ${explain(error)}\n`);
    if (error instanceof UsageError)
      process.stderr.write('Try "zhumq --help", or --help after the command.\n');
    return exitCodeOf(error);
  }
}

function emptyProgram(args: readonly string[]): Argv {
  const program: Argv = yargs([...args])
    .scriptName('zhumq')
    .usage('zhumq: a replicated message queue\n\nUsage: $0 <command> [options]')
    .epilogue(
      'Exit codes: 0 ok, 1 failed, 2 usage, 3 partial, 4 not found, 5 auth, 6 timeout, 130 interrupted.',
    )
    .locale('en')
    .version(version())
    .help()
    .alias('help', 'h')
    .strict()
    .demandCommand(1, 'Name a command, such as "zhumq dev"; "zhumq --help" lists them.')
    .parserConfiguration({
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'boolean-negation': false,
    })
    .exitProcess(false)
    .showHelpOnFail(false)
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .fail((message: string, error: Error | undefined) => {
      // Its own class of errors is about the command line, too.
      const own = error === undefined || error.name === 'YError';
      throw own
        ? new UsageError(usageMessage(error?.message ?? message, knownTo(program, args)))
        : error;
    });
  return program;
}

/** Yargs has no public way to say what it knows at the place of a mistake; these two are stable since version 16. */
function knownTo(program: Argv, args: readonly string[]): Known {
  const { getOptions, getInternalMethods } = program as unknown as {
    getOptions(): { key: Readonly<Record<string, unknown>> };
    getInternalMethods(): {
      getCommandInstance(): { getCommands(): string[] };
      getContext(): { fullCommands: string[] };
    };
  };
  const internal = getInternalMethods.call(program);
  return {
    flags: Object.keys(getOptions.call(program).key).filter((flag) => flag.length > 1),
    commands: internal.getCommandInstance().getCommands(),
    path: internal.getContext().fullCommands,
    typed: args.flatMap((arg) => /^--([^=]+)/.exec(arg)?.[1] ?? []),
  };
}

/** `--from -15m`, `--to -5`: what begins with a dash would be taken for flags. */
function joinNegativeValues(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    if (NEGATIVE.has(joined.at(-1) ?? '') && /^-\d/.test(arg))
      joined.push(`${joined.pop()}=${arg}`);
    else joined.push(arg);
  }
  return joined;
}

const NEGATIVE: ReadonlySet<string> = new Set(['--from', '--to']);
