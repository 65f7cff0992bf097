// The next record of any partition, fairly: each gives a run of them, then the next one is asked. And the place where
// readers wait for more.
import type { ZhumqError } from '@zhumq/base';
import type { DecodedRecord } from '@zhumq/model';
import type { PartitionReader } from './partition-reader.js';

/** Records that one partition gives in a row. */
const RUN_LENGTH = 100;

export interface SourceItem {
  readonly reader: PartitionReader;
  readonly record: DecodedRecord;
}

export class RecordSource {
  readonly readers: PartitionReader[] = [];
  private turn = 0;
  private given = 0;
  private waiters: (() => void)[] = [];
  /** What all reading ends with. */
  failure: ZhumqError | undefined;
  /** False while nothing may be given: whose the partitions are is in doubt. */
  open: () => boolean = () => true;
  private readonly more = (): void => this.notify();

  /** The next record, left where it is. Throws what a partition's reading ends with. */
  next(eligible?: (reader: PartitionReader) => boolean): SourceItem | undefined {
    const { readers } = this;
    if (this.failure !== undefined) throw this.failure;
    if (!this.open()) return undefined;
    if (this.given >= RUN_LENGTH) this.turnTo(this.turn + 1);
    for (let step = 0; step < readers.length; step++) {
      const reader = readers[this.turn % readers.length];
      if (!reader.paused && !reader.leaving && (eligible === undefined || eligible(reader))) {
        const record = reader.peek(this.more);
        if (record !== undefined) {
          this.given++;
          return { reader, record };
        }
      }
      this.turnTo(this.turn + 1);
    }
    return undefined;
  }

  /** Takes a reader out. */
  remove(reader: PartitionReader): void {
    const index = this.readers.indexOf(reader);
    if (index >= 0) this.readers.splice(index, 1);
  }

  /** Resolves at the next notify(). */
  wait(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** There may be more to read, or a reason to stop. */
  notify(): void {
    if (this.waiters.length === 0) return;
    const { waiters } = this;
    this.waiters = [];
    for (const tell of waiters) tell();
  }

  private turnTo(turn: number): void {
    this.turn = turn % Math.max(1, this.readers.length);
    this.given = 0;
  }
}
