// Carries out retention: the log start moves, its frame becomes durable, then files go (rule 25). Cut off in between, the
// next start finds a log start and removes what lies below.
import type { Offset } from '../types.js';
import type { LogState } from './log-state.js';
import type { LogSync } from './log-sync.js';
import type { PendingStates } from './pending-states.js';
import { expiredSegments, segmentsBelow } from './retention.js';

/** How many segments from the front may go; asked again after a wait. */
type Count = () => number;

export class RetentionRun {
  private isRunning = false;
  /** One deletion after the other. */
  private last: Promise<void> = Promise.resolve();

  constructor(
    private readonly state: LogState,
    private readonly pending: PendingStates,
    private readonly synced: LogSync,
  ) {}

  async run(nowMs: number): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      await this.inTurn(() => this.countExpired(nowMs));
    } finally {
      this.isRunning = false;
    }
  }

  deleteBefore(offset: Offset): Promise<void> {
    const { state } = this;
    return this.inTurn(() => segmentsBelow(state.segments.all, Math.min(offset, state.stableEnd)));
  }

  private inTurn(count: Count): Promise<void> {
    const turn = this.last.then(() => this.deleteFront(count));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async deleteFront(countNow: Count): Promise<void> {
    const { state } = this;
    if (state.failure !== undefined || !state.isOpen || countNow() === 0) return;
    // What the batches that go tell of producers is in a snapshot first (rule 26).
    state.bytesSinceDerived = Infinity;
    await this.synced.run();
    const count = countNow();
    if (count === 0 || state.failure !== undefined || !state.isOpen) return;
    const logStart = state.segments.all[count].base;
    const epochBeforeStart = state.epochs.at(logStart - 1) ?? 0;
    state.logStart = logStart;
    state.epochs.dropBefore(logStart);
    const removed = state.segments.removeBefore(logStart);
    const sequence = state.nextSequence();
    state.seat.wal.write({ kind: 'logStart', sequence, logStart, epochBeforeStart, reset: false });
    await this.pending.durable(sequence);
    state.writer.unlink(removed);
  }

  private countExpired(nowMs: number): number {
    const { retentionMs, retentionBytes } = this.state.config;
    const segments = this.state.segments.all;
    if (retentionMs >= 0) for (const segment of segments.slice(0, -1)) this.learnTimestamp(segment);
    const highWatermark = this.state.stableEnd;
    return expiredSegments({ segments, highWatermark, nowMs, retentionMs, retentionBytes });
  }

  /** Of a segment sealed in an earlier run: its time index knows. */
  private learnTimestamp(segment: (typeof this.state.segments.all)[number]): void {
    if (segment.maxTimestamp !== undefined) return;
    segment.maxTimestamp = this.state.indexesOf(segment).times.last()?.timestamp;
  }
}
