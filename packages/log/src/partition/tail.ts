// Recently appended bytes, kept in memory for followers and consumers at the end of a log: reads of them are synchronous
// and copy nothing. One budget bounds the tails of all partitions; the oldest bytes of the broker go first. Bytes that
// are not in their segment file yet never go: nobody else has them.
import type { LogSlice, Offset } from '../types.js';
import { batchesWithin } from './batch-run.js';

/** What one append brought: whole batches, one after the other. */
export interface TailEntry {
  readonly buffer: Buffer;
  readonly firstOffset: Offset;
  readonly endOffset: Offset;
  /** Where they stand (or will stand). */
  readonly segmentBase: Offset;
  readonly position: number;
}

export class Tail {
  private entries: TailEntry[] = [];
  /** Entries before this one were evicted. */
  private head = 0;
  /** Everything below is in segment files. */
  private writtenEnd: Offset = 0;

  constructor(private readonly budget: TailBudget) {}

  append(entry: TailEntry): void {
    this.entries.push(entry);
    this.budget.add(this, entry.buffer.length);
  }

  markWritten(end: Offset): void {
    this.writtenEnd = end;
  }

  /** The entry that holds `offset`. */
  find(offset: Offset): TailEntry | undefined {
    const at = this.indexOf(offset);
    return at < 0 ? undefined : this.entries[at];
  }

  /** The entry with the byte at that position of a segment. */
  findAt(segmentBase: Offset, position: number): TailEntry | undefined {
    for (let at = this.entries.length - 1; at >= this.head; at--) {
      const entry = this.entries[at];
      if (entry.segmentBase !== segmentBase || entry.position > position) continue;
      return position < entry.position + entry.buffer.length ? entry : undefined;
    }
    return undefined;
  }

  /** Whole batches from the one that holds `from`, below `end`; undefined when `from` is not in memory. */
  read(from: Offset, end: Offset, maxBytes: number): LogSlice | undefined {
    const first = this.indexOf(from);
    if (first < 0) return undefined;
    const buffers: Buffer[] = [];
    let bytes = 0;
    let firstOffset = from;
    let endOffset = from;
    for (let at = first; at < this.entries.length && bytes < maxBytes; at++) {
      const entry = this.entries[at];
      const whole = at > first && entry.endOffset <= end && bytes + entry.buffer.length <= maxBytes;
      const run = whole
        ? { ...entry, bytes: entry.buffer.length }
        : batchesWithin(entry.buffer, at === first ? from : entry.firstOffset, {
            end,
            maxBytes: maxBytes - bytes,
            atLeastOne: at === first,
          });
      if (run === undefined) break;
      buffers.push(run.buffer);
      if (at === first) firstOffset = run.firstOffset;
      endOffset = run.endOffset;
      bytes += run.buffer.length;
      if (run.endOffset < entry.endOffset) break;
    }
    return { buffers, bytes, firstOffset, endOffset };
  }

  /** Everything from `from` on is removed from the log. */
  cut(from: Offset): void {
    while (this.entries.length > this.head) {
      const last = this.entries[this.entries.length - 1];
      if (last.endOffset <= from) break;
      this.entries.pop();
      this.budget.remove(last.buffer.length);
      if (last.firstOffset >= from) continue;
      const kept = batchesWithin(last.buffer, last.firstOffset, { end: from, maxBytes: Infinity });
      if (kept !== undefined) {
        this.append({ ...last, buffer: kept.buffer, endOffset: kept.endOffset });
      }
      break;
    }
    this.writtenEnd = Math.min(this.writtenEnd, from);
  }

  /** The log begins anew at `end`. */
  reset(end: Offset): void {
    this.clear();
    this.writtenEnd = end;
  }

  clear(): void {
    for (let at = this.head; at < this.entries.length; at++) {
      this.budget.remove(this.entries[at].buffer.length);
    }
    this.entries = [];
    this.head = 0;
  }

  /** Bytes given up; undefined when the oldest entry must stay for now. */
  evictOldest(): number | undefined {
    if (this.head === this.entries.length) return 0;
    const oldest = this.entries[this.head];
    if (oldest.endOffset > this.writtenEnd) return undefined;
    this.head++;
    if (this.head * 2 >= this.entries.length) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
    return oldest.buffer.length;
  }

  private indexOf(offset: Offset): number {
    let low = this.head;
    let high = this.entries.length;
    if (low === high || offset < this.entries[low].firstOffset) return -1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.entries[middle].firstOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return offset < this.entries[low - 1].endOffset ? low - 1 : -1;
  }
}

/** Bytes that all tails of a broker may hold together. */
export class TailBudget {
  private used = 0;
  /** Owners of entries in order of their appends. A cut leaves places behind that find nothing to evict. */
  private order: Tail[] = [];
  private head = 0;

  constructor(private readonly limitBytes: number) {}

  get usedBytes(): number {
    return this.used;
  }

  add(tail: Tail, bytes: number): void {
    this.used += bytes;
    this.order.push(tail);
    if (this.used > this.limitBytes) this.evict();
  }

  remove(bytes: number): void {
    this.used -= bytes;
  }

  private evict(): void {
    while (this.used > this.limitBytes && this.head < this.order.length) {
      const bytes = this.order[this.head].evictOldest();
      if (bytes === undefined) break;
      this.used -= bytes;
      this.head++;
    }
    if (this.head > 1024 && this.head * 2 >= this.order.length) {
      this.order = this.order.slice(this.head);
      this.head = 0;
    }
  }
}
