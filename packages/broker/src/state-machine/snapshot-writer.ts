// Appends the whole state of a machine to its log, between a batch that begins and a batch that ends the snapshot
// (decision 0015). The caller sees to it that everything appended before is applied, and that nothing else is appended
// meanwhile; a state of any size goes in pieces, with turns for others in between.
import { delay } from '@zhumq/base';
import type { Clock } from '@zhumq/base';
import {
  BatchBuilder,
  stateSnapshotBeginBatch,
  stateSnapshotEndBatch,
  zhumqError,
} from '@zhumq/model';
import { ZhumqError } from '@zhumq/base';
import type { Partition } from '../partition/partition.js';
import { nextTurn } from './committed-batches.js';
import type { StateMachine } from './state-machine.js';

/** Size at which a batch of a snapshot is full; one record may be larger. */
const PIECE_BYTES = 256 * 1024;
/** Until an append that was refused for the moment (too much uncommitted, disk behind) is tried again. */
const RETRY_MS = 50;

export interface SnapshotWriterOptions {
  readonly partition: Partition;
  readonly machine: StateMachine;
  readonly clock: Clock;
  readonly maxBatchBytes: number;
  /** False when the office has ended in which the snapshot was begun: nothing may be appended any more. */
  readonly isCurrent: () => boolean;
}

export class SnapshotWriter {
  constructor(private readonly options: SnapshotWriterOptions) {}

  /** The offset after the snapshot; undefined when the office ended before. Rejects when it can never be appended. */
  async write(): Promise<number | undefined> {
    const { partition, clock } = this.options;
    const begin = await this.insist(() => {
      const batch = stateSnapshotBeginBatch(partition.log.logEnd, clock.wallMs());
      return partition.appendControl(batch);
    });
    if (begin === undefined) return undefined;
    const records = await this.writeRecords();
    if (records === undefined) return undefined;
    const body = { beginOffset: begin.baseOffset, records };
    const end = await this.insist(() =>
      partition.appendControl(stateSnapshotEndBatch(body, clock.wallMs())),
    );
    return end === undefined ? undefined : end.lastOffset + 1;
  }

  private async writeRecords(): Promise<number | undefined> {
    const { machine, clock, maxBatchBytes } = this.options;
    const timestamp = clock.wallMs();
    let count = 0;
    let builder = new BatchBuilder({ initialBytes: PIECE_BYTES });
    for (const { key, value } of machine.snapshot()) {
      const record = { timestamp, key, value };
      if (!builder.append(record, builder.recordsCount === 0 ? maxBatchBytes : PIECE_BYTES)) {
        if (builder.recordsCount > 0 && !(await this.writePiece(builder))) return undefined;
        builder = new BatchBuilder({ initialBytes: PIECE_BYTES });
        if (!builder.append(record, maxBatchBytes)) throw tooLarge(key, value, maxBatchBytes);
      }
      count++;
    }
    if (builder.recordsCount > 0 && !(await this.writePiece(builder))) return undefined;
    return count;
  }

  private async writePiece(builder: BatchBuilder): Promise<boolean> {
    const { partition } = this.options;
    const batch = builder.finishSync();
    const appended = await this.insist(() => {
      let refusal: Error | undefined;
      // Who leads then loads what is committed: that this piece is not, nobody needs to be told.
      partition.produce(batch, -1, Infinity, (error) => (refusal = error));
      if (refusal !== undefined) throw refusal as Error;
      return true;
    });
    await nextTurn();
    return appended === true;
  }

  /** Tries until it is done, or can not be any more. */
  private async insist<T>(append: () => T): Promise<T | undefined> {
    const { clock, isCurrent } = this.options;
    while (isCurrent()) {
      try {
        return append();
      } catch (error) {
        if (!ZhumqError.is(error) || !error.retriable) throw error;
        await delay(clock, RETRY_MS);
      }
    }
    return undefined;
  }
}

function tooLarge(key: Buffer, value: Buffer | null, limit: number): Error {
  const bytes = key.length + (value?.length ?? 0);
  const message = `a record of the state has ${bytes} bytes, more than fit a batch of ${limit}`;
  return zhumqError('MESSAGE_TOO_LARGE', message, { bytes, limit });
}
