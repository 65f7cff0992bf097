// The data directory: its layout, its lock, and its identity. docs/storage-format.md has the picture.
//
//   meta         DirectoryIdentity of state.proto behind its CRC-32C
//   lock         names the process that uses the directory (process-lock.ts)
//   wal/         the write-ahead log (wal-files.ts)
//   partitions/  a folder per replica (partition-folders.ts)
//   quarantine/  folders that nobody could account for, or that an operator should look at
//   deleted/     folders on their way out
//
// Clean or not (rule 11): what was written but not synced is gone only when the machine stopped. So a start is clean when
// the last stop left the clean marker or the kernel's boot id is still the same. An unclean start stays unclean, over
// any number of restarts, until the broker says that it dealt with it (`settle`): had it died before tainting its
// replicas, the next start on the same boot would otherwise look clean.
import { dirname, join } from 'node:path';
import type { DirectoryIdentity } from '@zhumq/model';
import { directoryIdentityCodec, zhumqError } from '@zhumq/model';
import type { DirectoryLock, FileSystem } from '../file-system/file-system.js';
import { systemCode } from '../file-system/file-system.js';
import { readSealedFile, replaceSmallFile, sealContent } from '../file-system/small-file.js';

/** Not ours to open, read-only, or of a file system that has no syncs of directories. */
const UNSYNCABLE: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL']);

export class DataDirectory {
  readonly wal: string;
  readonly partitions: string;
  readonly quarantine: string;
  readonly deleted: string;
  private readonly meta: string;
  private readonly lock: DirectoryLock;
  private identity: DirectoryIdentity | undefined;
  private unsettled = false;
  private lastSave: Promise<void> = Promise.resolve();
  /** Directories that got a new entry: parents of what this start made. */
  private readonly unsynced = new Set<string>();

  /** Makes what is missing and takes the lock; throws DATA_DIRECTORY_LOCKED. */
  constructor(
    readonly path: string,
    private readonly fileSystem: FileSystem,
  ) {
    this.meta = join(path, 'meta');
    this.wal = join(path, 'wal');
    this.partitions = join(path, 'partitions');
    this.quarantine = join(path, 'quarantine');
    this.deleted = join(path, 'deleted');
    this.make(path);
    this.lock = fileSystem.lockSync(join(path, 'lock'));
    for (const made of [this.wal, this.partitions, this.quarantine, this.deleted]) {
      this.make(made);
    }
  }

  /** Set once `begin` has returned. */
  get own(): DirectoryIdentity {
    if (this.identity === undefined) throw new Error('the data directory was not begun');
    return this.identity;
  }

  /** Whether everything ever written is still there. */
  get cleanStart(): boolean {
    return !this.unsettled;
  }

  /** What the last life left; undefined in a new directory. Throws DATA_DIRECTORY_MISMATCH, DATA_CORRUPT. */
  readIdentity(brokerId: number, clusterId: string | undefined): DirectoryIdentity | undefined {
    const content = readSealedFile(this.fileSystem, this.meta);
    if (content === undefined) {
      this.refuseOrphans();
      return undefined;
    }
    const found = directoryIdentityCodec.decode(content);
    if (found.broker !== brokerId) throw this.mismatch('broker', found.broker, brokerId);
    if (clusterId !== undefined && found.clusterId !== '' && found.clusterId !== clusterId) {
      throw this.mismatch('cluster', found.clusterId, clusterId);
    }
    return found;
  }

  /** A new life of a known directory; durable before anything else is written. */
  async resume(found: DirectoryIdentity, bootId: string): Promise<void> {
    await this.syncMade();
    const survived = found.clean || (bootId !== '' && found.bootId === bootId);
    this.unsettled = !survived;
    this.identity = {
      ...found,
      incarnation: found.incarnation + 1,
      // While unsettled the old boot id stays: no later start may take itself for a clean one.
      bootId: survived ? bootId : found.bootId,
      clean: false,
    };
    await this.save((identity) => identity);
  }

  /**
   * The first life of a new directory. Saved after the first checkpoint is durable: a `meta` without a checkpoint means
   * that the write-ahead log was lost, never that a start did not come to its end.
   */
  async begin(identity: DirectoryIdentity): Promise<void> {
    await this.syncAbove();
    this.identity = identity;
    await this.save((own) => own);
  }

  /** Takes another identity, because replicas of the old one may have been lost without a trace. */
  async rename(directoryId: string): Promise<void> {
    await this.save((identity) => ({ ...identity, directoryId }));
  }

  async adoptCluster(clusterId: string): Promise<void> {
    const known = this.own.clusterId;
    if (known === clusterId) return;
    if (known !== '') throw this.mismatch('cluster', known, clusterId);
    await this.save((identity) => ({ ...identity, clusterId }));
  }

  /** The broker has dealt with an unclean start. */
  async settle(bootId: string): Promise<void> {
    if (!this.unsettled) return;
    await this.save((identity) => ({ ...identity, bootId }));
    this.unsettled = false;
  }

  /** Everything is synced and nothing will be written: the next start is clean, unless this one is not settled. */
  async markClean(): Promise<void> {
    if (!this.unsettled) await this.save((identity) => ({ ...identity, clean: true }));
  }

  unlock(): void {
    this.lock.release();
  }

  /** Makes a directory and remembers whose entries are new: a name that is not synced does not survive (row 25). */
  private make(path: string): void {
    for (let at = path; this.fileSystem.statSync(at) === undefined; at = dirname(at)) {
      this.unsynced.add(dirname(at));
    }
    this.fileSystem.makeDirectorySync(path);
  }

  private async syncMade(): Promise<void> {
    // The innermost come first: a directory is reachable only when all above it are.
    for (const path of this.unsynced) await this.fileSystem.syncDirectory(path);
    this.unsynced.clear();
  }

  /**
   * What this start made, and every directory above: an earlier start may have made them and died before it synced them,
   * and a data directory whose own name is lost takes everything with it.
   */
  private async syncAbove(): Promise<void> {
    const made = new Set(this.unsynced);
    await this.syncMade();
    for (let path = dirname(this.path); ; path = dirname(path)) {
      if (!made.has(path)) await this.syncGiven(path);
      if (path === dirname(path)) return;
    }
  }

  /** A directory in which nobody can have made one for us needs no sync. */
  private async syncGiven(path: string): Promise<void> {
    try {
      await this.fileSystem.syncDirectory(path);
    } catch (error) {
      if (!UNSYNCABLE.has(systemCode(error) ?? '')) throw error;
    }
  }

  /** One after the other: they share a temporary name, and each builds on what the one before left. */
  private save(change: (identity: DirectoryIdentity) => DirectoryIdentity): Promise<void> {
    const saved = this.lastSave.then(async () => {
      const identity = change(this.own);
      const content = sealContent(directoryIdentityCodec.encode(identity));
      await replaceSmallFile(this.fileSystem, this.meta, content);
      this.identity = identity;
    });
    this.lastSave = saved.catch(() => undefined);
    return saved;
  }

  /** A directory without `meta` is new, unless replicas are in it: then it lost its identity, and their votes with it. */
  private refuseOrphans(): void {
    const [folder] = this.fileSystem.listSync(this.partitions);
    if (folder === undefined) return;
    const message = `${this.meta} is missing, but ${this.partitions} holds ${folder} and perhaps more; move the data directory away to start as a new broker`;
    throw zhumqError('DATA_CORRUPT', message, { file: this.meta, position: 0 });
  }

  private mismatch(what: string, found: string | number, expected: string | number): Error {
    return zhumqError(
      'DATA_DIRECTORY_MISMATCH',
      `${this.path} belongs to ${what} ${found}, not to ${expected}`,
      { dataDirectory: this.path, found, expected },
    );
  }
}
