// Options are declared once and give everything from there: values with types, origins, messages, flags and the
// reference. Precedence: flags > environment > file > default.
import { assert } from './assert.js';
import type { OptionDeclarations, OptionValues } from './option-declaration.js';
import { renderOptionTable } from './option-docs.js';
import { environmentName, flagName, readSources, unknownKey } from './option-sources.js';
import type { GivenValue, OptionSources } from './option-sources.js';
import { allowedValues, formatOptionValue, readOptionValue } from './option-values.js';

/** A relation between options: a sentence that says what is wrong, or undefined. */
export type OptionCheck<S extends OptionDeclarations> = (
  options: OptionValues<S>,
) => string | undefined;

export interface OptionProblem {
  /** Undefined when options that are fine alone do not fit together. */
  readonly name: string | undefined;
  readonly message: string;
}

/** All that is wrong with the options given, not only the first. */
export class OptionsInvalid extends Error {
  override readonly name = 'OptionsInvalid';

  constructor(readonly problems: readonly OptionProblem[]) {
    const what = problems.length === 1 ? 'An option is' : `${problems.length} options are`;
    super(`${what} not valid:\n${problems.map(({ message }) => `  - ${message}`).join('\n')}`);
  }
}

/** One line of `config print`. */
export interface OptionRow {
  readonly name: string;
  readonly value: string;
  readonly origin: string;
}

export interface ResolvedOptions<S extends OptionDeclarations> {
  readonly values: OptionValues<S>;
  readonly rows: readonly OptionRow[];
}

/** What a command line needs to know of an option. */
export interface OptionFlag {
  readonly flag: string;
  readonly name: string;
  readonly type: 'string' | 'boolean';
  readonly doc: string;
  readonly default: string | undefined;
}

type Name<S> = keyof S & string;

/** Declares options. Defaults are validated here, so that a wrong one fails the first test that imports it. */
export function defineOptions<const S extends OptionDeclarations>(
  declarations: S,
  ...checks: readonly OptionCheck<S>[]
): OptionSet<S> {
  return new OptionSet(declarations, checks);
}

export class OptionSet<S extends OptionDeclarations> {
  readonly names: readonly Name<S>[];

  constructor(
    readonly declarations: S,
    readonly checks: readonly OptionCheck<S>[],
  ) {
    this.names = Object.keys(declarations) as Name<S>[];
    for (const name of this.names) this.assertDeclaration(name);
    const flags = new Set(this.names.map(flagName));
    assert(flags.size === this.names.length, 'two options have the same flag');
  }

  /** Both sets as one, with the checks of both. */
  and<T extends OptionDeclarations>(other: OptionSet<T>): OptionSet<S & T> {
    const twice = other.names.find((name) => Object.hasOwn(this.declarations, name));
    assert(twice === undefined, `option ${twice} is declared twice`);
    const checks = [...this.checks, ...other.checks] as OptionCheck<S & T>[];
    return new OptionSet({ ...this.declarations, ...other.declarations }, checks);
  }

  /** Throws OptionsInvalid with everything that is wrong, or ConfigFileInvalid. */
  resolve(sources: OptionSources = {}): ResolvedOptions<S> {
    const given = readSources(sources, this.names);
    const problems: OptionProblem[] = given.flatMap((source) =>
      source.unknown.map(({ name, origin, message }) => ({
        name,
        message: `${name} (${origin}) ${message}`,
      })),
    );
    const values: Record<string, unknown> = {};
    const rows: OptionRow[] = [];
    for (const name of this.names) {
      const set = given.map((source) => source.values.get(name)).find((one) => one !== undefined);
      const value = this.read(name, set ?? this.defaultOf(name), problems);
      values[name] = value;
      rows.push({ name, value: this.show(name, value), origin: set?.origin ?? 'default' });
    }
    return { values: this.finish(values, problems), rows };
  }

  /** One setting from a person, such as `retention.age=7d` of a topic. Throws OptionsInvalid. */
  parseSetting<K extends Name<S>>(name: K, text: string): OptionValues<S>[K];
  parseSetting(name: string, text: string): OptionValues<S>[Name<S>];
  parseSetting(name: string, text: string): unknown {
    const problems: OptionProblem[] = [];
    const value = this.readSetting(name, text, problems);
    if (problems.length > 0) throw new OptionsInvalid(problems);
    return value;
  }

  /** `base` with some settings replaced, checks included: the options of one topic. Throws OptionsInvalid. */
  override(base: OptionValues<S>, settings: Readonly<Record<string, string>>): OptionValues<S> {
    const problems: OptionProblem[] = [];
    const values: Record<string, unknown> = { ...base };
    for (const [name, text] of Object.entries(settings)) {
      values[name] = this.readSetting(name, text, problems);
    }
    return this.finish(values, problems);
  }

  /** The text that `parseSetting` reads as the same value. */
  format(name: Name<S>, value: unknown): string {
    return formatOptionValue(this.declarations[name], value);
  }

  /** For the command line. */
  flags(): OptionFlag[] {
    return this.names.map((name) => {
      const { type, doc } = this.declarations[name];
      const initial = this.read(name, this.defaultOf(name), []);
      return {
        flag: flagName(name),
        name,
        type: type === 'boolean' ? 'boolean' : 'string',
        doc,
        default: initial === undefined ? undefined : this.show(name, initial),
      };
    });
  }

  /** Those of the parsed arguments that are options; a parser's argv holds more. */
  pickFlags(argv: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const given = this.names.map((name) => [name, argv[flagName(name)] ?? argv[name]] as const);
    return Object.fromEntries(given.filter(([, value]) => value !== undefined));
  }

  /** The reference: a Markdown table, in the order of declaration. */
  markdown(): string {
    return renderOptionTable(
      this.flags().map(({ name, doc, default: initial }) => ({
        name,
        initial: this.declarations[name].required === true ? 'required' : (initial ?? ''),
        allowed: allowedValues(this.declarations[name]),
        environment: environmentName(name),
        doc,
      })),
    );
  }

  private defaultOf(name: Name<S>): GivenValue {
    return { value: this.declarations[name].default, origin: 'default', by: 'code' };
  }

  private readSetting(name: string, text: string, problems: OptionProblem[]): unknown {
    if (Object.hasOwn(this.declarations, name)) {
      return this.read(name as Name<S>, { value: text, origin: '', by: 'person' }, problems);
    }
    problems.push({ name, message: `${name} ${unknownKey(name, this.names)}` });
    return undefined;
  }

  private read(name: Name<S>, given: GivenValue, problems: OptionProblem[]): unknown {
    const declaration = this.declarations[name];
    if (given.value === undefined) {
      const set = `set it by --${flagName(name)}, ${environmentName(name)} or the file`;
      if (declaration.required) problems.push({ name, message: `${name} is required; ${set}` });
      return undefined;
    }
    const value = readOptionValue(declaration, given.value, given.by);
    if (value === undefined) {
      const shown = declaration.secret ? '(hidden)' : JSON.stringify(given.value);
      const from = given.origin === '' ? '' : ` (${given.origin})`;
      const message = `${name} = ${shown}${from} must be ${allowedValues(declaration)}`;
      problems.push({ name, message });
    }
    return Object.isFrozen(value) ? value : Object.freeze(value);
  }

  private finish(values: Record<string, unknown>, problems: OptionProblem[]): OptionValues<S> {
    const frozen = Object.freeze(values) as OptionValues<S>;
    if (problems.length === 0) {
      const sentences = this.checks.map((check) => check(frozen));
      const wrong = sentences.filter((sentence) => sentence !== undefined);
      problems.push(...wrong.map((message) => ({ name: undefined, message })));
    }
    if (problems.length > 0) throw new OptionsInvalid(problems);
    return frozen;
  }

  private show(name: Name<S>, value: unknown): string {
    return this.declarations[name].secret && value !== undefined
      ? '(hidden)'
      : this.format(name, value);
  }

  private assertDeclaration(name: Name<S>): void {
    const named = /^[a-z][a-z0-9]*([.-][a-z0-9]+)*$/.test(name);
    assert(named, `option ${name}: lower-case words joined by . and -`);
    const problems: OptionProblem[] = [];
    if (!this.declarations[name].required) this.read(name, this.defaultOf(name), problems);
    assert(problems.length === 0, problems[0]?.message);
  }
}
