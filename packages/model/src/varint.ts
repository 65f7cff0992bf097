// Zig-zag varints as records use them: seven bits per byte, low bits first, the sign in the lowest bit. Numbers instead
// of bigint: values beyond 2^52 do not occur in what we write and are refused in what we read.
import { zhumqError } from './error-table.js';

const SHIFT_BOUND = 2 ** 28;
/** A varint of 64 bits has at most ten bytes. */
const MAX_VARINT_BYTES = 10;

/** Bytes that `value` takes. */
export function varintBytes(value: number): number {
  if (value >= -64 && value < 64) return 1;
  let rest = zigzag(value);
  let bytes = 1;
  for (; rest >= 128; bytes++) rest = rest < SHIFT_BOUND ? rest >>> 7 : Math.floor(rest / 128);
  return bytes;
}

/** Writes `value` and returns the position behind it; the caller has made room. */
export function writeVarint(buffer: Uint8Array, position: number, value: number): number {
  let at = position;
  let rest = zigzag(value);
  while (rest >= SHIFT_BOUND) {
    buffer[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  while (rest >= 128) {
    buffer[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buffer[at++] = rest;
  return at;
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

/** Reads varints and byte ranges up to `end`; whatever would pass it is INVALID_BATCH. */
export class VarintReader {
  constructor(
    private readonly buffer: Buffer,
    public position: number,
    public end: number,
  ) {}

  byte(): number {
    if (this.position >= this.end) throw this.invalid('ends within a field');
    return this.buffer[this.position++];
  }

  varint(): number {
    const first = this.byte();
    if (first < 128) return (first >>> 1) ^ -(first & 1);
    let raw = first & 0x7f;
    let factor = 128;
    for (let count = 1; ; count++) {
      const byte = this.byte();
      raw += (byte & 0x7f) * factor;
      if (byte < 128) break;
      if (count + 1 >= MAX_VARINT_BYTES) throw this.invalid('holds a number of more than 64 bits');
      factor *= 128;
    }
    if (raw > Number.MAX_SAFE_INTEGER) throw this.invalid('holds a number beyond 2^52');
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  /** A length from 0 to what is left. */
  length(): number {
    const length = this.varint();
    if (length < 0 || length > this.end - this.position) {
      throw this.invalid(
        `holds a length of ${length} where ${this.end - this.position} bytes are left`,
      );
    }
    return length;
  }

  /** Bytes behind their length; null for length -1. The result shares memory with the input. */
  nullableBytes(): Buffer | null {
    // -1 is the single byte 1.
    if (this.position < this.end && this.buffer[this.position] === 1) {
      this.position++;
      return null;
    }
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return this.buffer.subarray(start, this.position);
  }

  text(): string {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return this.buffer.toString('utf8', start, this.position);
  }

  invalid(what: string): Error {
    return zhumqError('INVALID_BATCH', `the record at byte ${this.position} ${what}`, {
      position: this.position,
    });
  }
}
