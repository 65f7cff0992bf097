// The bytes of the write-ahead log: gathers frames, writes them in one go, syncs what was written, knows what is durable.
// Who waits for what is not known here (group-commit.ts).
//
// A write is   WriteFrame {durable position} | frames of one tick ...   at the end of one file; files follow each other
// when one is full. Invariant: durable <= written; both only grow.
//
// After a failed write or sync nothing more is written, synced or called durable: the kernel may have dropped the pages
// of a failed sync and would report success for the next one, with a hole in the middle that ends every replay (rule 7).
import { assert } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import type { StoreMetrics } from './store-metrics.js';
import { fileSeal, sealFrame } from './wal-frame.js';
import type { UnsealedFrame } from './wal-frame.js';
import type { WalFile, WalFiles } from './wal-files.js';
import { WAL_BEGINNING } from './wal-position.js';
import type { WalPosition } from './wal-position.js';
import { layOutWriteFrame } from './write-frame.js';

export interface WalWriterOptions {
  readonly directoryId: string;
  readonly files: WalFiles;
  readonly clock: Clock;
  readonly metrics: StoreMetrics;
}

export class WalWriter {
  private gathered: UnsealedFrame[] = [];
  private gatheredBytes = 0;
  private unsyncedBytes = 0;
  private file: WalFile;
  private seal: number;
  private offset = 0;
  private previousEnd = 0;
  /** Files with writes that no finished sync covers; the present one is the last. */
  private unsynced = new Set<WalFile>();
  /** Full files that are still open. */
  private full: WalFile[] = [];
  private syncedPosition: WalPosition = WAL_BEGINNING;
  private claiming = false;
  private failure: unknown;
  /** Bytes ever written; checkpoints are due by it. */
  bytesWritten = 0;

  constructor(private readonly options: WalWriterOptions) {
    this.file = options.files.current;
    this.seal = fileSeal(options.directoryId, this.file.number);
  }

  /** Where the next write goes; everything before it was written. */
  get position(): WalPosition {
    return { file: this.file.number, offset: this.offset };
  }

  /** What a write may call durable; nothing before `startClaims`. */
  get durable(): WalPosition {
    return this.claiming ? this.syncedPosition : WAL_BEGINNING;
  }

  /**
   * The first checkpoint of this life is durable. Until then a start begins with what an earlier life left, whose end is
   * not known to be followed by this life's files: a claim would make its torn tail look like corruption.
   */
  startClaims(): void {
    this.claiming = true;
  }

  /** Bytes that are in memory or in the page cache only. */
  get pendingBytes(): number {
    return this.gatheredBytes + this.unsyncedBytes;
  }

  gather(frame: UnsealedFrame): void {
    this.gathered.push(frame);
    this.gatheredBytes += frame.bytes;
  }

  /** Writes what was gathered; with `mark` also when that is nothing, to leave the durable position behind. Throws. */
  write(mark = false): void {
    if (this.gathered.length === 0 && !mark) return;
    this.assertAlive();
    const frames = this.gathered;
    const { durable } = this;
    const size = this.gatheredBytes + layOutWriteFrame({ durable, previousEnd: 0 }).bytes;
    this.enter(this.options.files.fileFor(this.offset, size));
    const first = layOutWriteFrame({ durable, previousEnd: this.previousEnd });
    const buffers: Buffer[] = [];
    for (const frame of [first, ...frames]) {
      sealFrame(frame, this.seal);
      for (const buffer of frame.buffers) buffers.push(buffer);
    }
    this.gathered = [];
    this.gatheredBytes = 0;
    try {
      this.file.handle.writeSync(buffers, this.offset);
    } catch (error) {
      this.failure = error;
      throw error;
    }
    this.offset += size;
    this.bytesWritten += size;
    this.unsyncedBytes += size;
    this.unsynced.add(this.file);
    this.options.metrics.walWritten?.(size, frames.length);
  }

  /** Makes durable what was written before the call. One at a time. */
  async sync(): Promise<void> {
    this.assertAlive();
    const { clock, metrics } = this.options;
    const covered = this.position;
    const bytes = this.unsyncedBytes;
    const files = [...this.unsynced];
    // Writes that happen during the sync are not covered; their file must be synced again.
    this.unsynced = new Set();
    this.unsyncedBytes = 0;
    const startedMs = clock.monotonicMs();
    try {
      if (files.length === 1) await files[0].handle.sync();
      else await Promise.all(files.map((file) => file.handle.sync()));
    } catch (error) {
      this.failure = error;
      throw error;
    }
    // Another failure (of a write) during the sync: nothing counts any more.
    this.assertAlive();
    this.syncedPosition = covered;
    metrics.walSynced?.(clock.monotonicMs() - startedMs, bytes);
  }

  /** A checkpoint is durable that needs nothing below file `number` (rule 5). */
  release(number: number): void {
    for (const file of this.full) if (file.number < number) file.handle.closeSync();
    this.full = this.full.filter((file) => file.number >= number);
    this.options.files.release(number);
  }

  /** Nothing is written any more; closes the files as they are. */
  async close(): Promise<void> {
    this.failure ??= new Error('the write-ahead log was closed');
    await this.options.files.settled();
    this.options.files.closeAll(this.full);
    this.full = [];
  }

  private enter(file: WalFile): void {
    if (file === this.file) return;
    this.full.push(this.file);
    this.previousEnd = this.offset;
    this.file = file;
    this.offset = 0;
    this.seal = fileSeal(this.options.directoryId, file.number);
  }

  private assertAlive(): void {
    assert(this.failure === undefined, `the write-ahead log has failed: ${String(this.failure)}`);
  }
}
