// Reads one message in Thrift's strict binary protocol. The generated classes call the methods whose names they know.
//
//   message:  0x8001 | 0 | kind (i8) | name (string) | sequence id (i32) | struct
//   struct:   { type (i8) | field id (i16) | value } … 0          string, binary:  length (i32) | bytes
//   list:     type (i8) | size (i32) | values                     map:  two types | size (i32) | keys and values
//
// Everything is checked against the end of the frame before it is used. Binary values are slices of the frame.
import { MalformedMessage, UnusableValue } from './bad-message.js';

/** Kinds of message. */
export const CALL = 1;
export const REPLY = 2;
export const EXCEPTION = 3;
export const ONEWAY = 4;

/** Types of values. */
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

const VERSION_1 = 0x8001;
const MAX_NAME_BYTES = 128;
/** Items of one list or map: each becomes an object that is larger than its bytes. */
const MAX_ITEMS = 1 << 20;
const MAX_DEPTH = 32;
/** Strings up to this length are looked at byte by byte, which is faster than to cross into C++. */
const SHORT_STRING_BYTES = 24;

/** Fewest bytes of a value, by type; undefined for what is no type. */
const LEAST_BYTES: readonly (number | undefined)[] = Object.assign(Array<number | undefined>(16), {
  [TYPE.BOOL]: 1,
  [TYPE.BYTE]: 1,
  [TYPE.DOUBLE]: 8,
  [TYPE.I16]: 2,
  [TYPE.I32]: 4,
  [TYPE.I64]: 8,
  [TYPE.STRING]: 4,
  [TYPE.STRUCT]: 1,
  [TYPE.MAP]: 6,
  [TYPE.SET]: 5,
  [TYPE.LIST]: 5,
});

export class MessageReader {
  /** Fields and items that the present message may have, nested ones included: each costs more than its bytes. */
  maxValues = Infinity;
  private values = 0;
  /** CALL, REPLY, EXCEPTION or ONEWAY. */
  kind = 0;
  sequenceId = 0;
  private buffer: Buffer = Buffer.alloc(0);
  private position = 0;
  private nameStart = 0;
  private nameEnd = 0;
  // What the generated code asks for is looked at once and at once, so one object of each kind serves all.
  private readonly field = { fname: '', ftype: 0, fid: 0 };
  private readonly list = { etype: 0, size: 0 };
  private readonly map = { ktype: 0, vtype: 0, size: 0 };

  /** Starts with another frame and reads what stands before the struct. Throws MalformedMessage, as all methods do. */
  begin(frame: Buffer): void {
    this.buffer = frame;
    this.position = 0;
    this.values = 0;
    this.maxValues = Infinity;
    const version = this.readI32();
    this.kind = version & 0xff;
    if (version >>> 16 !== VERSION_1 || this.kind < CALL || this.kind > ONEWAY) {
      throw new MalformedMessage('not a message of the strict binary protocol');
    }
    const bytes = this.readLength();
    if (bytes > MAX_NAME_BYTES) throw new MalformedMessage(`a method name of ${bytes} bytes`);
    this.nameStart = this.position;
    this.nameEnd = this.position += bytes;
    this.sequenceId = this.readI32();
  }

  /** The name of the method. */
  get name(): string {
    return this.buffer.toString('latin1', this.nameStart, this.nameEnd);
  }

  /** Ends the message: nothing may follow. */
  end(): void {
    const left = this.buffer.length - this.position;
    this.buffer = EMPTY;
    this.position = 0;
    if (left > 0) throw new MalformedMessage(`${left} bytes after the end of a message`);
  }

  readStructBegin(): void {
    // Nothing marks the beginning of a struct.
  }

  readStructEnd(): void {
    // The last field is followed by STOP, which was read as a field.
  }

  readFieldBegin(): { fname: string; ftype: number; fid: number } {
    this.need(1);
    this.field.ftype = this.buffer[this.position++];
    if (this.field.ftype !== TYPE.STOP) {
      this.field.fid = this.readI16();
      this.countValues(1);
    }
    return this.field;
  }

  readFieldEnd(): void {
    // Nothing marks the end of a field.
  }

  readListBegin(): { etype: number; size: number } {
    this.need(1);
    this.list.etype = this.buffer[this.position++];
    this.list.size = this.readSize(leastBytes(this.list.etype));
    return this.list;
  }

  readListEnd(): void {
    // Nothing marks the end of a list.
  }

  readMapBegin(): { ktype: number; vtype: number; size: number } {
    this.need(2);
    this.map.ktype = this.buffer[this.position++];
    this.map.vtype = this.buffer[this.position++];
    // An empty map may be written without types.
    const untyped = this.map.ktype === TYPE.STOP && this.map.vtype === TYPE.STOP;
    const least = untyped ? Infinity : leastBytes(this.map.ktype) + leastBytes(this.map.vtype);
    this.map.size = this.readSize(least);
    return this.map;
  }

  readMapEnd(): void {
    // Nothing marks the end of a map.
  }

  readSetBegin(): { etype: number; size: number } {
    return this.readListBegin();
  }

  readSetEnd(): void {
    // Nothing marks the end of a set.
  }

  readBool(): boolean {
    return this.readByte() !== 0;
  }

  readByte(): number {
    this.need(1);
    return (this.buffer[this.position++] << 24) >> 24;
  }

  readI16(): number {
    this.need(2);
    const { buffer, position } = this;
    this.position = position + 2;
    return ((buffer[position] << 24) >> 16) | buffer[position + 1];
  }

  readI32(): number {
    this.need(4);
    const { buffer, position } = this;
    this.position = position + 4;
    return (
      (buffer[position] << 24) |
      (buffer[position + 1] << 16) |
      (buffer[position + 2] << 8) |
      buffer[position + 3]
    );
  }

  /** Throws UnusableValue when a number can not hold the value exactly. */
  readI64(): number {
    const high = this.readI32();
    const low = this.readI32() >>> 0;
    const value = high * 0x1_0000_0000 + low;
    if (!Number.isSafeInteger(value)) {
      throw new UnusableValue(`${value} is beyond the integers from -(2^53 - 1) to 2^53 - 1`);
    }
    return value;
  }

  readDouble(): number {
    this.need(8);
    const value = this.buffer.readDoubleBE(this.position);
    this.position += 8;
    return value;
  }

  /** Bytes that are not UTF-8 become U+FFFD. */
  readString(): string {
    const bytes = this.readLength();
    const start = this.position;
    const end = (this.position = start + bytes);
    if (bytes > SHORT_STRING_BYTES) return this.buffer.toString('utf8', start, end);
    for (let at = start; at < end; at++) {
      if (this.buffer[at] > 0x7f) return this.buffer.toString('utf8', start, end);
    }
    return this.buffer.toString('latin1', start, end);
  }

  /** A slice of the frame. */
  readBinary(): Buffer {
    const bytes = this.readLength();
    const start = this.position;
    this.position = start + bytes;
    return this.buffer.subarray(start, this.position);
  }

  /** Passes over a value of a field that this version does not know. */
  skip(type: number, depth = 0): void {
    if (depth > MAX_DEPTH) throw new MalformedMessage(`values nested deeper than ${MAX_DEPTH}`);
    switch (type) {
      case TYPE.STRING:
        this.readBinary();
        break;
      case TYPE.STRUCT:
        for (let next = this.readFieldBegin(); next.ftype !== TYPE.STOP;) {
          this.skip(next.ftype, depth + 1);
          next = this.readFieldBegin();
        }
        break;
      case TYPE.MAP: {
        const { ktype, vtype, size } = this.readMapBegin();
        for (let item = 0; item < size; item++) {
          this.skip(ktype, depth + 1);
          this.skip(vtype, depth + 1);
        }
        break;
      }
      case TYPE.SET:
      case TYPE.LIST: {
        const { etype, size } = this.readListBegin();
        for (let item = 0; item < size; item++) this.skip(etype, depth + 1);
        break;
      }
      default: {
        const bytes = leastBytes(type);
        this.need(bytes);
        this.position += bytes;
      }
    }
  }

  private readLength(): number {
    const length = this.readI32();
    if (length < 0) throw new MalformedMessage(`a length of ${length}`);
    this.need(length);
    return length;
  }

  private readSize(leastItemBytes: number): number {
    const size = this.readI32();
    const left = this.buffer.length - this.position;
    if (size < 0 || size > MAX_ITEMS || (size > 0 && size * leastItemBytes > left)) {
      throw new MalformedMessage(`a list of ${size} items in ${left} bytes`);
    }
    this.countValues(size);
    return size;
  }

  private countValues(count: number): void {
    this.values += count;
    if (this.values > this.maxValues) {
      throw new UnusableValue(
        `it has more than ${this.maxValues} fields and items: ask for less at once`,
      );
    }
  }

  private need(bytes: number): void {
    if (this.position + bytes > this.buffer.length) {
      throw new MalformedMessage('the frame ends within a value');
    }
  }
}

const EMPTY = Buffer.alloc(0);

function leastBytes(type: number): number {
  const bytes = LEAST_BYTES[type];
  if (bytes === undefined) throw new MalformedMessage(`${type} is no type of a value`);
  return bytes;
}
