// How a value of ours becomes a protobuf message and back, field by field. The generated code does the bytes; here is
// what it leaves open: 64-bit integers become safe numbers or an error (protobufjs would give a Long, and would encode a
// bigint as 0 without a word), enums become words, absent messages become undefined or an error.
import { assert } from '@zhumq/base';
import { zhumqError } from './error-table.js';
import type { ReplicationMode } from './names.js';

/** One way to carry a value in a field. `fromWire` throws any error for what it refuses. */
export interface Field<T> {
  toWire(value: T): unknown;
  fromWire(raw: unknown): T;
}

/** What the generated code offers for each message. */
interface WireMessage {
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}

/** How the caller wants bytes called that are no such message. */
export type DecodeFailure = 'DATA_CORRUPT' | 'INVALID_REQUEST';

/** A message of state.proto: values of T to bytes and back. */
export class MessageCodec<T extends object> {
  private readonly fields: readonly (readonly [string, Field<unknown>])[];

  constructor(
    readonly name: string,
    private readonly wire: WireMessage,
    fields: { readonly [K in keyof T]-?: Field<T[K]> },
  ) {
    this.fields = Object.entries(fields) as unknown as [string, Field<unknown>][];
  }

  /** Asserts that every number is in the range of its field. */
  encode(value: T): Buffer {
    const bytes = this.wire.encode(this.toWire(value)).finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Throws `failure` for bytes that are no such message. Fields that this version does not know are passed over. */
  decode(bytes: Uint8Array, failure: DecodeFailure = 'DATA_CORRUPT'): T {
    try {
      return this.fromWire(this.wire.decode(bytes));
    } catch (cause) {
      const why = (cause as Error).message;
      const message = `${bytes.length} bytes are no ${this.name}: ${why}`;
      throw zhumqError(failure, message, { message: this.name, bytes: bytes.length }, cause);
    }
  }

  toWire(value: T): object {
    const message: Record<string, unknown> = {};
    for (const [name, field] of this.fields) {
      message[name] = field.toWire((value as Record<string, unknown>)[name]);
    }
    return message;
  }

  fromWire(message: object): T {
    const value: Record<string, unknown> = {};
    for (const [name, field] of this.fields) {
      value[name] = field.fromWire((message as Record<string, unknown>)[name]);
    }
    return value as T;
  }
}

/** int64 within the safe integers. */
export const integer: Field<number> = {
  toWire(value) {
    assert(Number.isSafeInteger(value), `${String(value)} is no safe integer`);
    return value;
  },
  fromWire(raw) {
    const value = typeof raw === 'number' ? raw : longToNumber(raw);
    if (!Number.isSafeInteger(value)) throw new RangeError('a number beyond 2^53 - 1');
    return value;
  },
};

/** int32 */
export const smallInteger: Field<number> = {
  toWire(value) {
    assert((value | 0) === value, `${value} is no 32-bit integer`);
    return value;
  },
  fromWire: (raw) => raw as number,
};

/** double */
export const real: Field<number> = {
  toWire(value) {
    assert(Number.isFinite(value), `${value} is no finite number`);
    return value;
  },
  fromWire(raw) {
    if (!Number.isFinite(raw)) throw new RangeError('a number that is not finite');
    return raw as number;
  },
};

export const flag: Field<boolean> = { toWire: (value) => value, fromWire: (raw) => raw as boolean };

export const text: Field<string> = {
  toWire(value) {
    assert(typeof value === 'string', 'a text field needs a text');
    return value;
  },
  fromWire: (raw) => raw as string,
};

/** Empty on the wire where there is none. */
export const maybeText: Field<string | undefined> = {
  toWire: (value) => value ?? '',
  fromWire: (raw) => (raw === '' ? undefined : (raw as string)),
};

const MODES: readonly (ReplicationMode | undefined)[] = [undefined, 'raft', 'fetch'];

export const mode: Field<ReplicationMode> = {
  toWire(value) {
    const number = MODES.indexOf(value);
    assert(number > 0, `${value} is no replication mode`);
    return number;
  },
  fromWire(raw) {
    const value = MODES[raw as number];
    if (value === undefined) throw new RangeError(`replication mode ${String(raw)} is unknown`);
    return value;
  },
};

/** Names to texts; in order of name on the wire, so that equal maps have equal bytes. */
export const textMap: Field<Readonly<Record<string, string>>> = {
  toWire: (value) => Object.fromEntries(Object.entries(value).sort(byName)),
  fromWire: (raw) => Object.fromEntries(Object.entries(raw as Record<string, string>)),
};

export function list<T>(item: Field<T>): Field<readonly T[]> {
  return {
    toWire: (values) => values.map((value) => item.toWire(value)),
    fromWire: (raw) => (raw as unknown[]).map((one) => item.fromWire(one)),
  };
}

/** A message that must be there. */
export function one<T extends object>(codec: MessageCodec<T>): Field<T> {
  return {
    toWire: (value) => codec.toWire(value),
    fromWire(raw) {
      if (raw === null || raw === undefined) throw new TypeError(`without a ${codec.name}`);
      return codec.fromWire(raw);
    },
  };
}

/** A message that may be absent. */
export function maybe<T extends object>(codec: MessageCodec<T>): Field<T | undefined> {
  return {
    toWire: (value) => (value === undefined ? undefined : codec.toWire(value)),
    fromWire: (raw) => (raw === null || raw === undefined ? undefined : codec.fromWire(raw)),
  };
}

function longToNumber(raw: unknown): number {
  const { low, high } = raw as { low: number; high: number };
  return high * 0x1_0000_0000 + (low >>> 0);
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1;
}
