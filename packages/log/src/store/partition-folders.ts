// The folders of replicas below partitions/: made, set aside, deleted. Which replica has one is the write-ahead log's
// word; a folder that it does not know is moved to quarantine/, never deleted (rule 23, reliability row 31).
//
//   partitions/<topic>-<partition>.<8 hex of replicaId>/meta    ReplicaIdentity of state.proto behind its CRC-32C
import { join } from 'node:path';
import { partitionFolder, replicaIdentityCodec, zhumqError } from '@zhumq/model';
import type { FileSystem } from '../file-system/file-system.js';
import { readSealedFile, replaceSmallFile, sealContent } from '../file-system/small-file.js';
import type { ReplicaIdentity } from '../types.js';
import type { DataDirectory } from './data-directory.js';

const META = 'meta';
/** Names a folder can not have: they would lead out of partitions/. */
const UNSAFE_TOPIC = /[^a-zA-Z0-9._-]/u;

export class PartitionFolders {
  /** Folders that no `sync` has taken up since they were made. */
  private unsynced: string[] = [];
  /** Folders whose sync failed; it is never tried again (rule 7). */
  private readonly failed = new Map<string, Error>();
  /** One after the other: a call must not return while a folder that was made before it waits for an earlier one. */
  private lastSync: Promise<void> = Promise.resolve();

  constructor(
    private readonly directory: DataDirectory,
    private readonly fileSystem: FileSystem,
  ) {}

  nameOf(identity: ReplicaIdentity): string {
    const { topic, partition, replicaId } = identity;
    if (topic === '' || UNSAFE_TOPIC.test(topic) || !/^[0-9a-f]{32}$/.test(replicaId)) {
      const message = `no folder can be named for replica "${replicaId}" of topic "${topic}"`;
      throw zhumqError('INVALID_REQUEST', message);
    }
    return partitionFolder(topic, partition, replicaId);
  }

  pathOf(folder: string): string {
    return join(this.directory.partitions, folder);
  }

  list(): string[] {
    return this.fileSystem.listSync(this.directory.partitions);
  }

  exists(folder: string): boolean {
    return this.fileSystem.statSync(this.pathOf(folder)) !== undefined;
  }

  /**
   * Makes the folder and its `meta` without syncing: the replica's first frame in the write-ahead log holds the identity,
   * and `sync` comes before the first checkpoint that lets this frame go.
   */
  ensure(identity: ReplicaIdentity, folder: string): void {
    const path = this.pathOf(folder);
    this.fileSystem.makeDirectorySync(path);
    const file = this.fileSystem.openSync(join(path, META), 'write');
    try {
      const content = sealContent(replicaIdentityCodec.encode(identity));
      file.truncateSync(0);
      file.writeSync([content], 0);
    } finally {
      file.closeSync();
    }
    this.awaitSync(folder);
  }

  /** The folder may not be on disk; the next `sync` sees to it. */
  awaitSync(folder: string): void {
    this.unsynced.push(folder);
  }

  /** Whose folder it is; undefined when its `meta` is missing or does not verify. */
  readIdentity(folder: string): ReplicaIdentity | undefined {
    try {
      const content = readSealedFile(this.fileSystem, join(this.pathOf(folder), META));
      return content && replicaIdentityCodec.decode(content);
    } catch {
      // Damage is not news here: the caller treats it like a folder without identity.
      return undefined;
    }
  }

  /** First digits of the ids of the replicas that have a folder, also in quarantine/. */
  idPrefixes(): ReadonlySet<string> {
    const names = [...this.list(), ...this.fileSystem.listSync(this.directory.quarantine)];
    return new Set(names.map((name) => /\.([0-9a-f]{8})(?:\.\d+)?$/.exec(name)?.[1] ?? ''));
  }

  /**
   * Everything made so far is on disk: contents, then names from the inside out. Returns the folders whose sync failed,
   * now or earlier; throws when that of partitions/ does, then no folder made since can be relied on.
   */
  async sync(): Promise<ReadonlyMap<string, Error>> {
    const sync = this.lastSync.then(() => this.syncMade());
    this.lastSync = sync.catch(() => undefined);
    await sync;
    return this.failed;
  }

  private async syncMade(): Promise<void> {
    const folders = this.unsynced;
    if (folders.length === 0) return;
    this.unsynced = [];
    for (const folder of folders) {
      try {
        if (this.exists(folder)) await this.syncOne(this.pathOf(folder));
      } catch (error) {
        // Deleted, or set aside, meanwhile: nobody relies on it.
        if (this.exists(folder)) this.failed.set(folder, error as Error);
      }
    }
    await this.fileSystem.syncDirectory(this.directory.partitions);
  }

  /** Moves a folder to quarantine/ with a file that says why; returns its new path. */
  async setAside(folder: string, reason: string): Promise<string> {
    const { quarantine, partitions } = this.directory;
    const target = this.freeName(quarantine, folder);
    this.fileSystem.renameSync(this.pathOf(folder), target);
    await replaceSmallFile(this.fileSystem, join(target, 'reason'), Buffer.from(`${reason}\n`));
    await this.fileSystem.syncDirectory(quarantine);
    await this.fileSystem.syncDirectory(partitions);
    return target;
  }

  /** Out of sight at once (one rename), then file by file. The replica was retired, durably, before. */
  async remove(folder: string): Promise<void> {
    if (!this.exists(folder)) return;
    const target = this.freeName(this.directory.deleted, folder);
    this.fileSystem.renameSync(this.pathOf(folder), target);
    await this.fileSystem.syncDirectory(this.directory.deleted);
    await this.fileSystem.syncDirectory(this.directory.partitions);
    this.erase(target);
  }

  /** Ends deletions that a crash interrupted. */
  eraseDeleted(): void {
    for (const name of this.fileSystem.listSync(this.directory.deleted)) {
      this.erase(join(this.directory.deleted, name));
    }
  }

  /** Takes a folder back that was just made and whose replica could not be: nobody knows it yet. */
  discard(folder: string): void {
    this.unsynced = this.unsynced.filter((made) => made !== folder);
    try {
      if (this.exists(folder)) this.erase(this.pathOf(folder));
    } catch {
      // The same trouble again. The next start sets the folder aside.
    }
  }

  private async syncOne(path: string): Promise<void> {
    const file = this.fileSystem.openSync(join(path, META), 'write');
    try {
      await file.sync();
    } finally {
      file.closeSync();
    }
    await this.fileSystem.syncDirectory(path);
  }

  private erase(path: string): void {
    if (this.fileSystem.statSync(path)?.isDirectory !== true) {
      this.fileSystem.unlinkSync(path);
      return;
    }
    for (const name of this.fileSystem.listSync(path)) this.erase(join(path, name));
    this.fileSystem.removeDirectorySync(path);
  }

  private freeName(directory: string, folder: string): string {
    for (let number = 1; ; number++) {
      const path = join(directory, number === 1 ? folder : `${folder}.${number}`);
      if (this.fileSystem.statSync(path) === undefined) return path;
    }
  }
}
