// Values in Thrift's strict binary protocol as a tree that can be bent before it is written: types may lie, counts may
// lie, fields may come twice or not at all. (The product's own writer can not write such things.)

export const TYPE = {
  STOP: 0,
  BOOL: 2,
  BYTE: 3,
  DOUBLE: 4,
  I16: 6,
  I32: 8,
  I64: 10,
  STRING: 11,
  STRUCT: 12,
  MAP: 13,
  SET: 14,
  LIST: 15,
} as const;

export const KIND = { CALL: 1, REPLY: 2, EXCEPTION: 3, ONEWAY: 4 } as const;

/** `type` is what is announced, whatever the bytes are. */
export type WireValue = ScalarValue | StructValue | ListValue | MapValue;

export interface ScalarValue {
  readonly form: 'scalar';
  type: number;
  bytes: Buffer;
}

export interface StructValue {
  readonly form: 'struct';
  type: number;
  readonly fields: { id: number; value: WireValue }[];
}

export interface ListValue {
  readonly form: 'list';
  type: number;
  itemType: number;
  readonly items: WireValue[];
  /** Announced instead of the true one. */
  count?: number;
}

export interface MapValue {
  readonly form: 'map';
  type: number;
  keyType: number;
  valueType: number;
  readonly entries: (readonly [WireValue, WireValue])[];
  count?: number;
}

export interface MessageShape {
  readonly kind: number;
  readonly name: Buffer;
  readonly sequenceId: number;
  readonly body: StructValue;
}

/** A whole frame with its length. */
export function frameOf({ kind, name, sequenceId, body }: MessageShape): Buffer {
  const head = Buffer.alloc(16 + name.length);
  head.writeUInt32BE((0x8001_0000 | kind) >>> 0, 4);
  head.writeInt32BE(name.length, 8);
  name.copy(head, 12);
  head.writeInt32BE(sequenceId | 0, 12 + name.length);
  const pieces: Buffer[] = [head];
  write(body, pieces);
  const frame = Buffer.concat(pieces);
  frame.writeInt32BE(frame.length - 4, 0);
  return frame;
}

function write(value: WireValue, pieces: Buffer[]): void {
  switch (value.form) {
    case 'scalar':
      pieces.push(value.bytes);
      break;
    case 'struct':
      for (const field of value.fields) {
        pieces.push(fieldHead(field.value.type, field.id));
        write(field.value, pieces);
      }
      pieces.push(STOP);
      break;
    case 'list': {
      const head = Buffer.alloc(5);
      head[0] = value.itemType;
      head.writeInt32BE((value.count ?? value.items.length) | 0, 1);
      pieces.push(head);
      for (const item of value.items) write(item, pieces);
      break;
    }
    case 'map': {
      const head = Buffer.alloc(6);
      head[0] = value.keyType;
      head[1] = value.valueType;
      head.writeInt32BE((value.count ?? value.entries.length) | 0, 2);
      pieces.push(head);
      for (const [key, item] of value.entries) {
        write(key, pieces);
        write(item, pieces);
      }
    }
  }
}

const STOP = Buffer.alloc(1);

function fieldHead(type: number, id: number): Buffer {
  const head = Buffer.alloc(3);
  head[0] = type;
  head.writeInt16BE((id << 16) >> 16, 1);
  return head;
}

export const struct = (fields: StructValue['fields'] = []): StructValue => ({
  ...{ form: 'struct', type: TYPE.STRUCT, fields },
});

export function integer(type: number, value: number | bigint): ScalarValue {
  const bytes = Buffer.alloc(INTEGER_BYTES[type] ?? 8);
  const whole = BigInt.asIntN(bytes.length * 8, BigInt(value));
  if (bytes.length === 8) bytes.writeBigInt64BE(whole);
  else bytes.writeIntBE(Number(whole), 0, bytes.length);
  return { form: 'scalar', type, bytes };
}

const INTEGER_BYTES: Readonly<Record<number, number>> = {
  ...{ [TYPE.BOOL]: 1, [TYPE.BYTE]: 1, [TYPE.I16]: 2, [TYPE.I32]: 4, [TYPE.I64]: 8 },
};

export function double(value: number): ScalarValue {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return { form: 'scalar', type: TYPE.DOUBLE, bytes };
}

/** A string or binary value. */
export function text(value: string | Buffer): ScalarValue {
  const content = typeof value === 'string' ? Buffer.from(value) : value;
  const bytes = Buffer.alloc(4 + content.length);
  bytes.writeInt32BE(content.length);
  content.copy(bytes, 4);
  return { form: 'scalar', type: TYPE.STRING, bytes };
}
