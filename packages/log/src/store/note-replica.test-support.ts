// A small replica for the store's tests: one file, notes one after the other, no indexes. It keeps the contract of
// WalParticipant (types.ts) and nothing else of a partition log.
import { join } from 'node:path';
import { crc32c } from '@zhumq/model';
import type { FileHandle, FileSystem } from '../file-system/file-system.js';
import type {
  CheckpointRow,
  Damage,
  HardState,
  ReplicaFactory,
  ReplicaIdentity,
  ReplicaLog,
  ReplicaRecovery,
  ReplicaSeat,
  WalParticipant,
  WalRecord,
} from '../types.js';

export class NoteReplica implements WalParticipant {
  readonly identity: ReplicaIdentity;
  hardState: HardState | undefined;
  damage: Damage | undefined;
  failure: Error | undefined;
  /** Sequences that `onWalDurable` reported, in order. */
  readonly durable: number[] = [];
  onDurable: ((sequence: number) => void) | undefined;
  sequence = 0;
  end = 0;
  private readonly file: FileHandle;
  private pending: { position: number; content: Buffer }[] = [];
  private cutTo: number | undefined;
  private heldUntil = 0;
  private held: (() => void)[] = [];
  private syncedRow: CheckpointRow;

  constructor(
    private readonly seat: ReplicaSeat,
    private readonly fileSystem: FileSystem,
    row: CheckpointRow | undefined,
  ) {
    this.identity = seat.identity;
    this.file = fileSystem.openSync(join(seat.directory, 'notes'), 'write');
    this.end = row?.activeBytes ?? 0;
    this.sequence = row?.sequence ?? 0;
    this.hardState = row?.hardState;
    this.syncedRow = this.rowNow();
  }

  append(content: string, direct = false): number {
    const bytes = Buffer.from(content);
    this.sequence++;
    this.seat.wal.write({
      kind: 'append',
      sequence: this.sequence,
      segmentBase: 0,
      position: this.end,
      firstOffset: this.end,
      endOffset: this.end + bytes.length,
      epoch: 1,
      bytes: bytes.length,
      crc: direct ? crc32c(bytes) : 0,
      payload: direct && this.cutTo === undefined ? undefined : [bytes],
    });
    this.pending.push({ position: this.end, content: bytes });
    this.end += bytes.length;
    return this.sequence;
  }

  truncate(from: number): number {
    this.sequence++;
    this.seat.wal.write({ kind: 'truncate', sequence: this.sequence, from, epochBefore: 0 });
    this.pending = this.pending.filter(({ position }) => position < from);
    this.end = from;
    this.cutTo = Math.min(from, this.cutTo ?? from);
    this.heldUntil = this.sequence;
    return this.sequence;
  }

  saveHardState(hardState: HardState): number {
    this.hardState = hardState;
    this.sequence++;
    this.seat.wal.write({ kind: 'hardState', sequence: this.sequence, hardState });
    return this.sequence;
  }

  vote(term: number): number {
    return this.saveHardState({
      generation: 1,
      term,
      vote: 'me',
      closed: false,
      tainted: false,
      taintReason: '',
    });
  }

  markDirty(): void {
    this.seat.wal.markDirty();
  }

  syncWithin(ms: number): void {
    this.seat.wal.syncWithin(ms);
  }

  content(): string {
    const bytes = Buffer.alloc(this.end);
    this.file.readSync(bytes, 0);
    return bytes.toString();
  }

  writeSegments(): void {
    if (this.cutTo !== undefined) return;
    for (const { position, content } of this.pending) this.file.writeSync([content], position);
    this.pending = [];
  }

  onWalDurable(sequence: number): void {
    this.durable.push(sequence);
    if (this.cutTo !== undefined && sequence >= this.heldUntil) {
      this.file.truncateSync(this.cutTo);
      this.cutTo = undefined;
      this.writeSegments();
      for (const resume of this.held.splice(0)) resume();
    }
    this.onDurable?.(sequence);
  }

  async syncSegments(): Promise<void> {
    while (this.cutTo !== undefined) {
      await new Promise<void>((resume) => this.held.push(resume));
      if (this.failure !== undefined) throw this.failure;
    }
    this.writeSegments();
    const row = this.rowNow();
    await this.file.sync();
    await this.fileSystem.syncDirectory(this.seat.directory);
    this.syncedRow = row;
  }

  markSync(): () => void {
    return () => undefined;
  }

  checkpointRow(): CheckpointRow {
    return { ...this.syncedRow, hardState: this.hardState };
  }

  fail(error: Error): void {
    this.failure = error;
    for (const resume of this.held.splice(0)) resume();
  }

  close(): void {
    this.fail(new Error('closed'));
    this.file.closeSync();
  }

  // ---- for recovery

  restore(record: WalRecord): void {
    this.sequence = record.sequence;
    if (record.kind === 'hardState') this.hardState = record.hardState;
    if (record.kind === 'truncate') this.end = record.from;
    if (record.kind !== 'append') return;
    if (record.payload !== undefined) this.file.writeSync(record.payload, record.position);
    else if (!this.verifies(record)) return;
    this.end = record.position + record.bytes;
  }

  finishRecovery(): void {
    const bytes = this.file.sizeSync();
    if (bytes < this.end) {
      this.damage ??= { file: 'notes', position: bytes, offset: bytes, reason: 'file is short' };
    } else if (bytes > this.end && this.damage === undefined) {
      this.file.truncateSync(this.end);
    }
    this.syncedRow = this.rowNow();
  }

  private verifies(record: Extract<WalRecord, { kind: 'append' }>): boolean {
    if (record.position !== this.end) return false;
    const bytes = Buffer.alloc(record.bytes);
    return (
      this.file.readSync(bytes, record.position) === record.bytes && crc32c(bytes) === record.crc
    );
  }

  private rowNow(): CheckpointRow {
    return {
      identity: this.identity,
      generation: undefined,
      hardState: this.hardState,
      logStart: 0,
      epochBeforeStart: 0,
      logEnd: this.end,
      lastEpoch: 1,
      sequence: this.sequence,
      highWatermark: 0,
      activeSegment: 0,
      activeBytes: this.end,
    };
  }
}

/** The store sees a ReplicaLog; the tests see notes. */
export function notesOf(log: ReplicaLog | undefined): NoteReplica {
  if (log === undefined) throw new Error('there is no such replica');
  return log as unknown as NoteReplica;
}

export function noteFactory(fileSystem: FileSystem): ReplicaFactory {
  const asReplica = (notes: NoteReplica): ReplicaLog & WalParticipant =>
    notes as unknown as ReplicaLog & WalParticipant;
  return {
    create: (seat) => asReplica(new NoteReplica(seat, fileSystem, undefined)),
    recover: (seat, row): ReplicaRecovery => {
      const notes = new NoteReplica(seat, fileSystem, row);
      return {
        replay: (record) => notes.restore(record),
        condemn: (damage) => void (notes.damage = damage),
        finish: () => {
          notes.finishRecovery();
          return Promise.resolve(asReplica(notes));
        },
      };
    },
  };
}
