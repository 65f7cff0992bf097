// The text of a configuration file: JSON, its nested objects flattened to names with dots. Who reads the file from
// the disk is not decided here.

export interface ConfigFile {
  /** As the operator gave it; for messages only. */
  readonly path: string;
  readonly text: string;
}

/** The text is not JSON, or not an object. */
export class ConfigFileInvalid extends Error {
  override readonly name = 'ConfigFileInvalid';
}

/** `{"segment": {"bytes": "1GiB"}}` and `{"segment.bytes": "1GiB"}` are the same. Throws ConfigFileInvalid. */
export function parseConfigFile(file: ConfigFile): Map<string, unknown> {
  let root: unknown;
  try {
    root = JSON.parse(file.text);
  } catch (error) {
    const { message } = error as SyntaxError;
    const line = lineAt(file.text, failurePosition(file.text, message));
    throw new ConfigFileInvalid(
      `${file.path}, line ${line}: not valid JSON (${withoutPosition(message)}). ` +
        'Comments, trailing commas and single quotes are not allowed.',
      { cause: error },
    );
  }
  if (!isObject(root)) throw new ConfigFileInvalid(`${file.path}: must be one JSON object {...}.`);
  const values = new Map<string, unknown>();
  flatten(file, root, '', values);
  return values;
}

function flatten(
  file: ConfigFile,
  node: object,
  prefix: string,
  values: Map<string, unknown>,
): void {
  for (const [key, value] of Object.entries(node)) {
    const name = prefix + key;
    if (isObject(value)) {
      flatten(file, value, `${name}.`, values);
    } else if (values.has(name)) {
      throw new ConfigFileInvalid(`${file.path}: ${name} is set twice.`);
    } else {
      values.set(name, value);
    }
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * V8 does not tell where it met an unexpected token. A prefix of the text fails with that same complaint only if it
 * contains the token; the shortest such prefix ends at it.
 */
function failurePosition(text: string, message: string): number {
  const told = / at position (\d+)/.exec(message);
  if (told !== null) return Number(told[1]);
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (complainsOfToken(text.slice(0, middle))) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

function complainsOfToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return (error as SyntaxError).message.startsWith('Unexpected token');
  }
}

function lineAt(text: string, position: number): number {
  return text.slice(0, Math.max(0, position)).split('\n').length;
}

function withoutPosition(message: string): string {
  return message.replace(/ in JSON at position .*$|, (\.\.\.)?".*$/s, '');
}
