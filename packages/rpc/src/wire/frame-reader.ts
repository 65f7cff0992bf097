// Cuts a stream of bytes into frames.
//
//   frame:  length (i32, big endian, bytes after this field) | message
//
// A frame that lies within one chunk is a slice of it. Any other is gathered in one allocation of its exact size; a
// long one gets it only when a part of its bytes has arrived, so that a length alone costs a stranger no memory.
import { MalformedMessage } from './bad-message.js';

const PREFIX_BYTES = 4;
/** Up to this length a frame gets its memory at its first byte. */
const EAGER_BYTES = 64 * 1024;
/** A longer one when a quarter of it is there: at most four bytes are reserved for one received. */
const RESERVE_FACTOR = 4;
const EMPTY = Buffer.alloc(0);

export class FrameReader {
  private chunk: Buffer = EMPTY;
  private position = 0;
  private prefixBytes = 0;
  private length = 0;
  private received = 0;
  private readonly pieces: Buffer[] = [];
  private frame: Buffer | undefined;

  constructor(private readonly maxFrameBytes: number) {}

  /** Whether a frame has begun and is not complete. */
  get midFrame(): boolean {
    return this.prefixBytes > 0 || this.position < this.chunk.length;
  }

  /** Gives the next bytes of the stream; their memory is kept as long as frames in it are. */
  push(chunk: Buffer): void {
    const left = this.chunk.length - this.position;
    this.chunk = left === 0 ? chunk : Buffer.concat([this.chunk.subarray(this.position), chunk]);
    this.position = 0;
  }

  /** The next complete frame without its length; undefined until more bytes come. Throws MalformedMessage for a bad length. */
  next(): Buffer | undefined {
    if (this.prefixBytes < PREFIX_BYTES && !this.readPrefix()) return undefined;
    const end = this.position + this.length;
    if (this.received === 0 && end <= this.chunk.length) {
      const frame = this.chunk.subarray(this.position, end);
      this.position = end;
      this.prefixBytes = 0;
      return frame;
    }
    return this.position < this.chunk.length ? this.gather() : this.release();
  }

  private readPrefix(): boolean {
    const { chunk } = this;
    while (this.prefixBytes < PREFIX_BYTES) {
      if (this.position === chunk.length) {
        this.release();
        return false;
      }
      this.length = (this.length << 8) | chunk[this.position++];
      this.prefixBytes++;
    }
    if (this.length < 0 || this.length > this.maxFrameBytes) {
      const length = this.length >>> 0;
      throw new MalformedMessage(`a frame of ${length} bytes; the limit is ${this.maxFrameBytes}`);
    }
    return true;
  }

  private gather(): Buffer | undefined {
    const bytes = Math.min(this.length - this.received, this.chunk.length - this.position);
    const piece = this.chunk.subarray(this.position, this.position + bytes);
    this.position += bytes;
    if (this.frame === undefined && this.mayReserve(this.received + bytes)) {
      this.frame = Buffer.allocUnsafeSlow(this.length);
      let filled = 0;
      for (const earlier of this.pieces) filled += earlier.copy(this.frame, filled);
      this.pieces.length = 0;
    }
    if (this.frame === undefined) this.pieces.push(piece);
    else piece.copy(this.frame, this.received);
    this.received += bytes;
    if (this.received < this.length) return this.release();
    const { frame } = this;
    this.frame = undefined;
    this.received = 0;
    this.prefixBytes = 0;
    return frame;
  }

  /** Does not keep the memory of a chunk that was used up. */
  private release(): undefined {
    this.chunk = EMPTY;
    this.position = 0;
  }

  private mayReserve(received: number): boolean {
    return this.length <= EAGER_BYTES || received * RESERVE_FACTOR >= this.length;
  }
}
