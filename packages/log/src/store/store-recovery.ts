// Opens all replicas of a data directory from the write-ahead log: newest complete checkpoint, then every later frame of
// each replica in order. Streaming: one frame is in memory at a time. Nothing is written to the write-ahead log, and the
// checkpoint that ends a recovery is the first thing that makes it count, so a crash in between just begins again.
import { replicaIdentityCodec, zhumqError } from '@zhumq/model';
import type { FileSystem } from '../file-system/file-system.js';
import type { CheckpointRow, Damage, ReplicaIdentity, ReplicaRecovery } from '../types.js';
import { readCheckpoint } from './checkpoint-frame.js';
import type { CheckpointTable } from './checkpoint-frame.js';
import type { ReplicaChannel } from './replica-channel.js';
import { FrameKind, fileSeal } from './wal-frame.js';
import type { FrameHeader } from './wal-frame.js';
import { isBetween } from './wal-history.js';
import type { WalHistory, WalSource } from './wal-history.js';
import { comparePositions } from './wal-position.js';
import type { WalPosition } from './wal-position.js';
import { readRecord } from './wal-record-codec.js';
import { scanWalFile } from './wal-scan.js';

export interface RecoveryEnvironment {
  readonly fileSystem: FileSystem;
  /** Makes the channel of a replica and its folder, if need be. Without a row no checkpoint knows the replica yet. */
  seat(
    identity: ReplicaIdentity,
    row: CheckpointRow | undefined,
  ): { readonly channel: ReplicaChannel; readonly recovery: ReplicaRecovery };
}

/** A replica that is being recovered. */
interface Candidate {
  readonly channel: ReplicaChannel;
  readonly recovery: ReplicaRecovery;
  readonly row: CheckpointRow | undefined;
  damage: Damage | undefined;
  /** Where in the write-ahead log the damage is. */
  damagedAt: WalPosition | undefined;
}

export interface RecoveredStore {
  readonly channels: readonly ReplicaChannel[];
  /** Replicas whose identity is lost (rule 24), with the damage that cost it. */
  readonly lost: ReadonlyMap<string, Damage>;
  readonly retired: ReadonlySet<string>;
}

/** Replicas whose files are verified at the same time. */
const CONCURRENT_SCANS = 4;

export class StoreRecovery {
  private readonly candidates = new Map<string, Candidate>();
  private readonly retired: Set<string>;

  private constructor(
    private readonly source: WalSource,
    private readonly history: WalHistory,
    private readonly environment: RecoveryEnvironment,
    private readonly table: CheckpointTable,
  ) {
    this.retired = new Set([...table.retired, ...history.retired]);
  }

  static async run(
    source: WalSource,
    history: WalHistory,
    environment: RecoveryEnvironment,
  ): Promise<RecoveredStore> {
    const table = readTable(source, history);
    const recovery = new StoreRecovery(source, history, environment, table);
    recovery.openRows();
    recovery.replayFrames();
    recovery.condemnDamaged();
    return recovery.finish();
  }

  private openRows(): void {
    const retiredLater = new Set(this.history.retired);
    const lostBefore = new Set(this.table.retired);
    for (const row of this.table.rows) {
      const { replicaId } = row.identity;
      if (retiredLater.has(replicaId)) continue;
      const candidate = this.open(row.identity, row);
      if (lostBefore.has(replicaId)) {
        this.damage(
          candidate,
          this.table.start,
          'the identity of this replica was lost to damage at an earlier start',
        );
      }
    }
  }

  private open(identity: ReplicaIdentity, row: CheckpointRow | undefined): Candidate {
    const { channel, recovery } = this.environment.seat(identity, row);
    const candidate = {
      channel,
      recovery,
      row,
      damage: undefined,
      damagedAt: undefined,
    };
    this.candidates.set(identity.replicaId, candidate);
    return candidate;
  }

  private replayFrames(): void {
    const { start } = this.table;
    for (const number of this.source.files) {
      if (number < start.file) continue;
      const file = this.environment.fileSystem.openSync(this.source.pathOf(number), 'read');
      try {
        const seal = fileSeal(this.source.directoryId, number);
        const from = number === start.file ? start.offset : 0;
        for (const found of scanWalFile(file, seal, from)) {
          const position = { file: number, offset: found.offset };
          if (!isBetween(position, start, this.history.end)) return;
          if (found.kind === 'frame') this.replay(found.header, found.body, position);
        }
      } finally {
        file.closeSync();
      }
    }
  }

  private replay(header: FrameHeader, body: Buffer, position: WalPosition): void {
    if (header.kind === FrameKind.create) {
      if (this.candidates.has(header.replicaId) || this.retired.has(header.replicaId)) return;
      this.open(replicaIdentityCodec.decode(body), undefined);
      return;
    }
    if (header.kind < FrameKind.append) return;
    const candidate = this.candidates.get(header.replicaId);
    if (candidate === undefined) {
      // Of a replica that was retired; or its `create` frame was lost, then the log is known to be damaged.
      return;
    }
    const { channel } = candidate;
    if (header.sequence <= channel.gathered) return;
    if (header.sequence !== channel.gathered + 1) {
      // Frames of this replica are missing although everything around them is there (reliability row 33).
      this.damage(candidate, position, `write ${header.sequence} follows ${channel.gathered}`);
      return;
    }
    channel.recovered(header.sequence);
    candidate.recovery.replay(readRecord(header, body));
  }

  /** Frames that were durable are lost: of one replica where its header can be read, of anyone where not. */
  private condemnDamaged(): void {
    for (const { position, header } of this.history.rotten) {
      const candidate = this.candidates.get(header.replicaId);
      if (candidate !== undefined) {
        this.damage(candidate, position, 'a frame does not match its checksum');
      }
    }
    const [place] = this.history.lost;
    if (place !== undefined) {
      for (const candidate of this.candidates.values()) {
        this.damage(candidate, place, 'frames can not be read, nobody knows whose');
      }
    }
    for (const { recovery, damage } of this.candidates.values()) {
      if (damage !== undefined) recovery.condemn(damage);
    }
  }

  /** The first damage in the log is the one that is told; what follows from it is not. */
  private damage(candidate: Candidate, position: WalPosition, reason: string): void {
    const { damagedAt, row } = candidate;
    if (damagedAt !== undefined && comparePositions(damagedAt, position) <= 0) return;
    const file = this.source.pathOf(position.file);
    candidate.damagedAt = position;
    candidate.damage = { file, position: position.offset, offset: row?.logEnd ?? 0, reason };
  }

  private async finish(): Promise<RecoveredStore> {
    const lost = new Map<string, Damage>();
    const queue = this.candidates[Symbol.iterator]();
    const failures: unknown[] = [];
    const work = async (): Promise<void> => {
      for (const [replicaId, { channel, recovery, damage }] of queue) {
        if (failures.length > 0) return;
        try {
          channel.replica = await recovery.finish();
        } catch (error) {
          failures.push(error);
          return;
        }
        // Its first row must be taken after its segments are synced.
        channel.dirty = true;
        if (damage !== undefined) lost.set(replicaId, damage);
      }
    };
    // When one fails the others end first: nothing may touch a file once the directory is given up.
    await Promise.all(Array.from({ length: CONCURRENT_SCANS }, work));
    if (failures.length > 0) throw failures[0];
    const channels = [...this.candidates.values()].map(({ channel }) => channel);
    return { channels, lost, retired: this.retired };
  }
}

/** The table of the newest checkpoint; an empty one when there is none (the caller knows what that means). */
function readTable(source: WalSource, history: WalHistory): CheckpointTable {
  const { checkpoint } = history;
  if (checkpoint === undefined) return { start: { file: 0, offset: 0 }, rows: [], retired: [] };
  const { position } = checkpoint;
  const file = source.fileSystem.openSync(source.pathOf(position.file), 'read');
  try {
    const seal = fileSeal(source.directoryId, position.file);
    for (const found of scanWalFile(file, seal, position.offset)) {
      if (found.kind === 'frame') return readCheckpoint(found.body);
      break;
    }
  } finally {
    file.closeSync();
  }
  const message = `the checkpoint at byte ${position.offset} of ${source.pathOf(position.file)} can not be read any more`;
  throw zhumqError('DATA_CORRUPT', message, {
    file: source.pathOf(position.file),
    position: position.offset,
  });
}

/** What the write-ahead log has lost, as errors for the operator; empty when it is whole. */
export function describeDamage(source: WalSource, history: WalHistory): Error[] {
  const places = [...history.lost, ...history.rotten.map(({ position }) => position)];
  return places.sort(comparePositions).map(({ file, offset }) => {
    const path = source.pathOf(file);
    const message = `${path} is damaged at byte ${offset}, below what was known to be on disk`;
    return zhumqError('DATA_CORRUPT', message, { file: path, position: offset });
  });
}
