// How a noun and its verbs are declared, and how they become commands of yargs.
import type { Argv, Options, PositionalOptions } from 'yargs';
import type { Flags } from './arguments.js';
import { UsageError } from './exit-codes.js';

/** What yargs is told of a command; `run` takes the verb that was chosen, which returns its exit code. */
export interface Command {
  register(program: Argv, run: (verb: () => Promise<number>) => void): Argv;
}

export interface Verb {
  /** Name and positional arguments: `create <topic>`. */
  readonly usage: string;
  readonly describe: string;
  readonly aliases?: readonly string[];
  readonly positionals?: Readonly<Record<string, PositionalOptions>>;
  readonly options: Readonly<Record<string, Options>>;
  /** Command lines with what they do. */
  readonly examples?: readonly (readonly [line: string, meaning: string])[];
  run(flags: Flags): Promise<number>;
}

/** A command of one word: `zhumq produce`. */
export function single(verb: Verb): Command {
  return { register: (program, run) => addVerb(program, verb, run) };
}

/** A command of two words: `zhumq topic create`. */
export function noun(name: string, describe: string, verbs: readonly Verb[]): Command {
  const names = verbs.map((verb) => verb.usage.split(' ')[0]);
  return {
    register: (program, run) =>
      program.command(name, describe, (inner) =>
        verbs
          .reduce((built, verb) => addVerb(built, verb, run), inner)
          .demandCommand(1, `Say what to do: zhumq ${name} ${names.join('|')}`),
      ),
  };
}

/** A verb with flags of its own making, in a file that is loaded when the verb is named: it brings much with it. */
export interface LoadedVerb {
  flags(program: Argv): Argv;
  run(flags: Flags): Promise<number>;
}

/** A command that brings the code of servers: who only asks a cluster something does not wait for it. */
export function loaded(name: string, describe: string, load: () => Promise<LoadedVerb>): Command {
  return {
    register: (program, run) =>
      program.command(
        name,
        describe,
        async (inner) => (await load()).flags(inner),
        (flags) => run(async () => (await load()).run(flags)),
      ),
  };
}

function addVerb(program: Argv, verb: Verb, run: (verb: () => Promise<number>) => void): Argv {
  const options = Object.fromEntries(
    Object.entries(verb.options).map(([name, option]) => [name, completed(option)]),
  );
  return program.command({
    command: verb.usage,
    aliases: verb.aliases ?? [],
    describe: verb.describe,
    builder: (inner: Argv) => {
      const positionals = Object.entries(verb.positionals ?? {});
      for (const [name, option] of positionals)
        inner.positional(name, { type: 'string', ...option });
      for (const [line, meaning] of verb.examples ?? []) inner.example(`$0 ${line}`, meaning);
      return inner.options(options);
    },
    handler: (flags: Flags) =>
      run(async () => {
        refuseTwice(flags, verb);
        return verb.run(flags);
      }),
  });
}

/** Text wants a value; without `nargs` an array would swallow the words after it. */
function completed(option: Options): Options {
  if (option.type === 'boolean') return option;
  return { type: 'string', requiresArg: true, ...option, ...(option.array ? { nargs: 1 } : {}) };
}

/** Yargs makes an array of a flag that is given twice. */
function refuseTwice(flags: Flags, verb: Verb): void {
  for (const [name, option] of Object.entries(verb.options)) {
    if (Array.isArray(flags[name]) && option.array !== true)
      throw new UsageError(`--${name} is given twice; say it once`);
  }
}
