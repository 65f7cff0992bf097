// Up to where a log is on disk. The end is contiguous (rule 8): a write counts when its frame and all frames before it
// are through. Completions carry write sequences, never offsets: after a truncation an offset means other bytes, and a
// late completion of the old ones must not confirm the new ones (ABA).
import type { Offset } from '../types.js';

interface Write {
  readonly sequence: number;
  endOffset: Offset;
  /** Its bytes stand only in a segment, and its frame counts when it is written. */
  readonly direct: boolean;
}

/** Where the log ended when a sync of everything was asked for; a cut lowers it. */
export interface SyncMark {
  end: Offset;
}

export class Durability {
  /** End of what the write-ahead log (or, for direct appends, the page cache) has. */
  private confirmedEnd: Offset;
  /** Of these, the end of what synced frames account for: recovery ends a log there, whatever the segments hold (rule 9). */
  private framesEnd: Offset;
  private readonly marks = new Set<SyncMark>();
  /** Appends under way, oldest first; those before `head` are done. */
  private writes: Write[] = [];
  private head = 0;
  /** First offset that stands only unsynced in a segment: a direct append since the last sync. */
  private unsyncedFrom: Offset | undefined;
  /** The same, for direct appends that the sync under way makes durable. */
  private syncingFrom: Offset | undefined;

  /** After recovery: what the files hold, and up to where it was certainly synced. */
  constructor(end: Offset, unsyncedFrom?: Offset, framesEnd = end) {
    this.confirmedEnd = end;
    this.framesEnd = framesEnd;
    this.unsyncedFrom = unsyncedFrom;
  }

  /** Contiguous durable end: per policy, written bytes count (`interval`, `os`), or only synced ones do. */
  end(written: boolean): Offset {
    if (written) return this.confirmedEnd;
    return Math.min(this.framesEnd, this.syncingFrom ?? Infinity, this.unsyncedFrom ?? Infinity);
  }

  get hasUnsynced(): boolean {
    return this.unsyncedFrom !== undefined;
  }

  /** A sync of the frames is not enough: bytes stand only in segments, unsynced. */
  get needsSegments(): boolean {
    return this.unsyncedFrom !== undefined || this.syncingFrom !== undefined;
  }

  append(sequence: number, firstOffset: Offset, endOffset: Offset, direct: boolean): void {
    this.writes.push({ sequence, endOffset, direct });
    if (direct) this.unsyncedFrom ??= firstOffset;
  }

  /** All frames up to `sequence` are through. */
  complete(sequence: number): void {
    while (this.head < this.writes.length && this.writes[this.head].sequence <= sequence) {
      const { endOffset, direct } = this.writes[this.head];
      // An entry that was cut may end below one before it.
      this.confirmedEnd = Math.max(this.confirmedEnd, endOffset);
      // Frames are synced in order: with this one all those before it were.
      if (!direct) this.framesEnd = this.confirmedEnd;
      this.head++;
    }
    if (this.head === this.writes.length) {
      this.writes.length = 0;
      this.head = 0;
    } else if (this.head > 256) {
      this.writes = this.writes.slice(this.head);
      this.head = 0;
    }
  }

  /** Everything from `from` on is gone; what is under way there confirms no more than the cut. */
  cut(from: Offset): void {
    this.confirmedEnd = Math.min(this.confirmedEnd, from);
    this.framesEnd = Math.min(this.framesEnd, from);
    for (const mark of this.marks) mark.end = Math.min(mark.end, from);
    for (let at = this.head; at < this.writes.length; at++) {
      const write = this.writes[at];
      write.endOffset = Math.min(write.endOffset, from);
    }
    if (this.unsyncedFrom !== undefined && this.unsyncedFrom >= from) this.unsyncedFrom = undefined;
    if (this.syncingFrom !== undefined && this.syncingFrom >= from) this.syncingFrom = undefined;
  }

  /** The log begins anew at `offset`: nothing that is under way counts. */
  reset(offset: Offset): void {
    this.confirmedEnd = offset;
    this.framesEnd = offset;
    for (const mark of this.marks) mark.end = 0;
    this.writes = [];
    this.head = 0;
    this.unsyncedFrom = undefined;
    this.syncingFrom = undefined;
  }

  /** A sync of segments and frames is asked for, of a log that ends at `end`. */
  mark(end: Offset): SyncMark {
    const mark = { end };
    this.marks.add(mark);
    return mark;
  }

  /** The frames up to the mark are on disk, or a checkpoint that stands for them. */
  reached(mark: SyncMark): void {
    if (!this.marks.delete(mark)) return;
    this.framesEnd = Math.max(this.framesEnd, Math.min(mark.end, this.confirmedEnd));
  }

  /** A sync of everything written so far begins. */
  syncBegan(): void {
    this.syncingFrom ??= this.unsyncedFrom;
    this.unsyncedFrom = undefined;
  }

  /** It succeeded. After one that failed nothing counts any more: the replica is out of service. */
  syncEnded(): void {
    this.syncingFrom = undefined;
  }
}
