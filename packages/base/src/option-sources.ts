// Where options come from: flags, environment, file. Each source gives what was set, by option name, and names what
// it does not know.
import { parseConfigFile } from './config-file.js';
import type { ConfigFile } from './config-file.js';
import { nearestName } from './nearest-name.js';
import type { WrittenBy } from './option-values.js';

export interface OptionSources {
  /** By option name (`segment.bytes`) or flag (`segment-bytes`). Undefined is "not given". */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** `process.env`; read by the composition root. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly file?: ConfigFile;
  /** Options of other programs, which may stand in the same environment or file. */
  readonly alsoKnown?: readonly string[];
}

/** A value as it was written, and where. */
export interface GivenValue {
  readonly value: unknown;
  readonly origin: string;
  readonly by: WrittenBy;
}

export interface UnknownKey {
  readonly name: string;
  readonly origin: string;
  readonly message: string;
}

/** What one source says. */
export interface GivenValues {
  readonly values: ReadonlyMap<string, GivenValue>;
  readonly unknown: readonly UnknownKey[];
}

const PREFIX = 'ZHUMQ_';

/** `segment.roll-after` -> `ZHUMQ_SEGMENT__ROLL_AFTER`. */
export function environmentName(option: string): string {
  return PREFIX + option.replaceAll('.', '__').replaceAll('-', '_').toUpperCase();
}

/** `segment.roll-after` -> `segment-roll-after`. */
export function flagName(option: string): string {
  return option.replaceAll('.', '-');
}

/** Highest precedence first. Throws ConfigFileInvalid. */
export function readSources(sources: OptionSources, names: readonly string[]): GivenValues[] {
  const alsoKnown = sources.alsoKnown ?? [];
  const file = sources.file;
  return [
    readFlags(sources.flags ?? {}, names),
    readEnvironment(sources.environment ?? {}, names, alsoKnown),
    ...(file === undefined ? [] : [readFile(file, names, alsoKnown)]),
  ];
}

function readFlags(flags: Readonly<Record<string, unknown>>, names: readonly string[]) {
  const byFlag = new Map(names.flatMap((name) => [[name, name] as const, [flagName(name), name]]));
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return collect(given, byFlag, (flag, name) => ({
    origin: `flag --${flagName(name ?? flag)}`,
    // yargs gives text; a number comes from a program.
    by: 'code',
  }));
}

function readFile(file: ConfigFile, names: readonly string[], alsoKnown: readonly string[]) {
  const byName = new Map(names.map((name) => [name, name]));
  const given = [...parseConfigFile(file)].filter(([name]) => !alsoKnown.includes(name));
  return collect(given, byName, () => ({ origin: `file ${file.path}`, by: 'person' }));
}

function readEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
  alsoKnown: readonly string[],
) {
  const byVariable = new Map(names.map((name) => [environmentName(name), name]));
  const foreign = new Set(alsoKnown.map(environmentName));
  const given = Object.entries(environment).filter(
    ([variable, value]) =>
      value !== undefined &&
      !foreign.has(variable) &&
      (byVariable.has(variable) || isMeantForUs(variable, value, byVariable.keys())),
  );
  return collect(given, byVariable, (variable) => ({
    origin: `environment ${variable}`,
    by: 'person',
  }));
}

/**
 * Kubernetes sets variables such as `ZHUMQ_BROKER_PORT=tcp://...` for a service of that name, so only those count that
 * have the double underscore of ours, or lack it in an otherwise correct name.
 */
function isMeantForUs(variable: string, value: string, known: Iterable<string>): boolean {
  if (!variable.startsWith(PREFIX) || value.startsWith('tcp://')) return false;
  if (variable.includes('__')) return true;
  return [...known].some((name) => name.replaceAll('__', '_') === variable);
}

function collect(
  given: readonly (readonly [string, unknown])[],
  byKey: ReadonlyMap<string, string>,
  describe: (key: string, name?: string) => { origin: string; by: WrittenBy },
): GivenValues {
  const values = new Map<string, GivenValue>();
  const unknown: UnknownKey[] = [];
  for (const [key, value] of given) {
    const name = byKey.get(key);
    const { origin, by } = describe(key, name);
    if (name !== undefined) {
      values.set(name, { value, origin, by: typeof value === 'string' ? 'person' : by });
    } else {
      unknown.push({ name: key, origin, message: unknownKey(key, byKey.keys()) });
    }
  }
  return { values, unknown };
}

/** `is no option; did you mean segment.bytes?` */
export function unknownKey(key: string, known: Iterable<string>): string {
  const nearest = nearestName(key, known);
  return nearest === undefined ? 'is no option' : `is no option; did you mean ${nearest}?`;
}
