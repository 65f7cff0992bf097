// Rebuilds a partition log after a start (rules 9, 22, 24, 25): the account of row and frames says what must be there,
// bytes that only the write-ahead log has are put back, the files are verified, and what lies beyond is removed, valid or
// not. Doing it again, after a crash in the middle, gives the same log.
import { isError } from '@zhumq/model';
import type {
  CheckpointRow,
  Damage,
  Offset,
  ReplicaLog,
  ReplicaRecovery,
  ReplicaSeat,
  WalParticipant,
  WalRecord,
} from '../types.js';
import { withDamageMark } from './damage-mark.js';
import { decodeProducers, dropProducers, readEpochs, readProducers } from './derived-files.js';
import { diskFailed, isCurable, refusedAtStart } from './disk-failed.js';
import { Durability } from './durability.js';
import { EpochList } from './epoch-list.js';
import { listOffsets, segmentFile } from './file-names.js';
import { LogState } from './log-state.js';
import { PartitionLog } from './partition-log.js';
import type { PartitionResources } from './partition-resources.js';
import { ProducerState } from './producer-state.js';
import type { ProducerTable } from './producer-state.js';
import { RecoveryAccount } from './recovery-account.js';
import { RecoveryScan } from './recovery-scan.js';
import type { ScanBase } from './recovery-scan.js';
import { SegmentList } from './segment-list.js';

type AppendRecord = Extract<WalRecord, { kind: 'append' }>;

export class PartitionRecovery implements ReplicaRecovery {
  private readonly state: LogState;
  private readonly account: RecoveryAccount;
  private readonly dirty = new Set<string>();
  private damage: Damage | undefined;
  /** Bytes that are there could not be written once more: nothing is lost, and nothing may be promised. */
  private diskError: unknown;

  constructor(
    resources: PartitionResources,
    seat: ReplicaSeat,
    private readonly row: CheckpointRow | undefined,
    private readonly keptAll: boolean,
  ) {
    this.state = new LogState(seat, resources);
    this.account = new RecoveryAccount(row, this.offsetsOf('.log'));
  }

  replay(record: WalRecord): void {
    const extent = this.account.add(record);
    if (extent === undefined || record.kind !== 'append' || this.damage !== undefined) return;
    const path = this.pathOf(record.segmentBase);
    this.dirty.add(path);
    if (record.payload === undefined) return;
    try {
      if (!this.putBack(path, record)) extent.missing = record.payload;
    } catch (error) {
      this.damage ??= this.damageOf(error, record.segmentBase, record.position, record.firstOffset);
    }
  }

  condemn(damage: Damage): void {
    this.damage ??= damage;
  }

  async finish(): Promise<ReplicaLog & WalParticipant> {
    const { account, state } = this;
    account.checkSegments();
    const { fault } = account;
    if (fault !== undefined) {
      const segmentBase = account.bases.at(-1) ?? fault.offset;
      this.damage ??= { file: this.pathOf(segmentBase), position: 0, ...fault };
    }
    if (this.damage === undefined) this.writeMissing();
    const base = this.scanBase();
    const scan = new RecoveryScan(
      state.resources,
      state.seat.directory,
      state.config,
      account,
      base,
      this.keptAll,
    );
    try {
      await scan.run();
    } catch (error) {
      this.damage ??= this.damageOf(error, account.bases.at(-1) ?? 0, 0, base.from);
    }
    this.damage ??= scan.damage;
    if (this.damage === undefined) this.removeBeyond(scan);
    const { fileSystem } = state.resources;
    const { directory } = state.seat;
    this.damage = withDamageMark(fileSystem, directory, account.logStart, this.damage);
    this.adopt(scan, base);
    if (this.diskError !== undefined)
      state.fail(diskFailed('write of a segment', directory, this.diskError));
    return new PartitionLog(state);
  }

  /**
   * Whether the segment has the bytes of a frame now. They are written only where the file has nothing else: in a log that
   * was cut, other bytes there may belong to a later frame that has no payload. The same bytes are written once more: the
   * process before may have died of a failed sync, after which they are seen, count as clean, and are not on disk (rule 7).
   */
  private putBack(path: string, record: AppendRecord): boolean {
    const { files } = this.state.resources;
    const bytes = Buffer.concat(record.payload as readonly Buffer[]);
    return files.use(path, 'write', (file) => {
      const present = Buffer.allocUnsafe(bytes.length);
      const isBeyond = record.position >= file.sizeSync();
      const count = isBeyond ? 0 : file.readSync(present, record.position);
      if (!present.subarray(0, count).equals(bytes.subarray(0, count))) return false;
      try {
        file.writeSync([bytes], record.position);
      } catch (error) {
        if (count < bytes.length) throw error;
        this.diskError ??= error;
      }
      return true;
    });
  }

  private writeMissing(): void {
    for (const { segmentBase, position, missing } of this.account.extents) {
      if (missing === undefined) continue;
      const path = this.pathOf(segmentBase);
      try {
        this.state.resources.files.use(path, 'write', (file) => file.writeSync(missing, position));
      } catch (error) {
        this.damage ??= this.damageOf(error, segmentBase, position, this.account.end);
        return;
      }
    }
  }

  /**
   * The newest producer snapshot of this lineage, and the epochs up to it. The log below it was synced before it was
   * written, so the scan begins there, even behind the checkpoint.
   */
  private scanBase(): ScanBase {
    const { account, state } = this;
    const { fileSystem } = state.resources;
    const { directory } = state.seat;
    const { logStart, epochBeforeStart } = account;
    const newest = Math.min(account.uncutEnd, account.end);
    const starts = readEpochs(fileSystem, directory);
    const read = this.offsetsOf('.producers')
      .filter((offset) => offset <= newest)
      .reverse()
      .map((offset) => readProducers(fileSystem, directory, offset))
      .find((one) => one !== undefined);
    const below = this.tableOfReset();
    // Of two at one offset the file may be of the log that was thrown away, left there by a crash.
    const table = below !== undefined && (read?.offset ?? -1) <= below.offset ? below : read;
    const from = Math.max(table?.offset ?? logStart, logStart);
    const epochs = new EpochList(starts);
    epochs.cut(from);
    epochs.dropBefore(logStart);
    const believable =
      starts !== undefined && (logStart === 0 || epochs.at(logStart - 1) === epochBeforeStart);
    const producers = new ProducerState(table);
    const written = believable ? new EpochList(starts) : undefined;
    if (from > logStart && believable) return { from, epochs, producers, written };
    // Without both the batches have to tell; what the snapshot knows from below the log start stays.
    const kept = [table, below].find((one) => one !== undefined && one.offset <= logStart);
    return {
      from: logStart,
      epochs: EpochList.before(logStart, epochBeforeStart),
      producers: new ProducerState(kept),
      written,
    };
  }

  /** What the frame of the last reset says, if no checkpoint has covered it. */
  private tableOfReset(): ProducerTable | undefined {
    const { producers } = this.account;
    try {
      return producers && decodeProducers(producers);
    } catch (error) {
      if (isError(error, 'DATA_CORRUPT')) return undefined;
      throw error;
    }
  }

  private removeBeyond(scan: RecoveryScan): void {
    const { fileSystem, files } = this.state.resources;
    const kept = new Set(scan.segments.map((segment) => segment.base));
    for (const suffix of ['.log', '.index', '.timeindex'] as const) {
      for (const base of this.offsetsOf(suffix)) {
        if (kept.has(base)) continue;
        const path = segmentFile(this.state.seat.directory, base, suffix);
        files.discard(path);
        this.dirty.delete(path);
        fileSystem.unlinkSync(path);
      }
    }
    for (const segment of scan.segments) {
      const size = fileSystem.statSync(segment.path)?.bytes ?? 0;
      if (size <= segment.bytes) continue;
      files.use(segment.path, 'write', (file) => file.truncateSync(segment.bytes));
      this.dirty.add(segment.path);
      if (segment.indexes !== undefined) continue;
      // Indexes of a sealed segment know more than it holds now; they are made again when needed.
      for (const suffix of ['.index', '.timeindex'] as const) {
        const path = segmentFile(this.state.seat.directory, segment.base, suffix);
        if (fileSystem.statSync(path) !== undefined) fileSystem.unlinkSync(path);
      }
    }
    // One from before a cut is of another log, though it ends within this one: after the next checkpoint nothing tells.
    const newest = Math.min(this.account.uncutEnd, scan.end);
    dropProducers(fileSystem, this.state.seat.directory, (offset) => offset > newest);
  }

  private adopt(scan: RecoveryScan, base: ScanBase): void {
    const { account, state } = this;
    state.segments = new SegmentList(scan.segments);
    state.epochs = base.epochs;
    // The file may be older, or gone.
    state.epochs.changes++;
    state.producers = base.producers;
    state.logStart = account.logStart;
    state.logEnd = scan.end;
    state.highWatermark = Math.max(Math.min(account.highWatermark, scan.end), account.logStart);
    state.sequence = account.sequence;
    state.hardState = account.hardState;
    state.generation = account.generation;
    const unsynced = account.extents.find(
      (extent) => extent.mayBeTorn && extent.firstOffset < scan.end,
    );
    // Frames may stand in the page cache only, after a kill: the store's first checkpoint is what makes them certain.
    const syncedEnd = Math.max(Math.min(account.untouchedEnd, scan.end), account.logStart);
    state.durability = new Durability(scan.end, unsynced?.firstOffset, syncedEnd);
    state.reportedEnd = state.durableEnd;
    // What the frame of a reset says of producers is in no file yet.
    const isInFiles = scan.end === base.from && account.producers === undefined;
    state.bytesSinceDerived = isInFiles ? 0 : Infinity;
    const kept = new Set(scan.segments.map((segment) => segment.path));
    state.writer.startAt(state.segments.active, [
      ...[...this.dirty].filter((path) => kept.has(path)),
      ...this.rewrittenIndexes(scan),
    ]);
    state.tail.markWritten(scan.end);
    state.isOpen = true;
    state.syncedRow = this.row ?? state.syncedRow;
    if (scan.end < account.end && this.damage === undefined) this.recordCut(scan.end);
    if (this.damage !== undefined) state.foundDamage(this.damage);
  }

  /** Those that `removeBeyond` has left. */
  private rewrittenIndexes({ indexFiles }: RecoveryScan): string[] {
    const { fileSystem } = this.state.resources;
    return indexFiles.filter((path) => fileSystem.statSync(path) !== undefined);
  }

  /** Unsynced bytes were torn: frames that come later must not be taken to follow those that told of them. */
  private recordCut(from: Offset): void {
    const { seat, lastEpoch } = this.state;
    const sequence = this.state.nextSequence();
    seat.wal.write({ kind: 'truncate', sequence, from, epochBefore: lastEpoch });
  }

  /** Throws DISK_FAILED where nothing is lost as long as the frames stay: then the store is not opened. */
  private damageOf(error: unknown, segmentBase: Offset, position: number, offset: Offset): Damage {
    const file = this.pathOf(segmentBase);
    if (isCurable(error)) throw refusedAtStart(file, error);
    const reason = error instanceof Error ? error.message : String(error);
    return { file, position, offset, reason };
  }

  private offsetsOf(suffix: Parameters<typeof listOffsets>[2]): Offset[] {
    return listOffsets(this.state.resources.fileSystem, this.state.seat.directory, suffix);
  }

  private pathOf(base: Offset): string {
    return segmentFile(this.state.seat.directory, base, '.log');
  }
}
