// The time index of a segment: largest timestamp so far -> the batch that has it. In memory it has the bytes of the file
// (`<base>.timeindex`, Kafka's layout, big-endian), rising in both columns:
//
//   0 i64  largest timestamp of the segment up to and with that batch, milliseconds
//   8 i32  last offset of that batch, relative to the segment's base
//  12      next entry
//
// The last entry of a sealed segment holds its largest timestamp. Derived, as the offset index is.
import { readSafeI64, writeI64 } from '@zhumq/model';

const ENTRY_BYTES = 12;
const NO_BYTES = Buffer.alloc(0);

export class TimeIndex {
  private constructor(
    readonly base: number,
    private bytes: Buffer,
    private used: number,
  ) {}

  static empty(base: number): TimeIndex {
    return new TimeIndex(base, NO_BYTES, 0);
  }

  /** From the bytes of a file; undefined when they can not be the time index of a segment that ends at `endOffset`. */
  static decode(base: number, bytes: Buffer, endOffset: number): TimeIndex | undefined {
    if (bytes.length % ENTRY_BYTES !== 0) return undefined;
    const index = new TimeIndex(base, bytes, bytes.length);
    let before = { timestamp: -Infinity, offset: base - 1 };
    for (let entry = 0; entry < index.count; entry++) {
      const { timestamp, offset } = index.entryAt(entry);
      // Written so that NaN (no safe integer) fails.
      if (!(timestamp > before.timestamp && offset > before.offset)) return undefined;
      before = { timestamp, offset };
    }
    return before.offset < endOffset ? index : undefined;
  }

  get count(): number {
    return this.used / ENTRY_BYTES;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  /** Does nothing unless the timestamp is larger than that of the last entry. */
  maybeAppend(timestamp: number, lastOffset: number): void {
    const last = this.last();
    if (last !== undefined && (timestamp <= last.timestamp || lastOffset <= last.offset)) return;
    if (this.used === this.bytes.length) {
      const grown = Buffer.alloc(Math.max(4 * ENTRY_BYTES, this.used * 2));
      this.bytes.copy(grown, 0, 0, this.used);
      this.bytes = grown;
    }
    writeI64(this.bytes, this.used, timestamp);
    this.bytes.writeInt32BE(lastOffset - this.base, this.used + 8);
    this.used += ENTRY_BYTES;
  }

  /** An offset up to which every batch is older than `timestamp`; the segment's base when none is known. */
  floor(timestamp: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.entryAt(middle).timestamp >= timestamp) high = middle;
      else low = middle + 1;
    }
    return low === 0 ? this.base : this.entryAt(low - 1).offset + 1;
  }

  last(): { readonly timestamp: number; readonly offset: number } | undefined {
    return this.used === 0 ? undefined : this.entryAt(this.count - 1);
  }

  entryAt(entry: number): { readonly timestamp: number; readonly offset: number } {
    const at = entry * ENTRY_BYTES;
    return {
      timestamp: readSafeI64(this.bytes, at),
      offset: this.bytes.readInt32BE(at + 8) + this.base,
    };
  }

  /** Removes the entries of batches from `offset` on. */
  cut(offset: number): void {
    while (this.used > 0 && this.entryAt(this.count - 1).offset >= offset) this.used -= ENTRY_BYTES;
  }

  encode(): Buffer {
    return this.bytes.subarray(0, this.used);
  }
}
