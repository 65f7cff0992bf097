// Goes over a frame as a server would that knows none of its fields: is it a message at all, and which numbers are in it?
import { KIND, TYPE } from './wire-value.js';

export interface IntegerField {
  readonly id: number;
  readonly value: bigint;
}

export interface WalkedFrame {
  readonly name: string;
  /** All fields of 32 and 64 bits, at any depth. */
  readonly integers: readonly IntegerField[];
}

/** Undefined for bytes that are no message: they end the connection that brings them. */
export function walkFrame(frame: Buffer): WalkedFrame | undefined {
  try {
    if (frame.readInt32BE(0) !== frame.length - 4) return undefined;
    const word = frame.readUInt32BE(4);
    const kind = word & 0xff;
    if (word >>> 16 !== 0x8001 || kind < KIND.CALL || kind > KIND.ONEWAY) return undefined;
    const nameBytes = frame.readInt32BE(8);
    if (nameBytes < 0 || nameBytes > MAX_NAME_BYTES) return undefined;
    const walk = new Walk(frame, HEAD_BYTES + nameBytes);
    walk.struct(0);
    if (walk.at !== frame.length) return undefined;
    return { name: frame.toString('latin1', 12, 12 + nameBytes), integers: walk.found };
  } catch {
    return undefined;
  }
}

const MAX_NAME_BYTES = 128;
const MAX_DEPTH = 32;
const MAX_ITEMS = 1 << 20;
const HEAD_BYTES = 16;
const FIXED_BYTES: Readonly<Record<number, number>> = {
  ...{ [TYPE.BOOL]: 1, [TYPE.BYTE]: 1, [TYPE.I16]: 2, [TYPE.I32]: 4, [TYPE.I64]: 8 },
  [TYPE.DOUBLE]: 8,
};
const KNOWN: ReadonlySet<number> = new Set(
  Object.values(TYPE).filter((type) => type !== TYPE.STOP),
);

class Walk {
  readonly found: IntegerField[] = [];

  constructor(
    private readonly bytes: Buffer,
    public at: number,
  ) {}

  struct(depth: number): void {
    for (;;) {
      const type = this.bytes.readUInt8(this.at);
      if (type === TYPE.STOP) break;
      const id = this.bytes.readInt16BE(this.at + 1);
      this.at += 3;
      this.value(type, id, depth + 1);
    }
    this.at += 1;
  }

  private value(type: number, id: number, depth: number): void {
    const { bytes, at } = this;
    if (depth > MAX_DEPTH) throw new RangeError('too deep');
    switch (type) {
      case TYPE.STRUCT:
        this.struct(depth);
        break;
      case TYPE.STRING: {
        const length = bytes.readInt32BE(at);
        if (length < 0) throw new RangeError('a negative length');
        this.at += 4 + length;
        break;
      }
      case TYPE.LIST:
      case TYPE.SET:
        this.at += 5;
        this.items([bytes.readUInt8(at)], bytes.readInt32BE(at + 1), depth);
        break;
      case TYPE.MAP:
        this.at += 6;
        this.items(
          [bytes.readUInt8(at), bytes.readUInt8(at + 1)],
          bytes.readInt32BE(at + 2),
          depth,
        );
        break;
      default: {
        const size = FIXED_BYTES[type];
        if (size === undefined) throw new RangeError('no type');
        if (size === 4) this.found.push({ id, value: BigInt(bytes.readInt32BE(at)) });
        if (size === 8) this.found.push({ id, value: bytes.readBigInt64BE(at) });
        this.at += size;
      }
    }
    if (this.at > bytes.length) throw new RangeError('beyond the end');
  }

  private items(types: readonly number[], count: number, depth: number): void {
    if (count < 0 || count > MAX_ITEMS || count > this.bytes.length - this.at)
      throw new RangeError('too many items');
    // An empty map may be written without types.
    const isUntyped =
      types.length === 2 && count === 0 && types.every((type) => type === TYPE.STOP);
    if (!isUntyped && !types.every((type) => KNOWN.has(type))) throw new RangeError('no type');
    for (let item = 0; item < count; item++)
      for (const type of types) this.value(type, -1, depth + 1);
  }
}
