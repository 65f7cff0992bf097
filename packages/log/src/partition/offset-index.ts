// The sparse index of a segment: offset -> position in the file, about one entry per `index.interval.bytes`.
// In memory it has the bytes of the file (`<base>.index`, Kafka's layout, big-endian), sorted by both columns:
//
//   0 i32  last offset of a batch, relative to the segment's base
//   4 i32  position of that batch
//   8      next entry
//
// The start of the segment has no entry. The file is derived: it is checked when read and made again when damaged.
const ENTRY_BYTES = 8;
const NO_BYTES = Buffer.alloc(0);

export class OffsetIndex {
  private constructor(
    readonly base: number,
    private bytes: Buffer,
    private used: number,
  ) {}

  static empty(base: number): OffsetIndex {
    return new OffsetIndex(base, NO_BYTES, 0);
  }

  /** From the bytes of a file; undefined when they can not be the index of a segment of that size. */
  static decode(base: number, bytes: Buffer, segmentBytes: number): OffsetIndex | undefined {
    if (bytes.length % ENTRY_BYTES !== 0) return undefined;
    const index = new OffsetIndex(base, bytes, bytes.length);
    let offset = -1;
    let position = 0;
    for (let entry = 0; entry < index.count; entry++) {
      if (index.relativeOffset(entry) <= offset || index.position(entry) <= position)
        return undefined;
      offset = index.relativeOffset(entry);
      position = index.position(entry);
    }
    return position < Math.max(segmentBytes, 1) ? index : undefined;
  }

  get count(): number {
    return this.used / ENTRY_BYTES;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  append(lastOffset: number, position: number): void {
    if (this.used === this.bytes.length) {
      const grown = Buffer.alloc(Math.max(8 * ENTRY_BYTES, this.used * 2));
      this.bytes.copy(grown, 0, 0, this.used);
      this.bytes = grown;
    }
    this.bytes.writeInt32BE(lastOffset - this.base, this.used);
    this.bytes.writeInt32BE(position, this.used + 4);
    this.used += ENTRY_BYTES;
  }

  /** A position at or before the batch that holds `offset`: that of the last entry which does not lie behind it. */
  floor(offset: number): number {
    const entry = this.firstEntry((at) => this.relativeOffset(at) + this.base > offset) - 1;
    return entry < 0 ? 0 : this.position(entry);
  }

  /** Position of the first indexed batch at or after `position`. */
  ceiling(position: number): number | undefined {
    const entry = this.firstEntry((at) => this.position(at) >= position);
    return entry === this.count ? undefined : this.position(entry);
  }

  /** Last offset of the indexed batch that begins at `position`. */
  lastOffsetAt(position: number): number | undefined {
    const entry = this.firstEntry((at) => this.position(at) >= position);
    if (entry === this.count || this.position(entry) !== position) return undefined;
    return this.relativeOffset(entry) + this.base;
  }

  entryAt(entry: number): { readonly offset: number; readonly position: number } {
    return { offset: this.relativeOffset(entry) + this.base, position: this.position(entry) };
  }

  /** Removes the entries of batches from `position` on. */
  cut(position: number): void {
    this.used = this.firstEntry((at) => this.position(at) >= position) * ENTRY_BYTES;
  }

  encode(): Buffer {
    return this.bytes.subarray(0, this.used);
  }

  /** Binary search: the first entry that is beyond, `count` when none is. */
  private firstEntry(isBeyond: (entry: number) => boolean): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBeyond(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private relativeOffset(entry: number): number {
    return this.bytes.readInt32BE(entry * ENTRY_BYTES);
  }

  private position(entry: number): number {
    return this.bytes.readInt32BE(entry * ENTRY_BYTES + 4);
  }
}
