// The log as this replica may rely on it: what is written (LogReader) and, of that, what is on disk and what is synced.
import type { Epoch, FetchConfig, LogReader, Offset } from './types.js';

export class LogView {
  /**
   * On disk per the flush policy, and synced whatever the policy says.
   * Invariant: synced <= durable <= log end, at all times: a cut lowers both at once, or records that are gone would be
   * counted when an old sync completes (rule 30).
   */
  private durable: Offset;
  private safe: Offset;

  constructor(
    private readonly reader: LogReader,
    config: FetchConfig,
  ) {
    this.durable = Math.min(config.durableEnd, reader.logEnd);
    this.safe = Math.min(config.syncedEnd, this.durable);
  }

  get logStart(): Offset {
    return this.reader.logStart;
  }

  get logEnd(): Offset {
    return this.reader.logEnd;
  }

  get lastEpoch(): Epoch {
    return this.reader.lastEpoch;
  }

  get durableEnd(): Offset {
    return this.durable;
  }

  get syncedEnd(): Offset {
    return this.safe;
  }

  epochAt(offset: Offset): Epoch | undefined {
    return this.reader.epochAt(offset);
  }

  endOfEpoch(epoch: Epoch): { readonly epoch: Epoch; readonly endOffset: Offset } | undefined {
    return this.reader.endOfEpoch(epoch);
  }

  /** False when it tells nothing new, or speaks of records that were cut since. */
  synced(end: Offset, epoch: Epoch): boolean {
    if (end <= this.durable || !this.holds(end, epoch)) return false;
    this.durable = end;
    return true;
  }

  /** A real sync satisfies every flush policy. */
  syncedThrough(end: Offset, epoch: Epoch): boolean {
    if (end <= this.safe || !this.holds(end, epoch)) return false;
    this.safe = end;
    this.durable = Math.max(this.durable, end);
    return true;
  }

  /** Everything from `from` on is being cut. */
  truncated(from: Offset): void {
    this.durable = Math.min(this.durable, from);
    this.safe = Math.min(this.safe, from);
  }

  /** A copy of another log took the place of this one; all of it is synced. */
  replaced(): void {
    this.durable = this.reader.logEnd;
    this.safe = this.reader.logEnd;
  }

  private holds(end: Offset, epoch: Epoch): boolean {
    return end <= this.reader.logEnd && this.reader.epochAt(end - 1) === epoch;
  }
}
