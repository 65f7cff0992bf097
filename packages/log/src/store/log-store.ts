// The store of a broker: one data directory, one write-ahead log, the logs of all replicas. How it comes to life is in
// store-opening.ts, what happens at the end of a tick in group-commit.ts.
import { replicaIdentityCodec, zhumqError } from '@zhumq/model';
import type {
  Damage,
  LogConfig,
  ReplicaIdentity,
  ReplicaLog,
  StoreOptions,
  WalParticipant,
} from '../types.js';
import type { Checkpointer } from './checkpointer.js';
import type { DataDirectory } from './data-directory.js';
import type { DiskSpace } from './disk-space.js';
import type { GroupCommit } from './group-commit.js';
import type { PartitionFolders } from './partition-folders.js';
import { ReplicaChannel } from './replica-channel.js';
import type { SegmentSyncs } from './segment-syncs.js';
import type { StoreEnvironment } from './store-environment.js';
import { openStoreParts } from './store-opening.js';
import { FrameKind, layOutFrame } from './wal-frame.js';
import type { WalWriter } from './wal-writer.js';

/** What a store consists of once it is open. */
export interface StoreParts {
  readonly directory: DataDirectory;
  readonly folders: PartitionFolders;
  readonly writer: WalWriter;
  readonly commit: GroupCommit;
  readonly syncs: SegmentSyncs;
  readonly checkpointer: Checkpointer;
  readonly diskSpace: DiskSpace;
  /** Open replicas, by id; those that lost their identity among them. */
  readonly channels: Map<string, ReplicaChannel>;
  readonly lost: Map<string, Damage>;
  /** Ids that are never used again; those in `lost` among them. */
  readonly retired: Set<string>;
  readonly corruption: readonly Error[];
  readonly quarantined: readonly QuarantinedFolder[];
}

export interface QuarantinedFolder {
  /** Where it is now. */
  readonly path: string;
  readonly reason: string;
}

const NOTHING = Buffer.alloc(0);

export class LogStore {
  private closed = false;

  private constructor(
    private readonly parts: StoreParts,
    private readonly environment: StoreEnvironment,
  ) {}

  /**
   * Takes the lock, recovers every replica and ends with a durable checkpoint. Throws DATA_DIRECTORY_LOCKED,
   * DATA_DIRECTORY_MISMATCH (another broker or cluster), DATA_CORRUPT (no identity can be read), DISK_FAILED.
   */
  static async open(options: StoreOptions, environment: StoreEnvironment): Promise<LogStore> {
    return new LogStore(await openStoreParts(options, environment), environment);
  }

  get directoryId(): string {
    return this.parts.directory.own.directoryId;
  }

  /** Empty until `adoptCluster`. */
  get clusterId(): string {
    return this.parts.directory.own.clusterId;
  }

  /** Grows with each start, over replaced directories too; durable before anything else of a start is. */
  get incarnation(): number {
    return this.parts.directory.own.incarnation;
  }

  /** False when unsynced writes may have been lost and `settleUncleanStart` was not called since (rules 11, 16). */
  get cleanStart(): boolean {
    return this.parts.directory.cleanStart;
  }

  /** What the write-ahead log was found to have lost (DATA_CORRUPT, with file and position); empty when nothing. */
  get corruption(): readonly Error[] {
    return this.parts.corruption;
  }

  /** Folders that this start moved to quarantine. */
  get quarantinedAtStart(): readonly QuarantinedFolder[] {
    return this.parts.quarantined;
  }

  /** Bytes written by replicas that are not durable yet: where back-pressure begins. */
  get pendingBytes(): number {
    return this.parts.commit.pendingBytes;
  }

  get freeBytes(): number {
    return this.parts.diskSpace.freeBytes;
  }

  /** Less than `diskReserveBytes` is free. */
  get diskFull(): boolean {
    return this.parts.diskSpace.full;
  }

  /** Once, when the broker first joins a cluster; durable when it resolves. Throws DATA_DIRECTORY_MISMATCH. */
  adoptCluster(clusterId: string): Promise<void> {
    return this.parts.directory.adoptCluster(clusterId);
  }

  /**
   * To be called after an unclean start, once every replica that may lack what it acknowledged is tainted durably and
   * the zkserver knows of the unclean start. Until then every later start is unclean as well.
   */
  settleUncleanStart(): Promise<void> {
    return this.parts.directory.settle(this.environment.bootId);
  }

  /** All replicas in service, damaged ones among them; not those that lost their identity. */
  replicas(): ReplicaLog[] {
    const logs: ReplicaLog[] = [];
    for (const [replicaId, { replica }] of this.parts.channels) {
      if (replica !== undefined && !this.parts.lost.has(replicaId)) logs.push(replica);
    }
    return logs;
  }

  replica(replicaId: string): ReplicaLog | undefined {
    if (this.parts.lost.has(replicaId)) return undefined;
    return this.parts.channels.get(replicaId)?.replica;
  }

  /**
   * Replicas whose frames were lost to damage of the write-ahead log (rule 24): a vote may be among what is gone, so they
   * never vote, lead or count again. The log may be read; a new replica takes over, then `deleteReplica`.
   */
  lostReplicas(): readonly { readonly log: ReplicaLog; readonly damage: Damage }[] {
    const found: { log: ReplicaLog; damage: Damage }[] = [];
    for (const [replicaId, damage] of this.parts.lost) {
      const log = this.parts.channels.get(replicaId)?.replica;
      if (log !== undefined) found.push({ log, damage });
    }
    return found;
  }

  /** Deleted, moved to quarantine, or without its identity: this id is not used again here (rule 6). */
  isRetired(replicaId: string): boolean {
    return this.parts.retired.has(replicaId);
  }

  /**
   * Forgets retired ids that nothing refers to any more: not the cluster (`named`), no folder, quarantine included, and no
   * row of the table. Replica ids are random and never given twice, so nobody asks for them again. Durable with the next
   * checkpoint; one that comes back with an older checkpoint is forgotten again.
   */
  forgetRetired(named: ReadonlySet<string>): void {
    const { channels, folders, retired } = this.parts;
    const unnamed = [...retired].filter((id) => !named.has(id) && !channels.has(id));
    if (unnamed.length === 0) return;
    const prefixes = folders.idPrefixes();
    for (const id of unnamed) if (!prefixes.has(id.slice(0, 8))) retired.delete(id);
  }

  /**
   * A new, empty replica. It may be written to at once; nothing of it counts before the frame that makes it is durable.
   * Throws REPLICA_FAILED for an id that exists or was retired.
   */
  createReplica(identity: ReplicaIdentity, config: LogConfig): ReplicaLog {
    this.assertOpen();
    const { channels, retired, folders, commit } = this.parts;
    const { replicaId } = identity;
    const folder = folders.nameOf(identity);
    if (retired.has(replicaId) || channels.has(replicaId) || folders.exists(folder)) {
      const how = retired.has(replicaId) ? 'was taken out of service here' : 'exists already';
      throw zhumqError('REPLICA_FAILED', `replica ${replicaId} of ${folder} ${how}`, { replicaId });
    }
    const channel = new ReplicaChannel(identity, folder, commit, -1);
    channel.replica = this.makeReplica(channel, config);
    const body = replicaIdentityCodec.encode(identity);
    commit.gatherCreation(channel, layOutFrame(FrameKind.create, channel.id, 0, body));
    channels.set(replicaId, channel);
    return channel.replica;
  }

  /** After the topic's tombstone: the id is retired, durably, then the files go. Resolves when they are gone. */
  async deleteReplica(replicaId: string): Promise<void> {
    const folder = await this.retire(replicaId);
    if (folder === undefined) return;
    await this.parts.folders.remove(folder);
    this.parts.checkpointer.request();
  }

  /** Out of service for good, files kept in quarantine/ for a person to look at; returns where. */
  async quarantine(replicaId: string, reason: string): Promise<string | undefined> {
    const folder = await this.retire(replicaId);
    if (folder === undefined) return undefined;
    const path = await this.parts.folders.setAside(folder, reason);
    this.environment.logger.warn({ replicaId, path, reason }, 'replica moved to quarantine');
    return path;
  }

  /** Resolves when a checkpoint that was begun after this call is durable. */
  checkpoint(): Promise<void> {
    return this.parts.checkpointer.take();
  }

  /** Everything written so far is on disk, whatever its flush policy: segments by a checkpoint, then the clean marker. */
  async close(): Promise<void> {
    if (this.closed) return;
    const { checkpointer, commit, directory, syncs } = this.parts;
    syncs.stop();
    try {
      await checkpointer.take();
      // The mark behind the checkpoint: it makes damage of the checkpoint itself noticeable.
      await commit.synced();
    } catch (error) {
      await this.abort();
      throw error;
    }
    await this.release();
    await directory.markClean();
    directory.unlock();
  }

  /** Drops everything that was not written, as a kill would; for tests and for the way out after a fatal error. */
  async abort(): Promise<void> {
    if (this.closed) return;
    this.parts.commit.stop(zhumqError('LOG_CLOSED', 'the store was aborted'));
    this.parts.syncs.stop();
    // First the replicas: a checkpoint may wait for one of them.
    this.closeReplicas();
    await this.release();
    this.parts.directory.unlock();
  }

  private makeReplica(channel: ReplicaChannel, config: LogConfig): ReplicaLog & WalParticipant {
    const { folders } = this.parts;
    const { identity, folder } = channel;
    try {
      folders.ensure(identity, folder);
      const directory = folders.pathOf(folder);
      return this.environment.replicas.create({ identity, directory, config, wal: channel });
    } catch (error) {
      // A full disk, mostly: the id is not spent, the zkserver may try again.
      folders.discard(folder);
      const message = `the folder of replica ${identity.replicaId} could not be made in ${folder}`;
      throw zhumqError('DISK_FAILED', message, { replicaId: identity.replicaId }, error);
    }
  }

  private async release(): Promise<void> {
    this.closed = true;
    const { checkpointer, commit, diskSpace, writer } = this.parts;
    diskSpace.stop();
    await checkpointer.stop();
    commit.stop(zhumqError('LOG_CLOSED', 'the store was closed'));
    this.closeReplicas();
    await writer.close();
  }

  private closeReplicas(): void {
    for (const channel of this.parts.channels.values()) {
      if (!channel.closed) channel.replica?.close();
      channel.closed = true;
    }
  }

  /** The folder of a replica that is out of service now, durably; undefined when there is none of that id. */
  private async retire(replicaId: string): Promise<string | undefined> {
    this.assertOpen();
    const { channels, commit, lost, retired } = this.parts;
    const channel = channels.get(replicaId);
    if (channel === undefined) return undefined;
    channel.closed = true;
    channel.replica?.close();
    channels.delete(replicaId);
    lost.delete(replicaId);
    retired.add(replicaId);
    commit.gatherFrame(layOutFrame(FrameKind.retire, channel.id, 0, NOTHING));
    await commit.synced();
    return channel.folder;
  }

  private assertOpen(): void {
    if (this.closed) throw zhumqError('LOG_CLOSED', 'the store was closed');
  }
}
