// One line of input to one message: its key, headers and partition.
import type { OutgoingMessage } from '@zhumq/client';
import { UsageError } from '../../exit-codes.js';

export interface LineFormat {
  /** Ends the key; without one messages have no key. */
  readonly keySeparator: Buffer | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly partition: number | undefined;
}

/** Throws UsageError for a line without its key. */
export function messageOfLine(line: Buffer, number: number, format: LineFormat): OutgoingMessage {
  const { keySeparator, headers, partition } = format;
  const common = {
    ...(headers.length === 0 ? {} : { headers }),
    ...(partition === undefined ? {} : { partition }),
  };
  if (keySeparator === undefined) return { value: line, ...common };
  const end = line.indexOf(keySeparator);
  if (end < 0)
    throw new UsageError(
      `line ${number} has no ${JSON.stringify(keySeparator.toString())}, which --key-separator says ends the key`,
    );
  return {
    key: line.subarray(0, end),
    value: line.subarray(end + keySeparator.length),
    ...common,
  };
}

/** The text of --key-separator; `\t`, `\0` and `\\` stand for what is hard to type. Throws UsageError. */
export function separatorOf(text: string): Buffer {
  const names: Readonly<Record<string, string>> = { t: '\t', '0': '\0', '\\': '\\' };
  const separator = text.replace(/\\([t0\\])/g, (_, name: string) => names[name]);
  if (separator === '' || separator.includes('\n'))
    throw new UsageError('--key-separator is one character or more, and no line feed');
  return Buffer.from(separator, 'utf8');
}
