// The log as this replica may rely on it: what is written (LogReader) and, of that, what is on disk.
import { assert } from '@zhumq/base';
import type { LogReader, Offset, Term } from './types.js';

export class LogView {
  /**
   * Last offset known to be on disk.
   * Invariant: at most the last offset, at all times: a cut lowers it at once, or records that are gone would be
   * acknowledged when an old sync completes (rule 30).
   */
  private end: Offset;
  private cuts = 0;

  /** What recovery found is taken as durable: the driver syncs it before it constructs the core. */
  constructor(private readonly reader: LogReader) {
    this.end = reader.lastOffset;
  }

  get startOffset(): Offset {
    return this.reader.startOffset;
  }

  get lastOffset(): Offset {
    return this.reader.lastOffset;
  }

  get lastEpoch(): Term {
    return this.reader.lastEpoch;
  }

  get durable(): Offset {
    return this.end;
  }

  get truncations(): number {
    return this.cuts;
  }

  epochAt(offset: Offset): Term | undefined {
    return this.reader.epochAt(offset);
  }

  endOfEpoch(epoch: Term): { readonly epoch: Term; readonly lastOffset: Offset } | undefined {
    return this.reader.endOfEpoch(epoch);
  }

  /** Whether a log that ends like this holds everything that this one could have helped to commit [Raft §5.4.1]. */
  isNotAheadOf(lastOffset: Offset, lastEpoch: Term): boolean {
    if (lastEpoch !== this.lastEpoch) return lastEpoch > this.lastEpoch;
    return lastOffset >= this.lastOffset;
  }

  /** Takes the report of a completed sync; false when it tells nothing new or speaks of a log that was cut since. */
  synced(offset: Offset, epoch: Term, truncations: number): boolean {
    if (truncations !== this.cuts || offset <= this.end) return false;
    if (offset > this.lastOffset || this.epochAt(offset) !== epoch) return false;
    this.end = offset;
    return true;
  }

  /** Everything from `from` on is being cut. */
  truncated(from: Offset): void {
    this.end = Math.min(this.end, from - 1);
    this.cuts += 1;
  }

  /** Another log took the place of this one, on disk through `durable`. */
  replaced(durable: Offset): void {
    assert(durable <= this.lastOffset, `installed log ends at ${this.lastOffset}, not ${durable}`);
    this.end = durable;
    this.cuts += 1;
  }
}
