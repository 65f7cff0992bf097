// Runs of the log that wait for an acknowledgement or a commit, oldest first, with their bytes: a queue in two arrays
// that are reused, so that a message or a proposal costs no allocation.
import type { Offset } from './types.js';

export class SpanQueue {
  // Invariant: offsets grow from first to last; both arrays have the same length; `first` is inside them or at their end.
  private readonly offsets: Offset[] = [];
  private readonly sizes: number[] = [];
  private first = 0;
  private total = 0;

  get count(): number {
    return this.offsets.length - this.first;
  }

  get bytes(): number {
    return this.total;
  }

  add(lastOffset: Offset, bytes: number): void {
    this.offsets.push(lastOffset);
    this.sizes.push(bytes);
    this.total += bytes;
  }

  /** Releases every span that ends at or before `offset`. */
  releaseThrough(offset: Offset): void {
    while (this.count > 0 && (this.offsets[this.first] ?? 0) <= offset) this.releaseFirst();
  }

  releaseFirst(): void {
    if (this.count === 0) return;
    this.total -= this.sizes[this.first] ?? 0;
    this.first += 1;
    const mostlyReleased = this.first >= 64 && this.first * 2 >= this.offsets.length;
    if (this.count === 0 || mostlyReleased) this.compact();
  }

  clear(): void {
    this.first = this.offsets.length;
    this.total = 0;
    this.compact();
  }

  private compact(): void {
    this.offsets.splice(0, this.first);
    this.sizes.splice(0, this.first);
    this.first = 0;
  }
}
