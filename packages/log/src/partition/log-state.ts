// What a partition log is made of, and the few things that all of its parts do: number a write, refuse when out of
// service, report. Appends, cuts, reads and installs are in files of their own and work on this.
import { zhumqError } from '@zhumq/model';
import type {
  CheckpointRow,
  Damage,
  Epoch,
  GenerationRecord,
  HardState,
  LogConfig,
  LogListener,
  Offset,
  ReplicaSeat,
} from '../types.js';
import { writeDamageMark } from './damage-mark.js';
import { Durability } from './durability.js';
import { EpochList } from './epoch-list.js';
import { indexesOf, rebuildIndexes, replaceIndexes } from './segment-indexes.js';
import type { PartitionResources } from './partition-resources.js';
import { ProducerState } from './producer-state.js';
import { SegmentList } from './segment-list.js';
import { SegmentWriter } from './segment-writer.js';
import type { Segment, SegmentIndexes } from './segment.js';
import { Tail } from './tail.js';

export class LogState {
  readonly tail: Tail;
  readonly writer: SegmentWriter;
  segments = new SegmentList();
  epochs = new EpochList();
  producers = new ProducerState();
  durability = new Durability(0);
  config: LogConfig;
  listener: LogListener | undefined;
  logStart: Offset = 0;
  logEnd: Offset = 0;
  highWatermark: Offset = 0;
  /** Number of the last write. */
  sequence = 0;
  hardState: HardState | undefined;
  generation: GenerationRecord | undefined;
  damage: Damage | undefined;
  /** Why the replica is out of service. */
  failure: Error | undefined;
  /** Between recovery and close. */
  isOpen = false;
  bytesSinceDerived = 0;
  /** A sync was asked for and has not begun. */
  syncAsked = false;
  /** The log as the last finished sync found it when it began. */
  syncedRow: CheckpointRow;
  /** What `onDurable` said last. */
  reportedEnd: Offset = 0;

  constructor(
    readonly seat: ReplicaSeat,
    readonly resources: PartitionResources,
  ) {
    this.config = seat.config;
    this.syncedRow = this.rowOfNow();
    this.tail = new Tail(resources.tails);
    this.writer = new SegmentWriter(resources, seat.directory, (end) => this.tail.markWritten(end));
  }

  get lastEpoch(): Epoch {
    return this.epochs.lastEpoch;
  }

  get epochBeforeStart(): Epoch {
    return this.epochs.at(this.logStart - 1) ?? 0;
  }

  get durableEnd(): Offset {
    return this.durability.end(this.config.flush !== 'fsync');
  }

  /** Nothing below is ever truncated (repair excepted). */
  get stableEnd(): Offset {
    return Math.min(this.highWatermark, this.logEnd);
  }

  /** The present state as a row. */
  rowOfNow(): CheckpointRow {
    const { active } = this.segments;
    return {
      identity: this.seat.identity,
      generation: this.generation,
      hardState: this.hardState,
      logStart: this.logStart,
      epochBeforeStart: this.epochBeforeStart,
      logEnd: this.logEnd,
      lastEpoch: this.lastEpoch,
      sequence: this.sequence,
      highWatermark: this.highWatermark,
      activeSegment: active?.base ?? this.logEnd,
      activeBytes: active?.bytes ?? 0,
    };
  }

  nextSequence(): number {
    return ++this.sequence;
  }

  indexesOf(segment: Segment): SegmentIndexes {
    const { indexIntervalBytes } = this.config;
    return indexesOf(this.resources, segment, indexIntervalBytes, (rebuilt) =>
      this.keep(segment, rebuilt),
    );
  }

  rebuildIndexes(segment: Segment): SegmentIndexes {
    const indexes = rebuildIndexes(this.resources, segment, this.config.indexIntervalBytes);
    this.keep(segment, indexes);
    return indexes;
  }

  /** Throws LOG_CLOSED or REPLICA_FAILED. */
  checkService(): void {
    if (!this.isOpen) throw zhumqError('LOG_CLOSED', `the log in ${this.seat.directory} is closed`);
    if (this.failure === undefined) return;
    throw zhumqError(
      'REPLICA_FAILED',
      `the replica in ${this.seat.directory} is out of service: ${this.failure.message}`,
      { directory: this.seat.directory },
      this.failure,
    );
  }

  /** Files for indexes that were made again; a disk that does not take them leaves them to be made once more. */
  private keep(segment: Segment, indexes: SegmentIndexes): void {
    const { contentId } = segment;
    const isCurrent = (): boolean =>
      this.isOpen && segment.contentId === contentId && this.segments.has(segment);
    if (!segment.isSealed || segment.indexes !== undefined) return;
    const { fileSystem } = this.resources;
    replaceIndexes(fileSystem, segment, indexes, isCurrent).catch(() => undefined);
  }

  /** Calls `onDurable` when more is durable than it was told last. */
  reportDurable(): void {
    const end = this.durableEnd;
    if (end <= this.reportedEnd || this.failure !== undefined) return;
    this.reportedEnd = end;
    this.listener?.onDurable(end, this.epochs.at(end - 1) ?? 0);
  }

  /** Damage met in service: a start finds it again, though it would not look there. */
  meetDamage(damage: Damage): Error {
    if (this.damage === undefined && this.isOpen)
      // A disk that does not take the mark leaves the damage to be met again.
      writeDamageMark(this.resources.fileSystem, this.seat.directory, damage).catch(
        () => undefined,
      );
    return this.foundDamage(damage);
  }

  /** Damage found: nothing of this replica is served any more until it is repaired. */
  foundDamage(damage: Damage): Error {
    this.damage ??= damage;
    const error = zhumqError(
      'DATA_CORRUPT',
      `${damage.file}, byte ${damage.position}, offset ${damage.offset}: ${damage.reason}`,
      { file: damage.file, position: damage.position, offset: damage.offset },
    );
    this.fail(error);
    return error;
  }

  fail(error: Error): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.writer.discard();
    this.tail.clear();
    this.listener?.onFailed(error);
  }
}
