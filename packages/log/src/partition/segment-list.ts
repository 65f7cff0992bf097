// The segments of a log in order, the last one taking appends. Lookup by binary search.
import type { Offset } from '../types.js';
import type { Segment } from './segment.js';

export class SegmentList {
  private items: Segment[];

  constructor(segments: readonly Segment[] = []) {
    this.items = [...segments];
  }

  get all(): readonly Segment[] {
    return this.items;
  }

  /** The one that takes appends. */
  get active(): Segment | undefined {
    return this.items[this.items.length - 1];
  }

  get bytes(): number {
    return this.items.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  push(segment: Segment): void {
    this.items.push(segment);
  }

  /** The segment that holds `offset`, or would if it ended later. */
  holding(offset: Offset): Segment | undefined {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.items[middle].base <= offset) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? undefined : this.items[low - 1];
  }

  after(segment: Segment): Segment | undefined {
    return this.items[this.items.indexOf(segment) + 1];
  }

  has(segment: Segment): boolean {
    return this.items.includes(segment);
  }

  /** Removes the segments whose first offset is `from` or larger, and returns them. */
  removeFrom(from: Offset): readonly Segment[] {
    const kept = this.items.filter((segment) => segment.base < from);
    const removed = this.items.slice(kept.length);
    this.items = kept;
    return removed;
  }

  /** Removes the segments before the one with that base, and returns them. */
  removeBefore(base: Offset): readonly Segment[] {
    const removed = this.items.filter((segment) => segment.base < base);
    this.items = this.items.slice(removed.length);
    return removed;
  }
}
