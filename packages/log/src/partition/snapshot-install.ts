// Takes over a peer's log: reset, then its segments piece by piece, each batch verified as it comes, then the rest of its
// state. What was installed is an ordinary log that ends early, so an install that broke off, even by a crash, goes on
// from its log end. The bytes go to the segments only and are synced before the install counts.
import { BATCH_HEADER_BYTES, batchSizeAt, readBatchHeader, zhumqError } from '@zhumq/model';
import type { Offset, SnapshotState } from '../types.js';
import { MAX_BATCH_BYTES } from './batch-scan.js';
import { decodeProducers } from './derived-files.js';
import { EpochList } from './epoch-list.js';
import type { LogAppender } from './log-append.js';
import { resetLog } from './log-cut.js';
import type { LogState } from './log-state.js';
import { ProducerState } from './producer-state.js';
import type { ProducerTable } from './producer-state.js';

export class SnapshotInstall {
  private readonly epochs: EpochList;
  private readonly producers: ProducerTable;
  private segmentBase: Offset = -1;
  /** First bytes of a batch that the next piece continues. */
  private partial = Buffer.alloc(0);

  /** Begins, or goes on where an earlier try of an equal snapshot ended. Throws DATA_CORRUPT for a state that is none. */
  constructor(
    private readonly state: LogState,
    private readonly appender: LogAppender,
    readonly snapshot: SnapshotState,
  ) {
    const { logStart, epochBeforeStart, epochs } = snapshot;
    if (!EpochList.isOrdered(epochs)) throw refusal(`the epochs of the snapshot are out of order`);
    this.epochs = new EpochList(epochs);
    this.producers = decodeProducers(snapshot.producers);
    if (this.isContinued()) return;
    // A copy that breaks off must know the producers below its start, too: the rest comes by ordinary appends, and a
    // replica without them would take a retry for a new batch.
    resetLog(state, logStart, epochBeforeStart, tableBelow(logStart, this.producers));
    state.seat.wal.syncWithin(0);
  }

  /** Bytes of the segment at `baseOffset`, in order. Batches that the log holds already are passed over. */
  add(baseOffset: Offset, chunk: Buffer): void {
    if (baseOffset !== this.segmentBase) this.enter(baseOffset);
    const bytes = this.partial.length === 0 ? chunk : Buffer.concat([this.partial, chunk]);
    const whole = wholeBatches(bytes, baseOffset);
    this.partial = Buffer.from(bytes.subarray(whole));
    const fresh = this.firstMissing(bytes, whole);
    if (fresh === whole) return;
    const run = bytes.subarray(fresh, whole);
    this.checkEpochs(run);
    if (this.state.logEnd === baseOffset) this.appender.startSegment();
    this.appender.follower(run, { bulk: true });
  }

  /** The segments are complete; takes over epochs and producers. Sync and checkpoint files are the caller's. */
  finish(): void {
    const { state, snapshot } = this;
    if (this.partial.length > 0 || state.logEnd !== snapshot.endOffset) {
      throw refusal(
        `installed up to ${state.logEnd} of ${snapshot.endOffset}, ${this.partial.length} bytes left over`,
      );
    }
    if (state.lastEpoch !== this.epochs.lastEpoch) {
      throw refusal(
        `the last batch has epoch ${state.lastEpoch}, the snapshot ends in ${this.epochs.lastEpoch}`,
      );
    }
    state.producers = new ProducerState({ ...this.producers, offset: snapshot.endOffset });
  }

  private isContinued(): boolean {
    const { state } = this;
    const { logStart, epochBeforeStart, endOffset } = this.snapshot;
    if (state.logStart !== logStart || state.logEnd > endOffset || state.logEnd === logStart)
      return false;
    if (state.epochBeforeStart !== epochBeforeStart) return false;
    // Equal epochs at equal offsets mean equal batches (log matching), so the ends need comparing only.
    return state.epochs.entries
      .filter(({ startOffset }) => startOffset >= logStart)
      .every(
        ({ epoch, startOffset }) =>
          this.epochs.at(startOffset) === epoch && this.begins(epoch, startOffset),
      );
  }

  private begins(epoch: number, startOffset: Offset): boolean {
    return (
      startOffset === this.snapshot.logStart ||
      this.epochs.entries.some(
        (entry) => entry.epoch === epoch && entry.startOffset === startOffset,
      )
    );
  }

  private enter(baseOffset: Offset): void {
    if (this.partial.length > 0) throw refusal(`segment ${this.segmentBase} ended inside a batch`);
    if (baseOffset > this.state.logEnd) {
      throw refusal(`segment ${baseOffset} leaves a gap after ${this.state.logEnd}`);
    }
    this.segmentBase = baseOffset;
  }

  private firstMissing(bytes: Buffer, whole: number): number {
    let position = 0;
    while (position < whole) {
      const { lastOffset, sizeBytes } = readBatchHeader(bytes, position);
      if (lastOffset >= this.state.logEnd) break;
      position += sizeBytes;
    }
    return position;
  }

  private checkEpochs(run: Buffer): void {
    for (let position = 0; position < run.length;) {
      const { baseOffset, epoch, sizeBytes } = readBatchHeader(run, position);
      if (this.epochs.at(baseOffset) !== epoch || baseOffset >= this.snapshot.endOffset) {
        throw refusal(`offset ${baseOffset} has epoch ${epoch}, the snapshot says otherwise`);
      }
      position += sizeBytes;
    }
  }
}

/** Bytes of the whole batches at the front. */
function wholeBatches(bytes: Buffer, baseOffset: Offset): number {
  let position = 0;
  while (bytes.length - position >= BATCH_HEADER_BYTES) {
    const size = batchSizeAt(bytes, position);
    if (size === undefined || size > MAX_BATCH_BYTES) {
      throw refusal(`segment ${baseOffset} has a batch without a valid length`);
    }
    if (position + size > bytes.length) break;
    position += size;
  }
  return position;
}

/** What a table tells of batches before `offset`. */
function tableBelow(offset: Offset, { producers }: ProducerTable): ProducerTable {
  const below = producers
    .map(({ producerId, batches }) => ({
      producerId,
      batches: batches.filter(({ lastOffset }) => lastOffset < offset),
    }))
    .filter(({ batches }) => batches.length > 0);
  const timestamps = below.flatMap(({ batches }) => batches.map(({ timestamp }) => timestamp));
  const maxTimestamp = timestamps.reduce((latest, one) => Math.max(latest, one), -1);
  return { offset, maxTimestamp, producers: below };
}

function refusal(message: string): Error {
  return zhumqError('CORRUPT_BATCH', `snapshot refused: ${message}`);
}
