// Message values that can be checked: who sent it, its number, when, and bytes that follow from the two, which no
// compression makes smaller. Every process of a run makes the same ones from the run's seed.
import { createCipheriv, createHash } from 'node:crypto';

/** Producer (u32), sequence (u32), moment of sending in microseconds of the machine's monotonic clock (f64). */
const HEADER_BYTES = 16;
const POOL_BYTES = 1 << 20;
/** Neighbours in the sequence begin far from each other in the pool, so that no window of a compressor sees a repeat. */
const STRIDE = 611_953;

export interface PayloadOrigin {
  readonly producer: number;
  readonly sequence: number;
  readonly sentAtUs: number;
}

export class Payloads {
  private readonly pool: Buffer;

  constructor(
    private readonly bytes: number,
    seed: string,
  ) {
    const key = createHash('sha256').update(seed).digest();
    const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
    this.pool = cipher.update(Buffer.alloc(POOL_BYTES + bytes));
  }

  /** A buffer of its own: the client may hold it until it is sent. */
  make(producer: number, sequence: number, sentAtUs: number): Buffer {
    const value = Buffer.allocUnsafe(this.bytes);
    value.writeUInt32LE(producer, 0);
    value.writeUInt32LE(sequence, 4);
    value.writeDoubleLE(sentAtUs, 8);
    const start = this.start(producer, sequence);
    this.pool.copy(value, HEADER_BYTES, start, start + this.bytes - HEADER_BYTES);
    return value;
  }

  /** Undefined when the value is not, byte for byte, what make() gives. */
  read(value: Buffer | null): PayloadOrigin | undefined {
    if (value === null || value.length !== this.bytes) return undefined;
    const producer = value.readUInt32LE(0);
    const sequence = value.readUInt32LE(4);
    const start = this.start(producer, sequence);
    const end = start + this.bytes - HEADER_BYTES;
    if (this.pool.compare(value, HEADER_BYTES, this.bytes, start, end) !== 0) return undefined;
    return { producer, sequence, sentAtUs: value.readDoubleLE(8) };
  }

  private start(producer: number, sequence: number): number {
    return (producer * 7919 + sequence * STRIDE) % POOL_BYTES;
  }
}

/** Microseconds of the machine's monotonic clock, which all its processes share. */
export function monotonicUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
