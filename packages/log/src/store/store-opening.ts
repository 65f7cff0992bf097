// How a store comes to life:
//
//   lock ─► identity ─► new incarnation durable ─► read the write-ahead log ─► sync it ─► read it again: open its replicas
//        ─► set aside folders that nobody knows ─► new write-ahead file ─► checkpoint durable ─► in service
//
// A crash anywhere begins again from the same files: nothing old is changed before the checkpoint is durable, except
// segments that are written again with the same bytes or cut at the same place, and those that the frames have removed.
import { join } from 'node:path';
import { ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { systemCode } from '../file-system/file-system.js';
import type { CheckpointRow, Damage, ReplicaIdentity, StoreOptions } from '../types.js';
import { Checkpointer } from './checkpointer.js';
import { DataDirectory } from './data-directory.js';
import { DiskSpace } from './disk-space.js';
import { GroupCommit } from './group-commit.js';
import type { QuarantinedFolder, StoreParts } from './log-store.js';
import { PartitionFolders } from './partition-folders.js';
import { ReplicaChannel } from './replica-channel.js';
import { SegmentSyncs } from './segment-syncs.js';
import type { StoreEnvironment } from './store-environment.js';
import { StoreRecovery, describeDamage } from './store-recovery.js';
import { syncFrames } from './wal-rewrite.js';
import { WalFiles, listWalFiles, walFileName } from './wal-files.js';
import { readWalHistory } from './wal-history.js';
import type { WalHistory, WalSource } from './wal-history.js';
import { WalWriter } from './wal-writer.js';

/** However often a checkpoint is taken. */
const MAX_IDLE_FILES = 16;

export async function openStoreParts(
  options: StoreOptions,
  environment: StoreEnvironment,
): Promise<StoreParts> {
  const directory = new DataDirectory(options.dataDirectory, environment.fileSystem);
  const opening = new StoreOpening(options, environment, directory);
  try {
    return await opening.run();
  } catch (error) {
    opening.giveUp();
    directory.unlock();
    throw openingFailed(options.dataDirectory, error);
  }
}

/** What the file system says of a directory that is not as a broker leaves it, in our words; bugs stay what they are. */
function openingFailed(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (ZhumqError.is(error) || code === undefined) return error;
  const why = error instanceof Error ? error.message : String(error);
  const message = `the data directory ${path} could not be opened: ${why}`;
  return zhumqError('DISK_FAILED', message, { dataDirectory: path, errno: code }, error);
}

class StoreOpening {
  private readonly folders: PartitionFolders;
  private readonly commit: GroupCommit;
  private readonly syncs: SegmentSyncs;
  private checkpointer: Checkpointer | undefined;
  private writer: WalWriter | undefined;
  private readonly channels = new Map<string, ReplicaChannel>();
  private readonly retired = new Set<string>();
  private readonly lost = new Map<string, Damage>();
  private readonly quarantined: QuarantinedFolder[] = [];
  private corruption: readonly Error[] = [];

  constructor(
    private readonly options: StoreOptions,
    private readonly environment: StoreEnvironment,
    private readonly directory: DataDirectory,
  ) {
    this.folders = new PartitionFolders(directory, environment.fileSystem);
    this.commit = new GroupCommit({
      atEndOfTurn: environment.atEndOfTurn ?? ((callback) => void setImmediate(callback)),
      afterTick: () => this.checkpointer?.maybeTake(),
      onSegmentFailed: (channel, error) => this.failReplica(channel, error),
      onFatal: (error) => this.fail(error),
      syncWithin: (channel, ms) => this.syncs.syncWithin(channel, ms),
      syncSegments: (channel) => this.syncs.sync(channel),
    });
    this.syncs = new SegmentSyncs({
      clock: environment.clock,
      folders: this.folders,
      syncWal: () => this.commit.synced(),
      onFatal: (error) => this.commit.fail(error),
      onFailed: (channel, error) => this.failReplica(channel, error),
    });
  }

  async run(): Promise<StoreParts> {
    const { directory, environment, options } = this;
    this.folders.eraseDeleted();
    const found = directory.readIdentity(options.brokerId, options.clusterId);
    if (found !== undefined) await directory.resume(found, environment.bootId);
    const source = this.walSource(found?.directoryId ?? '');
    // The frames of a first start that did not come to its end are in nobody's name: they are passed over.
    const history = readWalHistory(source);
    let directoryId = found?.directoryId ?? environment.makeId();
    if (found !== undefined) {
      if (history.checkpoint === undefined) directoryId = await this.loseEverything(source);
      else await this.recover(source, history);
      await this.setAsideStrays();
    }
    await this.startWriting(directoryId, source, history);
    if (found === undefined) {
      await directory.begin({
        directoryId,
        broker: options.brokerId,
        clusterId: options.clusterId ?? '',
        incarnation: this.firstIncarnation(),
        bootId: environment.bootId,
        clean: false,
      });
    }
    return this.parts();
  }

  /**
   * Lives of a broker id keep growing when its disk is replaced: peers pass over what comes from an earlier life than
   * the newest they have seen. One start per millisecond is more than any directory ever counts.
   */
  private firstIncarnation(): number {
    return Math.max(1, Math.floor(this.environment.clock.wallMs()));
  }

  giveUp(): void {
    this.commit.stop(new Error('the store could not be opened'));
    this.syncs.stop();
    for (const channel of this.channels.values()) {
      channel.closed = true;
      channel.replica?.close();
    }
    void this.writer?.close();
  }

  private walSource(directoryId: string): WalSource {
    const { wal } = this.directory;
    const { fileSystem } = this.environment;
    const files = listWalFiles(fileSystem, wal);
    return { fileSystem, directoryId, files, pathOf: (file) => join(wal, walFileName(file)) };
  }

  private async recover(source: WalSource, history: WalHistory): Promise<void> {
    const { environment, options } = this;
    this.corruption = describeDamage(source, history);
    for (const error of this.corruption) {
      environment.logger.error({ err: error }, 'the write-ahead log is damaged');
    }
    await syncFrames(source, history);
    const recovered = await StoreRecovery.run(source, history, {
      fileSystem: environment.fileSystem,
      seat: (identity, row) => {
        const channel = this.seat(identity, row);
        const directory = this.folders.pathOf(channel.folder);
        const seat = { identity, directory, config: options.defaultConfig, wal: channel };
        return {
          channel,
          recovery: environment.replicas.recover(seat, row, this.directory.cleanStart),
        };
      },
    });
    for (const channel of recovered.channels) {
      this.channels.set(channel.identity.replicaId, channel);
    }
    for (const replicaId of recovered.retired) this.retired.add(replicaId);
    for (const [replicaId, damage] of recovered.lost) {
      this.lost.set(replicaId, damage);
      // In the table and among the retired: that is how a checkpoint remembers a lost identity.
      this.retired.add(replicaId);
      environment.logger.error({ replicaId, ...damage }, 'replica lost its identity');
    }
  }

  /**
   * There is no checkpoint, although every directory with an identity had one: which replicas were here, and for whom
   * they voted, is not known. So this is a new directory (rule 6), and what it holds is set aside.
   */
  private async loseEverything(source: WalSource): Promise<string> {
    const { environment } = this;
    const file = source.files.length > 0 ? source.pathOf(source.files[0]) : this.directory.wal;
    const message = `${file}: no complete checkpoint is left in the write-ahead log; all replicas of this broker are lost`;
    const error = zhumqError('DATA_CORRUPT', message, { file, position: 0 });
    this.corruption = [error];
    environment.logger.error({ err: error }, 'the write-ahead log is lost');
    const directoryId = environment.makeId();
    await this.directory.rename(directoryId);
    return directoryId;
  }

  private seat(identity: ReplicaIdentity, row: CheckpointRow | undefined): ReplicaChannel {
    const folder = this.folders.nameOf(identity);
    const there = this.folders.readIdentity(folder);
    // Missing: made again, empty. Then the log is shorter than its row says, and the partition log calls that damage.
    if (there?.replicaId !== identity.replicaId) this.folders.ensure(identity, folder);
    // Made shortly before a process was killed, and not synced since: its name may stand in the page cache only, and the
    // checkpoint of this start lets the frames go that would make it again.
    else if (row === undefined || wasNeverSynced(row)) this.folders.awaitSync(folder);
    return new ReplicaChannel(identity, folder, this.commit, row?.sequence ?? 0);
  }

  private async setAsideStrays(): Promise<void> {
    const known = new Set<string>();
    for (const { folder } of this.channels.values()) known.add(folder);
    for (const folder of this.folders.list()) {
      if (known.has(folder)) continue;
      const replicaId = this.folders.readIdentity(folder)?.replicaId;
      // When frames were lost, the one that made this replica may be among them: it may have voted.
      if (replicaId !== undefined && this.corruption.length > 0) this.retired.add(replicaId);
      const reason = strayReason(replicaId, this.retired);
      const path = await this.folders.setAside(folder, reason);
      this.quarantined.push({ path, reason });
      this.environment.logger.warn({ path, reason }, 'folder moved to quarantine');
    }
  }

  private async startWriting(
    directoryId: string,
    source: WalSource,
    history: WalHistory,
  ): Promise<void> {
    const { environment, options, directory } = this;
    const { fileSystem, clock, logger } = environment;
    const metrics = environment.metrics ?? {};
    const fileBytes = options.walFileBytes;
    const idleFiles = Math.min(MAX_IDLE_FILES, Math.ceil(options.checkpointBytes / fileBytes) + 1);
    const wal = { directory: directory.wal, fileBytes, idleFiles, fileSystem, logger };
    const number = (source.files.at(-1) ?? 0) + 1;
    const files = await WalFiles.open(wal, number, history.unused);
    const writer = new WalWriter({ directoryId, files, clock, metrics });
    this.writer = writer;
    this.commit.start(writer);
    this.checkpointer = new Checkpointer({
      checkpointBytes: options.checkpointBytes,
      commit: this.commit,
      writer,
      syncs: this.syncs,
      channels: () => this.channels.values(),
      retired: () => this.retired,
      clock,
      metrics,
    });
    await this.checkpointer.take();
  }

  private async parts(): Promise<StoreParts> {
    const { directory, environment, options } = this;
    const diskSpace = new DiskSpace({
      path: options.dataDirectory,
      reserveBytes: options.diskReserveBytes,
      fileSystem: environment.fileSystem,
      clock: environment.clock,
      logger: environment.logger,
    });
    await diskSpace.start();
    return {
      directory,
      folders: this.folders,
      writer: this.writer as WalWriter,
      commit: this.commit,
      syncs: this.syncs,
      checkpointer: this.checkpointer as Checkpointer,
      diskSpace,
      channels: this.channels,
      lost: this.lost,
      retired: this.retired,
      corruption: this.corruption,
      quarantined: this.quarantined,
    };
  }

  private failReplica(channel: ReplicaChannel, error: Error): void {
    if (channel.failure !== undefined) return;
    channel.failure = error;
    const { topic, partition, replicaId } = channel.identity;
    const message = `a write or sync of the segments of ${topic}-${partition} failed: ${error.message}`;
    const failure = zhumqError('DISK_FAILED', message, { topic, partition, replicaId }, error);
    this.environment.logger.error({ err: failure, replicaId }, 'replica is out of service');
    this.environment.metrics?.replicaFailed?.(replicaId);
    channel.replica?.fail(failure);
  }

  private fail(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const message = `the write-ahead log in ${this.directory.wal} failed: ${why}; nothing is acknowledged any more`;
    const file = this.directory.wal;
    const failure = zhumqError('DISK_FAILED', message, { file }, error);
    this.environment.logger.error({ err: failure }, 'the write-ahead log failed');
    this.syncs.stop();
    this.environment.onFatal(failure);
    // Whoever waits for a replica's frames learns that they never come.
    for (const channel of this.channels.values()) {
      channel.failure ??= failure;
      channel.replica?.fail(failure);
    }
  }
}

/** The row of a replica that failed counts writes that its segments do not have, and says that by its taint. */
function wasNeverSynced({ hardState, logEnd, sequence }: CheckpointRow): boolean {
  return sequence === 0 || (logEnd === 0 && hardState?.tainted === true);
}

function strayReason(replicaId: string | undefined, retired: ReadonlySet<string>): string {
  if (replicaId === undefined) return 'its meta file is missing or damaged';
  if (retired.has(replicaId)) return `replica ${replicaId} was taken out of service`;
  return `the write-ahead log does not know replica ${replicaId}`;
}
