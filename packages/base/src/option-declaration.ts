// How an option is declared, and which TypeScript type its value has. What text means is in option-values.ts.
import type { HostPort } from './host-port.js';
import type { Bytes, Duration } from './quantities.js';

interface Declaration<T> {
  /** One sentence or two for the reference: what it does and when to change it. */
  readonly doc: string;
  /** Written as in a configuration file. Without one, and not `required`, the option may stay undefined. */
  readonly default?: T;
  /** No default, and starting without it is an error. */
  readonly required?: true;
  /** Never shown: passwords, tokens. */
  readonly secret?: true;
}

interface Ranged<T> extends Declaration<T> {
  readonly min?: T;
  readonly max?: T;
}

export type IntegerOption = Ranged<number> & { readonly type: 'integer' };
export type NumberOption = Ranged<number> & { readonly type: 'number' };
/** The value is in milliseconds; whoever writes text gives the unit. */
export type DurationOption = Ranged<Duration> & { readonly type: 'duration' };
/** The value is in bytes. */
export type BytesOption = Ranged<Bytes> & { readonly type: 'bytes' };
export type BooleanOption = Declaration<boolean> & { readonly type: 'boolean' };
export type StringOption = Declaration<string> & {
  readonly type: 'string';
  readonly maxLength?: number;
  readonly pattern?: RegExp;
  /** The pattern in words: `a name of letters, digits, . _ -`. */
  readonly patternDoc?: string;
};
export type EnumOption = Declaration<string> & {
  readonly type: 'enum';
  readonly values: readonly string[];
};
export type HostPortOption = Declaration<string> & {
  readonly type: 'hostPort';
  readonly defaultPort?: number;
};
/** Separated by commas in text, an array in a file. `min` and `max` count the items. */
export type ListOption = Declaration<string | readonly string[]> & {
  readonly type: 'list';
  readonly of?: 'string' | 'integer' | 'hostPort';
  readonly defaultPort?: number;
  readonly min?: number;
  readonly max?: number;
};

export type OptionDeclaration =
  | IntegerOption
  | NumberOption
  | DurationOption
  | BytesOption
  | BooleanOption
  | StringOption
  | EnumOption
  | HostPortOption
  | ListOption;

/** Options by name: lower-case words with `.` between sections and `-` between words. */
export type OptionDeclarations = Readonly<Record<string, OptionDeclaration>>;

interface ValueOfType {
  integer: number;
  number: number;
  duration: number;
  bytes: number;
  boolean: boolean;
  string: string;
  hostPort: HostPort;
}

type ItemOf<D> = D extends { readonly of: 'integer' }
  ? number
  : D extends { readonly of: 'hostPort' }
    ? HostPort
    : string;

type Present<D extends OptionDeclaration> = D extends { readonly type: 'enum' }
  ? D['values'][number]
  : D extends { readonly type: 'list' }
    ? readonly ItemOf<D>[]
    : D['type'] extends keyof ValueOfType
      ? ValueOfType[D['type']]
      : never;

export type OptionValue<D extends OptionDeclaration> = D extends
  { readonly default: string | number | boolean | readonly string[] } | { readonly required: true }
  ? Present<D>
  : Present<D> | undefined;

/** What a program reads: `options['segment.bytes']` is a number. */
export type OptionValues<S extends OptionDeclarations> = {
  readonly [Name in keyof S]: OptionValue<S[Name]>;
};
