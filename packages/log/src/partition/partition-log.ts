// One replica's log: the broker's face (ReplicaLog) and the store's (WalParticipant). Decides nothing by itself; appends,
// cuts, reads, snapshots are in the files named after them and share one LogState.
import { ZhumqError, assert } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { BatchHeader } from '@zhumq/model';
import { systemCode } from '../file-system/file-system.js';
import type {
  CheckpointRow,
  Damage,
  Epoch,
  GenerationRecord,
  HardState,
  LogConfig,
  LogListener,
  LogSlice,
  Offset,
  ProducerVerdict,
  ReplicaIdentity,
  ReplicaLog,
  SegmentSummary,
  SnapshotState,
  WalParticipant,
} from '../types.js';
import { removeDamageMark } from './damage-mark.js';
import { diskFailed } from './disk-failed.js';
import { LogAppender } from './log-append.js';
import { resetLog, truncateLog } from './log-cut.js';
import { BlockFault, LogReader } from './log-reader.js';
import type { LogState } from './log-state.js';
import { LogSync } from './log-sync.js';
import { PendingStates } from './pending-states.js';
import { repairPoint } from './repair.js';
import { RetentionRun } from './retention-run.js';
import { describeSnapshot, readSegment } from './snapshot.js';
import { SnapshotInstall } from './snapshot-install.js';
import { findOffsetForTime } from './time-lookup.js';
import type { TimedOffset } from './time-lookup.js';

export class PartitionLog implements ReplicaLog, WalParticipant {
  readonly identity: ReplicaIdentity;
  private readonly appender: LogAppender;
  private readonly reader: LogReader;
  private readonly synced: LogSync;
  private readonly retention: RetentionRun;
  private readonly pending = new PendingStates();
  private install: SnapshotInstall | undefined;

  /** The state is filled by recovery (recovery.ts) before anything but `checkpointRow` and `fail` is called. */
  constructor(private readonly state: LogState) {
    this.identity = state.seat.identity;
    this.appender = new LogAppender(state);
    this.reader = new LogReader(state);
    this.synced = new LogSync(state, this.pending, (error) => this.syncFailed(error));
    this.retention = new RetentionRun(state, this.pending, this.synced);
  }

  get config(): LogConfig {
    return this.state.config;
  }

  set config(config: LogConfig) {
    const { state } = this;
    state.config = config;
    if (config.flush !== 'fsync') {
      state.reportDurable();
      return;
    }
    // What counted when it was written counts again when it is synced.
    state.reportedEnd = Math.min(state.reportedEnd, state.durableEnd);
    if (state.durability.hasUnsynced) state.seat.wal.syncWithin(0);
  }

  get listener(): LogListener | undefined {
    return this.state.listener;
  }

  /** One that comes after the replica failed, in the checkpoint that ends a start, say, is told of that at once. */
  set listener(listener: LogListener | undefined) {
    this.state.listener = listener;
    if (this.state.failure !== undefined) listener?.onFailed(this.state.failure);
  }

  get logStart(): Offset {
    return this.state.logStart;
  }

  get logEnd(): Offset {
    return this.state.logEnd;
  }

  get durableEnd(): Offset {
    return this.state.durableEnd;
  }

  get syncedEnd(): Offset {
    return this.state.durability.end(false);
  }

  get lastEpoch(): Epoch {
    return this.state.lastEpoch;
  }

  get sizeBytes(): number {
    return this.state.segments.bytes;
  }

  get hardState(): HardState | undefined {
    return this.state.hardState;
  }

  get generation(): GenerationRecord | undefined {
    return this.state.generation;
  }

  get damage(): Damage | undefined {
    return this.state.damage;
  }

  get highWatermark(): Offset {
    return this.state.highWatermark;
  }

  epochAt(offset: Offset): Epoch | undefined {
    const { logStart, logEnd, epochs } = this.state;
    return offset < logStart - 1 || offset >= logEnd ? undefined : epochs.at(offset);
  }

  endOfEpoch(epoch: Epoch): { readonly epoch: Epoch; readonly endOffset: Offset } | undefined {
    return this.state.epochs.endOf(epoch, this.state.logEnd);
  }

  appendAsLeader(
    batch: Buffer,
    header: BatchHeader,
    epoch: Epoch,
  ): { readonly baseOffset: Offset; readonly lastOffset: Offset } {
    return this.changing(() => this.appender.leader(batch, header, epoch));
  }

  appendAsFollower(batches: Buffer): void {
    this.changing(() => this.appender.follower(batches));
  }

  truncate(from: Offset): void {
    this.state.checkService();
    const { stableEnd } = this.state;
    assert(from >= stableEnd, `truncation at ${from}, below the high watermark ${stableEnd}`);
    this.changing(() => truncateLog(this.state, from));
  }

  saveHardState(hardState: HardState): number {
    this.checkOpen();
    const sequence = this.state.nextSequence();
    this.state.hardState = hardState;
    this.state.seat.wal.write({ kind: 'hardState', sequence, hardState });
    this.pending.reportAt(sequence);
    return sequence;
  }

  saveGeneration(generation: GenerationRecord): number {
    this.checkOpen();
    const sequence = this.state.nextSequence();
    this.state.generation = generation;
    this.state.seat.wal.write({ kind: 'generation', sequence, generation });
    this.pending.reportAt(sequence);
    return sequence;
  }

  setHighWatermark(offset: Offset): void {
    const { state } = this;
    if (offset > state.highWatermark) state.highWatermark = Math.min(offset, state.logEnd);
  }

  lowerHighWatermark(offset: Offset): void {
    const { state } = this;
    state.highWatermark = Math.min(state.highWatermark, Math.max(offset, state.logStart));
  }

  async sync(): Promise<void> {
    const { state } = this;
    state.checkService();
    await state.seat.wal.sync(state.durability.needsSegments);
    state.checkService();
  }

  checkProducer(header: BatchHeader): ProducerVerdict {
    return this.state.producers.check(header, this.config.producerExpirationMs);
  }

  read(from: Offset, end: Offset, maxBytes: number): LogSlice | Promise<LogSlice> {
    const { state } = this;
    state.checkService();
    if (from < state.logStart || from > state.logEnd) throw this.outOfRange(from);
    const limit = Math.min(end, state.logEnd);
    if (from >= limit) return { buffers: [], bytes: 0, firstOffset: from, endOffset: from };
    return state.tail.read(from, limit, maxBytes) ?? this.readCold(from, limit, maxBytes);
  }

  async offsetForTime(timestampMs: number, end: Offset): Promise<TimedOffset | undefined> {
    this.state.checkService();
    const limit = Math.min(end, this.state.logEnd);
    return this.guarded(() => findOffsetForTime(this.state, this.reader, timestampMs, limit));
  }

  enforceRetention(nowMs: number): Promise<void> {
    this.state.checkService();
    return this.retention.run(nowMs);
  }

  deleteBefore(offset: Offset): Promise<void> {
    this.state.checkService();
    return this.retention.deleteBefore(offset);
  }

  snapshotState(end: Offset): { state: SnapshotState; segments: readonly SegmentSummary[] } {
    this.state.checkService();
    return describeSnapshot(this.state, end);
  }

  async readSegment(baseOffset: Offset, position: number, maxBytes: number): Promise<Buffer> {
    this.state.checkService();
    return this.guarded(() => readSegment(this.state, baseOffset, position, maxBytes));
  }

  beginInstall(snapshot: SnapshotState): { readonly installedEnd: Offset } {
    this.state.checkService();
    this.install = this.changing(() => new SnapshotInstall(this.state, this.appender, snapshot));
    return { installedEnd: this.state.logEnd };
  }

  installChunk(baseOffset: Offset, chunk: Buffer): void {
    this.state.checkService();
    const { install } = this;
    assert(install !== undefined, 'installChunk before beginInstall');
    this.changing(() => install.add(baseOffset, chunk));
  }

  async finishInstall(): Promise<void> {
    this.state.checkService();
    const { install, state } = this;
    assert(install !== undefined, 'finishInstall before beginInstall');
    install.finish();
    this.install = undefined;
    state.highWatermark = state.logEnd;
    state.bytesSinceDerived = Infinity;
    // The segments in any case: what the snapshot knows of producers is written with them.
    await state.seat.wal.sync(true);
    state.checkService();
  }

  resetForRepair(): void {
    this.checkOpen();
    const { state } = this;
    const from = this.changing(() => repairPoint(state));
    // Only damage is repaired; a disk that failed is not.
    if (isError(state.failure, 'DATA_CORRUPT')) state.failure = undefined;
    state.checkService();
    state.damage = undefined;
    this.changing(() => {
      if (from === undefined) this.resetToStart();
      else truncateLog(state, from);
    });
    const { fileSystem } = state.resources;
    // Not before: after a crash the damage would be there and forgotten. If it fails, the next start repairs again.
    this.pending
      .durable(state.sequence)
      .then(() => removeDamageMark(fileSystem, state.seat.directory))
      .catch(() => undefined);
  }

  startOver(): void {
    this.state.checkService();
    this.changing(() => resetLog(this.state, 0, 0));
  }

  // ---- the store's face

  writeSegments(): void {
    const { state } = this;
    if (state.failure !== undefined) return;
    try {
      state.writer.write();
    } catch (error) {
      throw diskFailed('write to a segment', state.seat.directory, error);
    }
  }

  onWalDurable(sequence: number): void {
    const { state } = this;
    try {
      if (state.failure !== undefined) return;
      state.durability.complete(sequence);
      if (state.writer.allow(sequence)) {
        state.seat.wal.markDirty();
        // A copy's bytes wait behind the cut: they must be in the segment before anybody hears that they are written.
        this.writeSegments();
      }
      state.reportDurable();
    } finally {
      this.pending.complete(sequence, (reported) => state.listener?.onHardStateDurable(reported));
    }
  }

  async syncSegments(): Promise<void> {
    if (this.state.failure !== undefined) return;
    await this.synced.run();
    this.state.reportDurable();
  }

  markSync(): () => void {
    const { state } = this;
    const mark = state.durability.mark(state.logEnd);
    return () => {
      if (state.failure !== undefined || !state.isOpen) return;
      state.durability.reached(mark);
      state.reportDurable();
    };
  }

  checkpointRow(): CheckpointRow {
    const { syncedRow, hardState, generation, highWatermark } = this.state;
    return { ...syncedRow, hardState, generation, highWatermark };
  }

  fail(error: Error): void {
    this.state.fail(error);
    this.pending.fail(error);
  }

  close(): void {
    const { state } = this;
    if (!state.isOpen) return;
    state.isOpen = false;
    state.tail.clear();
    state.writer.discard();
    this.pending.fail(zhumqError('LOG_CLOSED', `the log in ${state.seat.directory} was closed`));
    for (const { path } of state.segments.all) state.resources.files.discard(path);
  }

  private resetToStart(): void {
    const { config, epochBeforeStart, logStart, producers } = this.state;
    producers.cut(logStart);
    const below = producers.asOf(logStart, config.producerExpirationMs);
    resetLog(this.state, logStart, epochBeforeStart, below);
  }

  private syncFailed(error: unknown): unknown {
    if (ZhumqError.is(error) || systemCode(error) === undefined) return error;
    const failure = diskFailed('write or sync of a segment', this.state.seat.directory, error);
    if (this.state.isOpen) this.fail(failure);
    return failure;
  }

  /**
   * A change may have to look at the files (where a cut goes, which indexes a segment has). When the disk fails it there,
   * it may be done by half: the replica is out of service.
   */
  private changing<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (ZhumqError.is(error) || systemCode(error) === undefined) throw error;
      this.fail(diskFailed('read of a segment', this.state.seat.directory, error));
      this.state.checkService();
      throw error;
    }
  }

  private async readCold(from: Offset, end: Offset, maxBytes: number): Promise<LogSlice> {
    const slice = await this.guarded(() => this.reader.read(from, end, maxBytes));
    // Retention passed by while the disk was read.
    if (slice.bytes === 0 && from < this.state.logStart) throw this.outOfRange(from);
    return slice;
  }

  /** Damage and disk errors put the replica out of service. */
  private async guarded<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof BlockFault) {
        const { segment, position, offset, reason } = error;
        if (this.state.isOpen)
          this.state.meetDamage({ file: segment.path, position, offset, reason });
      } else if (!ZhumqError.is(error) && systemCode(error) !== undefined && this.state.isOpen) {
        this.fail(diskFailed('read of a segment', this.state.seat.directory, error));
      } else if (this.state.isOpen) throw error;
      this.state.checkService();
      throw error;
    }
  }

  /** Unlike other calls these are answered when the replica is out of service: a vote outlives the log. */
  private checkOpen(): void {
    if (!this.state.isOpen) {
      throw zhumqError('LOG_CLOSED', `the log in ${this.state.seat.directory} is closed`);
    }
  }

  private outOfRange(offset: Offset): Error {
    const { logStart, logEnd } = this.state;
    return zhumqError(
      'OFFSET_OUT_OF_RANGE',
      `offset ${offset} is not in [${logStart}, ${logEnd}]`,
      {
        offset,
        logStart,
        logEnd,
      },
    );
  }
}
