// Turns what yargs says of a wrong command line into a sentence that names the thing and the remedy.
import { nearestName } from '@zhumq/base';

/** What could have been typed at the place of the mistake. */
export interface Known {
  readonly commands: readonly string[];
  readonly flags: readonly string[];
  /** Words of the command so far: `topic create <topic>`. */
  readonly path: readonly string[];
  /** Flags that were typed, without their dashes. */
  readonly typed?: readonly string[];
}

export function usageMessage(message: string, known: Known): string {
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/s.exec(message);
  if (unknown !== null) {
    const words = unknown[1].split(', ');
    // What follows an unknown command is not unknown by itself.
    const told = known.commands.length > 0 ? words.slice(0, 1) : words;
    return told.map((word) => unknownWord(word, known)).join('\n');
  }
  const missing = /^Missing required arguments?: (.*)$/s.exec(message);
  if (missing !== null) {
    const misspelt = misspeltOf(missing[1].split(', '), known);
    if (misspelt !== undefined) return misspelt;
    return `${command(known)} needs ${missing[1]
      .split(', ')
      .map((name) => `--${name}`)
      .join(' and ')}`;
  }
  if (message.startsWith('Not enough non-option arguments'))
    return `An argument is missing: zhumq ${known.path.join(' ')}`;
  const empty = /^Not enough arguments following: (.*)$/s.exec(message);
  if (empty !== null) return `${dashed(empty[1])} needs a value after it`;
  const choice = /Argument: (.*), Given: (.*), Choices: (.*)$/s.exec(message);
  if (choice !== null) {
    const positionals = [...(known.path.at(-1) ?? '').matchAll(/[<[](\w+)/g)];
    const positional = positionals.some(([, name]) => name === choice[1]);
    return `${positional ? choice[1] : dashed(choice[1])} is one of ${choice[3].replaceAll('"', '')}; ${choice[2]} is not`;
  }
  return message;
}

function unknownWord(word: string, { commands, flags, path }: Known): string {
  const flag = likely(word, flags);
  if (commands.length > 0) {
    const near = likely(word, commands);
    const where = path.length === 0 ? 'zhumq' : `zhumq ${path.join(' ')}`;
    if (near !== undefined) return `There is no "${where} ${word}"; did you mean "${near}"?`;
    if (flag === undefined)
      return `There is no "${where} ${word}"; there are: ${commands.join(', ')}`;
  }
  const hint = flag === undefined ? '' : `; did you mean ${dashed(flag)}?`;
  return `"${word}" is neither an argument nor a flag of ${command({ path })}${hint}`;
}

/** A flag that is missing because it was misspelt. */
function misspeltOf(missing: readonly string[], known: Known): string | undefined {
  const { typed = [], flags } = known;
  const word = typed.find((flag) => !flags.includes(flag) && likely(flag, missing) !== undefined);
  if (word === undefined) return undefined;
  return `"${dashed(word)}" is no flag of ${command(known)}; did you mean ${dashed(likely(word, missing) ?? '')}?`;
}

/** Two letters in the wrong order are the misspelling that counts as two to `nearestName`. */
function likely(word: string, known: readonly string[]): string | undefined {
  const letters = (text: string): string => [...text].sort().join('');
  return known.find((name) => letters(name) === letters(word)) ?? nearestName(word, known);
}

function command({ path }: Pick<Known, 'path'>): string {
  const words = path.at(-1)?.split(' ')[0];
  return `"zhumq ${[...path.slice(0, -1), words].join(' ').trim()}"`;
}

function dashed(flag: string): string {
  return flag.length === 1 ? `-${flag}` : `--${flag}`;
}
