// Feeds committed batches to a state machine, each once and in order, from the last whole snapshot on. Of snapshots only
// that first one is applied: the records of a later one say what the state is already, and those of one that was never
// ended (its leader lost its office) say nothing.
import type { LogSlice } from '@zhumq/log';
import { decodeRecords, zhumqError } from '@zhumq/model';
import type { ControlRecord } from '@zhumq/model';
import { batchesOf } from './committed-batches.js';
import type { CommittedBatch } from './committed-batches.js';
import type { SnapshotRange } from './snapshot-scan.js';
import type { StateMachine } from './state-machine.js';

/** Batches of ours are not compressed, so this bounds what nobody wrote. */
const MAX_BATCH_BYTES = 2 ** 26;

/** Records between a begin and its end. */
interface Passage {
  readonly beginOffset: number;
  readonly epoch: number;
  /** Applied: the snapshot that the state begins with. */
  readonly isBase: boolean;
  records: number;
  bytes: number;
}

export class Applier {
  /** Everything below is applied. */
  position: number;
  /** Bytes of log since the last whole snapshot. */
  bytesSinceSnapshot = 0;
  /** Size of that snapshot. */
  snapshotBytes = 0;
  private passage: Passage | undefined;

  /** Resets the machine. Throws DATA_CORRUPT for a log whose beginning is missing. */
  constructor(
    private readonly machine: StateMachine,
    private readonly base: SnapshotRange | undefined,
    logStart: number,
  ) {
    if (base === undefined && logStart > 0) {
      throw zhumqError(
        'DATA_CORRUPT',
        `the log begins at offset ${logStart} and holds no whole snapshot of what was before`,
        { logStart },
      );
    }
    this.position = base?.beginOffset ?? logStart;
    machine.reset();
  }

  /** Batches that begin at `position`. Throws what the machine throws. */
  apply(slice: LogSlice): void {
    for (const batch of batchesOf(slice)) {
      this.applyBatch(batch);
      this.position = batch.header.lastOffset + 1;
    }
  }

  private applyBatch({ header, bytes, control }: CommittedBatch): void {
    // Until it is ended, a snapshot and nothing else is in its epoch; in a later one it was given up.
    if (this.passage?.epoch !== header.epoch) this.passage = undefined;
    this.bytesSinceSnapshot += header.sizeBytes;
    if (control !== undefined) {
      this.see(control, header.baseOffset, header.epoch);
      return;
    }
    const { passage } = this;
    if (passage !== undefined) {
      passage.records += header.recordsCount;
      passage.bytes += header.sizeBytes;
      if (!passage.isBase) return;
    }
    for (const record of decodeRecords(bytes, { maxDecompressedBytes: MAX_BATCH_BYTES })) {
      const { key, value, offset, timestamp } = record;
      if (key === null) {
        throw zhumqError('DATA_CORRUPT', `the record at offset ${offset} has no key`, { offset });
      }
      this.machine.apply({ key, value, offset, timestamp });
    }
  }

  private see(control: ControlRecord, offset: number, epoch: number): void {
    if (control.kind === 'stateSnapshotBegin') {
      const isBase = offset === this.base?.beginOffset;
      this.passage = { beginOffset: offset, epoch, isBase, records: 0, bytes: 0 };
    } else if (control.kind === 'stateSnapshotEnd') {
      const { passage } = this;
      if (passage?.beginOffset !== control.body.beginOffset) return;
      if (passage.records !== control.body.records) {
        throw zhumqError(
          'DATA_CORRUPT',
          `the snapshot at offset ${passage.beginOffset} has ${passage.records} records, its end says ${control.body.records}`,
          { offset: passage.beginOffset },
        );
      }
      this.snapshotBytes = passage.bytes;
      this.bytesSinceSnapshot = 0;
      this.passage = undefined;
    }
  }
}
