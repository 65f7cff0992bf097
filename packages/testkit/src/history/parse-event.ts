// A line of a history file into an event. The line is untrusted: nothing is believed that is not in the table of fields.
import { EVENT_FIELDS } from './event-fields.js';
import type { Field } from './event-fields.js';
import type { EventKind, HistoryEvent } from './events.js';

/** `line` is the 1-based number of the line in its file; 0: the file as a whole. */
export class HistoryInvalid extends Error {
  constructor(
    readonly line: number,
    readonly fault: string,
  ) {
    super(line === 0 ? fault : `line ${line}: ${fault}`);
    this.name = 'HistoryInvalid';
  }
}

const tables = new Map<string, [string, Field][]>(
  Object.entries(EVENT_FIELDS).map(([kind, fields]) => [kind, Object.entries(fields)]),
);

/** Throws HistoryInvalid. Fields that the table does not have are refused, too: a misspelt one would say nothing. */
export function parseEvent(text: string, line: number): HistoryEvent {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new HistoryInvalid(line, `is not JSON: ${(error as Error).message}`);
  }
  return checkEvent(value, line);
}

/** Throws HistoryInvalid. */
export function checkEvent(value: unknown, line: number): HistoryEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new HistoryInvalid(line, 'is not an object');
  const event = value as Record<string, unknown>;
  const kind = event.kind;
  const fields = typeof kind === 'string' ? tables.get(kind) : undefined;
  if (fields === undefined)
    throw new HistoryInvalid(
      line,
      `"kind" is none of ${[...tables.keys()].join(', ')}: ${shown(kind)}`,
    );
  let known = 0;
  for (const [name, { check, optional }] of fields) {
    const given = event[name];
    if (given === undefined) {
      if (!optional) throw new HistoryInvalid(line, `"${kind as string}" lacks "${name}"`);
      continue;
    }
    known += 1;
    const fault = check(given);
    if (fault !== undefined) throw new HistoryInvalid(line, `"${name}" ${fault}: ${shown(given)}`);
  }
  if (known !== Object.keys(event).length) refuseUnknown(event, kind as EventKind, line);
  return value as HistoryEvent;
}

function refuseUnknown(event: Record<string, unknown>, kind: EventKind, line: number): void {
  const fields: Record<string, Field> = EVENT_FIELDS[kind];
  for (const name of Object.keys(event)) {
    if (event[name] !== undefined && !Object.hasOwn(fields, name))
      throw new HistoryInvalid(line, `"${kind}" has no field ${shown(name)}`);
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
