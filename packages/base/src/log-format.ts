// A log line for a person at a terminal: `12:34:56.789 WARN  broker  message  topic=orders`. Machines read the JSON.

const SHOWN_FIRST = new Set(['level', 'time', 'component', 'msg']);

/** Turns one line of JSON into one short line (more when an error brings its stack). Other text passes unchanged. */
export function formatLogLine(json: string): string {
  let line: Record<string, unknown>;
  try {
    line = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const time = String(line.time).slice(11, 23);
  const head = `${time} ${String(line.level).toUpperCase().padEnd(5)} ${String(line.component)}`;
  const rest = Object.entries(line).filter(([name]) => !SHOWN_FIRST.has(name));
  const context = rest.map(([name, value]) => `  ${printable(name)}=${formatValue(value)}`);
  const stacks = rest.map(([, value]) => stackOf(value)).filter((stack) => stack !== undefined);
  return [`${head}  ${printable(String(line.msg))}${context.join('')}`, ...stacks, ''].join('\n');
}

function formatValue(value: unknown): string {
  if (isError(value)) return JSON.stringify(printable(value.message));
  if (typeof value === 'string' && /^[\w.:/@+-]+$/.test(value)) return value;
  return printable(JSON.stringify(value) ?? 'undefined');
}

function stackOf(value: unknown): string | undefined {
  if (!isError(value)) return undefined;
  const frames = value.stack.split('\n').slice(1);
  return frames.length === 0 ? undefined : frames.map(printable).join('\n');
}

function isError(value: unknown): value is { message: string; stack: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { message, stack } = value as { message?: unknown; stack?: unknown };
  return typeof message === 'string' && typeof stack === 'string';
}

/** Names and payloads come from strangers; what they write must not steer the terminal or forge a second line. */
function printable(text: string): string {
  return text.replace(
    /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
