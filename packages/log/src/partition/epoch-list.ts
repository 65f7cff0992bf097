// Which epoch begins at which offset. Answers epoch(offset) and end(epoch) in O(log n), also for the record just before
// the log start, whose epoch is kept (rule 25). Written to `leader-epoch-checkpoint` at checkpoints only.
import type { Epoch, EpochStart, Offset } from '../types.js';

export class EpochList {
  /** Rising in both; the first may lie before the log start. */
  private starts: EpochStart[];
  /** Counts changes, so that an unchanged list is not written again. */
  changes = 0;

  constructor(starts: readonly EpochStart[] = []) {
    this.starts = [...starts];
  }

  /** Whether both columns rise, as they do in every list that was written whole. */
  static isOrdered(starts: readonly EpochStart[]): boolean {
    return starts.every(
      ({ epoch, startOffset }, at) =>
        at === 0 || (epoch > starts[at - 1].epoch && startOffset > starts[at - 1].startOffset),
    );
  }

  /** For a log that begins at `logStart` behind a record of that epoch. */
  static before(logStart: Offset, epochBeforeStart: Epoch): EpochList {
    return new EpochList(
      logStart === 0 ? [] : [{ epoch: epochBeforeStart, startOffset: logStart - 1 }],
    );
  }

  get entries(): readonly EpochStart[] {
    return this.starts;
  }

  /** Epoch of the last record known, 0 without any. */
  get lastEpoch(): Epoch {
    return this.starts.length === 0 ? 0 : this.starts[this.starts.length - 1].epoch;
  }

  /** A batch of `epoch` is appended at `offset`; epochs never fall. */
  add(epoch: Epoch, offset: Offset): void {
    if (this.starts.length > 0 && epoch <= this.lastEpoch) return;
    this.starts.push({ epoch, startOffset: offset });
    this.changes++;
  }

  /** Epoch of the record at `offset`, which the caller knows to lie in the log or just before it. */
  at(offset: Offset): Epoch | undefined {
    const entry = this.lastWhere((start) => start.startOffset <= offset);
    return entry < 0 ? undefined : this.starts[entry].epoch;
  }

  /** Largest epoch up to `epoch`, and where it ends. */
  endOf(
    epoch: Epoch,
    logEnd: Offset,
  ): { readonly epoch: Epoch; readonly endOffset: Offset } | undefined {
    const entry = this.lastWhere((start) => start.epoch <= epoch);
    if (entry < 0) return undefined;
    const endOffset = entry + 1 < this.starts.length ? this.starts[entry + 1].startOffset : logEnd;
    return { epoch: this.starts[entry].epoch, endOffset };
  }

  /** Everything from `from` on is removed. */
  cut(from: Offset): void {
    while (this.starts.length > 0 && this.starts[this.starts.length - 1].startOffset >= from) {
      this.starts.pop();
      this.changes++;
    }
  }

  /** The log begins at `logStart` now; the epoch of the record before it is kept. */
  dropBefore(logStart: Offset): void {
    const first = this.lastWhere((start) => start.startOffset <= logStart - 1);
    if (first <= 0) return;
    this.starts = this.starts.slice(first);
    this.changes++;
  }

  /** Last entry for which `holds`; it holds for a prefix of the list. -1: for none. */
  private lastWhere(holds: (start: EpochStart) => boolean): number {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(this.starts[middle])) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
