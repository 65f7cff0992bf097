// Which fields an event of each kind has, as data: the reader refuses lines that do not keep to it.
import type { EventKind, HistoryEvent } from './events.js';

/** What is wrong with a value; undefined: nothing. */
export type FieldCheck = (value: unknown) => string | undefined;

export interface Field {
  readonly check: FieldCheck;
  readonly optional: boolean;
}

/** Names are short; a longer one is not one of ours. */
const TEXT_CHARACTERS = 4_096;
/** Of one event. */
export const LIST_LENGTH = 1_000_000;

function isInteger(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

const text: FieldCheck = (value) =>
  typeof value === 'string' && value.length <= TEXT_CHARACTERS
    ? undefined
    : `is not text of at most ${TEXT_CHARACTERS} characters`;
const flag: FieldCheck = (value) =>
  typeof value === 'boolean' ? undefined : 'is neither true nor false';
const count: FieldCheck = (value) =>
  isInteger(value, 0) ? undefined : 'is not an integer from 0 on';
const countOrNone: FieldCheck = (value) =>
  isInteger(value, -1) ? undefined : 'is not an integer from -1 on';
const time: FieldCheck = (value) =>
  typeof value === 'number' && Number.isFinite(value) ? undefined : 'is not a number';

function oneOf(...allowed: readonly unknown[]): FieldCheck {
  return (value) => (allowed.includes(value) ? undefined : `is none of ${allowed.join(', ')}`);
}

/** A list of fixed shape; the last `optional` items may be missing. */
function tuple(items: readonly FieldCheck[], optional = 0): FieldCheck {
  return (value) => {
    if (!Array.isArray(value)) return 'is not a list';
    if (value.length > items.length || value.length < items.length - optional)
      return `has ${value.length} items`;
    for (let index = 0; index < value.length; index += 1) {
      const fault = items[index](value[index]);
      if (fault !== undefined) return `[${index}] ${fault}`;
    }
    return undefined;
  };
}

function listOf(item: FieldCheck): FieldCheck {
  return (value) => {
    if (!Array.isArray(value)) return 'is not a list';
    if (value.length > LIST_LENGTH) return `has more than ${LIST_LENGTH} items`;
    for (let index = 0; index < value.length; index += 1) {
      const fault = item(value[index]);
      if (fault !== undefined) return `[${index}] ${fault}`;
    }
    return undefined;
  };
}

const textOrNull: FieldCheck = (value) => (value === null ? undefined : text(value));
const must = (check: FieldCheck): Field => ({ check, optional: false });
const may = (check: FieldCheck): Field => ({ check, optional: true });

const stamped = { kind: must(text), at: must(time), process: may(text) };
const located = { ...stamped, topic: must(text), partition: must(count) };
const mode = oneOf('raft', 'fetch');
const outcome = oneOf('ok', 'fail', 'unknown');
const generation = tuple([count, count]);
const delivered = tuple([count, text, count], 1);
const digest = tuple([count, count, text]);
const stored = tuple([count, count, textOrNull]);

type FieldsOf<E extends HistoryEvent> = Record<
  keyof { [K in keyof E as K extends string ? K : never]-?: unknown },
  Field
>;

export const EVENT_FIELDS: {
  readonly [K in EventKind]: FieldsOf<Extract<HistoryEvent, { kind: K }>>;
} = {
  history: { ...stamped, version: must(oneOf(1)), run: must(text), exact: may(flag) },
  send: {
    ...located,
    ...{ producer: must(text), value: must(text), key: may(text) },
    ...{ acks: must(oneOf('all', 'leader', 'none')), client: may(text) },
    ...{ producerId: may(count), producerEpoch: may(count), idempotent: may(flag) },
  },
  sent: {
    ...located,
    ...{ producer: must(text), value: must(text), outcome: must(outcome) },
    ...{ offset: may(count), epoch: may(count), broker: may(count), mode: may(mode) },
    ...{ duplicate: may(flag), code: may(text), retriable: may(flag) },
  },
  seek: { ...located, consumer: must(text), final: may(flag) },
  poll: {
    ...located,
    ...{ consumer: must(text), group: may(text), delivery: may(oneOf('pull', 'push')) },
    ...{ highWatermark: may(count), records: must(listOf(delivered)) },
  },
  assign: { ...located, group: must(text), member: must(text), generation: may(generation) },
  revoke: { ...located, group: must(text), member: must(text), lost: must(flag) },
  commit: {
    ...located,
    ...{ group: must(text), member: must(text), offset: must(count) },
    ...{ outcome: must(outcome), generation: may(generation), invokedAt: may(time) },
  },
  position: { ...located, group: must(text), offset: must(countOrNone), invokedAt: may(time) },
  reset: { ...located, group: must(text), offset: must(countOrNone), outcome: must(outcome) },
  watermark: {
    ...located,
    ...{ broker: must(count), incarnation: may(count), role: must(oneOf('leader', 'follower')) },
    ...{ epoch: must(count), highWatermark: must(count), invokedAt: may(time) },
  },
  leader: {
    ...located,
    ...{ broker: must(count), incarnation: may(count), epoch: must(count) },
    ...{ generation: may(count), mode: may(mode), startOffset: may(count) },
  },
  loss: { ...located, epoch: must(count), offset: may(count), reason: may(text) },
  switch: {
    ...located,
    ...{ phase: must(oneOf('begun', 'sealed', 'done', 'aborted')), to: must(mode) },
    ...{ generation: must(count), sealEpoch: may(count), sealOffset: may(count) },
    epoch: may(count),
  },
  'log-start': { ...located, offset: must(count) },
  fault: {
    ...stamped,
    ...{ fault: must(text), target: must(text), phase: must(oneOf('begun', 'ended')) },
  },
  append: {
    ...located,
    ...{ broker: must(count), epoch: must(count), offset: must(count), count: must(count) },
    digest: may(text),
  },
  replica: {
    ...located,
    ...{ broker: must(count), mode: may(mode), generation: may(count) },
    ...{ logStart: must(count), highWatermark: must(count) },
    ...{ digests: may(listOf(digest)), records: may(listOf(stored)) },
  },
};
