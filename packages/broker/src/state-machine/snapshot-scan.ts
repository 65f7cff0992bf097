// Looks through what is committed for snapshots of the state, on every replica: knows the last whole one, and lets the log
// before it go (decision 0015). By headers: records are not read.
import type { Logger } from '@zhumq/base';
import type { LogSlice } from '@zhumq/log';
import { isError } from '@zhumq/model';
import type { Partition } from '../partition/partition.js';
import { SLICE_BYTES, batchesOf, nextTurn } from './committed-batches.js';
import type { CommittedBatch } from './committed-batches.js';

/** A whole snapshot in the log. */
export interface SnapshotRange {
  readonly beginOffset: number;
  /** After the batch that ends it. */
  readonly endOffset: number;
}

export class SnapshotScan {
  private scannedEnd: number;
  private lastRange: SnapshotRange | undefined;
  /** Begun, and not ended yet. */
  private begun: { readonly offset: number; readonly epoch: number } | undefined;
  private isRunning = false;
  private running: Promise<void> = Promise.resolve();
  /** The log before was let go. */
  private letGoEnd = 0;

  constructor(
    private readonly partition: Partition,
    private readonly logger: Logger,
  ) {
    this.scannedEnd = partition.log.logStart;
  }

  /**
   * The last snapshot below the high watermark, after everything there was looked at, or when the answer is not wanted any
   * more. Rejects as reads do.
   */
  async latest(isWanted: () => boolean): Promise<SnapshotRange | undefined> {
    const end = this.partition.highWatermark;
    while (this.scannedEnd < end && isWanted()) {
      await this.advance();
      await nextTurn();
    }
    return this.lastRange;
  }

  /** More may be committed, or more of it on disk. */
  wake(): void {
    if (!this.isRunning && this.scannedEnd < this.partition.highWatermark) {
      this.advance().catch((error: unknown) => {
        this.handleFailedRead(error);
      });
    }
    this.maybeLetGo();
  }

  private advance(): Promise<void> {
    if (!this.isRunning) this.running = this.run();
    return this.running;
  }

  private async run(): Promise<void> {
    const { partition } = this;
    this.isRunning = true;
    try {
      for (let slices = 0; partition.isOpen; slices++) {
        if (slices > 0) await nextTurn();
        const { log, highWatermark } = partition;
        // A copy of the leader's segments took the place of this log.
        if (log.logStart > this.scannedEnd) this.beginAt(log.logStart);
        if (this.scannedEnd >= highWatermark) break;
        const read = log.read(this.scannedEnd, highWatermark, SLICE_BYTES);
        const slice = read instanceof Promise ? await read : read;
        // Such a copy is under way: what is committed is not all here.
        if (slice.bytes === 0) break;
        this.look(slice);
      }
    } finally {
      // In the turn in which it was seen that nothing is left, or a wake in between would be lost.
      this.isRunning = false;
    }
    this.maybeLetGo();
  }

  private look(slice: LogSlice): void {
    // Where a copy began while the disk was read, this is of no more use.
    if (slice.endOffset <= this.scannedEnd) return;
    for (const batch of batchesOf(slice)) this.see(batch);
    this.scannedEnd = slice.endOffset;
  }

  private see({ header, control }: CommittedBatch): void {
    const { epoch, baseOffset, lastOffset } = header;
    if (this.begun?.epoch !== epoch) this.begun = undefined;
    if (control?.kind === 'stateSnapshotBegin') {
      this.begun = { offset: baseOffset, epoch };
    } else if (control?.kind === 'stateSnapshotEnd') {
      const { beginOffset } = control.body;
      if (this.begun?.offset !== beginOffset) return;
      this.lastRange = { beginOffset, endOffset: lastOffset + 1 };
      this.begun = undefined;
    }
  }

  private beginAt(offset: number): void {
    this.scannedEnd = offset;
    this.lastRange = undefined;
    this.begun = undefined;
  }

  /** Not before the end of the snapshot is on this replica's own disk. */
  private maybeLetGo(): void {
    const { lastRange: range, partition, logger } = this;
    const { log } = partition;
    if (range === undefined || !partition.isOpen) return;
    if (range.beginOffset <= this.letGoEnd || range.endOffset > log.highWatermark) return;
    this.letGoEnd = range.beginOffset;
    letGo(() => log.deleteBefore(range.beginOffset)).catch((error: unknown) => {
      if (!isToldElsewhere(error))
        logger.error({ err: error, ...partition.name }, 'could not shorten the log');
    });
  }

  private handleFailedRead(error: unknown): void {
    // Reset for a copy while it was read: there is more to see when the copy is complete.
    if (isToldElsewhere(error) || isError(error, 'OFFSET_OUT_OF_RANGE')) return;
    this.logger.error(
      { err: error, ...this.partition.name },
      'the log could not be searched for snapshots of the state; it will not be shortened',
    );
  }
}

async function letGo(deletion: () => Promise<void>): Promise<void> {
  await deletion();
}

/** The log is closed or out of service, which its owner was told. */
function isToldElsewhere(error: unknown): boolean {
  return isError(error, 'LOG_CLOSED') || isError(error, 'REPLICA_FAILED');
}
