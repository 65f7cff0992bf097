// Writes messages in Thrift's strict binary protocol (drawn in message-reader.ts), frame after frame, into memory that
// goes to the socket as it is: small frames that follow each other are one piece, large binary values are pieces of
// their own that are never copied. The generated classes call the methods whose names they know.
import { zhumqError } from '@zhumq/model';

/** Bytes, or several runs of bytes that are sent one after the other. */
export type Binary = Uint8Array | readonly Uint8Array[];

/** A binary value of at least this many bytes is passed on by reference: below, copying costs less than one more piece. */
const REFERENCE_BYTES = 4096;
const SMALLEST_SLAB_BYTES = 4096;
const LARGEST_SLAB_BYTES = 64 * 1024;
/** A slab with less room than this is given up when its content is taken. */
const LEAST_ROOM_BYTES = 256;
const SHORT_STRING_LENGTH = 40;
/** Longer strings are measured first, so that not three bytes are reserved for each character. */
const LONG_STRING_LENGTH = 4096;
const EMPTY = Buffer.alloc(0);

export class MessageWriter {
  private slab: Buffer = EMPTY;
  private slabBytes = SMALLEST_SLAB_BYTES / 2;
  /** Where in the slab begins what is in no piece yet. */
  private start = 0;
  private position = 0;
  private pieces: Uint8Array[] = [];
  private pieceBytes = 0;
  /** Where the present frame begins: abandonFrame goes back to it. */
  private readonly mark = {
    slab: EMPTY as Buffer,
    start: 0,
    position: 0,
    pieces: 0,
    pieceBytes: 0,
  };

  /** Bytes written and not taken. */
  get bytes(): number {
    return this.pieceBytes + this.position - this.start;
  }

  /** Everything written since the last time, in order. To be called between frames. */
  take(): readonly Uint8Array[] {
    this.seal();
    const { pieces } = this;
    this.pieces = [];
    this.pieceBytes = 0;
    if (this.slab.length - this.position < LEAST_ROOM_BYTES) {
      this.slab = EMPTY;
      this.start = this.position = 0;
    }
    return pieces;
  }

  /** Begins a message; `header` is what stands before the sequence id. */
  beginFrame(header: Uint8Array, sequenceId: number): void {
    this.ensure(8 + header.length);
    const { mark } = this;
    mark.slab = this.slab;
    mark.start = this.start;
    mark.position = this.position;
    mark.pieces = this.pieces.length;
    mark.pieceBytes = this.pieceBytes;
    this.slab.set(header, this.position + 4);
    this.position += 4 + header.length;
    this.writeI32(sequenceId);
  }

  /** Ends it; throws FRAME_TOO_LARGE, after which it has to be abandoned. Returns the bytes of the frame. */
  endFrame(maxFrameBytes: number): number {
    const { mark } = this;
    const bytes = this.bytes - (mark.pieceBytes + mark.position - mark.start);
    const length = bytes - 4;
    if (length > maxFrameBytes) {
      throw zhumqError(
        'FRAME_TOO_LARGE',
        `a message of ${length} bytes is larger than the limit of ${maxFrameBytes}; send less at once`,
        { bytes: length, limit: maxFrameBytes },
      );
    }
    mark.slab.writeInt32BE(length, mark.position);
    mark.slab = EMPTY;
    return bytes;
  }

  /** Takes back the frame that was begun, after an error. */
  abandonFrame(): void {
    const { mark } = this;
    this.slab = mark.slab;
    this.start = mark.start;
    this.position = mark.position;
    this.pieces.length = mark.pieces;
    this.pieceBytes = mark.pieceBytes;
    mark.slab = EMPTY;
  }

  writeStructBegin(_name: string): void {
    // Nothing marks the beginning of a struct.
  }

  writeStructEnd(): void {
    // The STOP after the last field ends it.
  }

  writeFieldBegin(_name: string, type: number, id: number): void {
    this.ensure(3);
    const { slab, position } = this;
    slab[position] = type;
    slab[position + 1] = id >> 8;
    slab[position + 2] = id;
    this.position = position + 3;
  }

  writeFieldEnd(): void {
    // Nothing marks the end of a field.
  }

  writeFieldStop(): void {
    this.writeType(0);
  }

  writeListBegin(type: number, size: number): void {
    this.writeType(type);
    this.writeI32(size);
  }

  writeListEnd(): void {
    // Nothing marks the end of a list.
  }

  writeMapBegin(keyType: number, valueType: number, size: number): void {
    this.writeType(keyType);
    this.writeType(valueType);
    this.writeI32(size);
  }

  writeMapEnd(): void {
    // Nothing marks the end of a map.
  }

  writeSetBegin(type: number, size: number): void {
    this.writeListBegin(type, size);
  }

  writeSetEnd(): void {
    // Nothing marks the end of a set.
  }

  writeBool(value: boolean): void {
    if (typeof value !== 'boolean') throw wrongType('a boolean', value);
    this.writeType(value ? 1 : 0);
  }

  writeByte(value: number): void {
    if ((value << 24) >> 24 !== value) throw outOfRange('i8', value);
    this.writeType(value);
  }

  writeI16(value: number): void {
    if ((value << 16) >> 16 !== value) throw outOfRange('i16', value);
    this.ensure(2);
    const { slab, position } = this;
    slab[position] = value >> 8;
    slab[position + 1] = value;
    this.position = position + 2;
  }

  writeI32(value: number): void {
    if ((value | 0) !== value) throw outOfRange('i32', value);
    this.ensure(4);
    const { slab, position } = this;
    slab[position] = value >> 24;
    slab[position + 1] = value >> 16;
    slab[position + 2] = value >> 8;
    slab[position + 3] = value;
    this.position = position + 4;
  }

  /** Throws RangeError for what is no integer from -(2^53 - 1) to 2^53 - 1. */
  writeI64(value: number): void {
    if (!Number.isSafeInteger(value)) throw outOfRange('i64 that a number holds exactly', value);
    const high = Math.floor(value / 0x1_0000_0000);
    this.writeI32(high);
    this.writeI32((value - high * 0x1_0000_0000) | 0);
  }

  writeDouble(value: number): void {
    if (typeof value !== 'number') throw wrongType('a number', value);
    this.ensure(8);
    this.slab.writeDoubleBE(value, this.position);
    this.position += 8;
  }

  writeString(value: string): void {
    if (typeof value !== 'string') throw wrongType('a string', value);
    const { length } = value;
    if (length > LONG_STRING_LENGTH) {
      this.writeBinary(Buffer.from(value, 'utf8'));
      return;
    }
    this.ensure(4 + length * 3);
    const bytesAt = this.position;
    const bytes = this.writeAscii(value, bytesAt + 4)
      ? length
      : this.slab.write(value, bytesAt + 4, 'utf8');
    this.writeI32(bytes);
    this.position = bytesAt + 4 + bytes;
  }

  writeBinary(value: Binary): void {
    if (value instanceof Uint8Array) {
      this.writeI32(value.length);
      this.append(value);
      return;
    }
    if (!Array.isArray(value)) throw wrongType('bytes', value);
    let length = 0;
    for (const run of value as readonly Uint8Array[]) {
      if (!(run instanceof Uint8Array)) throw wrongType('bytes', run);
      length += run.length;
    }
    this.writeI32(length);
    for (const run of value as readonly Uint8Array[]) this.append(run);
  }

  private append(bytes: Uint8Array): void {
    if (bytes.length < REFERENCE_BYTES) {
      this.ensure(bytes.length);
      this.slab.set(bytes, this.position);
      this.position += bytes.length;
      return;
    }
    this.seal();
    this.pieces.push(bytes);
    this.pieceBytes += bytes.length;
  }

  /** Writes a short string whose characters are all ASCII; false, with nothing kept, for any other. */
  private writeAscii(value: string, at: number): boolean {
    if (value.length > SHORT_STRING_LENGTH) return false;
    const { slab } = this;
    for (let index = 0; index < value.length; index++) {
      const character = value.charCodeAt(index);
      if (character > 0x7f) return false;
      slab[at + index] = character;
    }
    return true;
  }

  private writeType(value: number): void {
    this.ensure(1);
    this.slab[this.position++] = value;
  }

  private ensure(bytes: number): void {
    if (this.position + bytes > this.slab.length) this.grow(bytes);
  }

  /** Slabs of a busy connection are large, those of a quiet one small. */
  private grow(bytes: number): void {
    this.seal();
    this.slabBytes = Math.min(this.slabBytes * 2, LARGEST_SLAB_BYTES);
    this.slab = Buffer.allocUnsafeSlow(Math.max(this.slabBytes, bytes));
    this.start = this.position = 0;
  }

  private seal(): void {
    if (this.position === this.start) return;
    this.pieces.push(this.slab.subarray(this.start, this.position));
    this.pieceBytes += this.position - this.start;
    this.start = this.position;
  }
}

function outOfRange(type: string, value: unknown): RangeError {
  return new RangeError(`${String(value)} is no ${type}`);
}

function wrongType(wanted: string, value: unknown): TypeError {
  return new TypeError(`${wanted} is needed, not ${value === null ? 'null' : typeof value}`);
}
