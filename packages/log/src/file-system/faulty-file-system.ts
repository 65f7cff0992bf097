// A file system in memory that loses power, fails and rots on request. For tests and for the simulator.
//
// It keeps two truths: what processes see, and what is on disk. A power loss (`crash`) keeps of every unsynced write an
// arbitrary part (nothing, all, some sectors, some bytes), and of every unsynced change of a directory either the
// change or not, later ones also without earlier ones of other names. That is the weakest disk that file-system.ts
// allows; what survives it here survives ext4, xfs and their write-back caches.
import { dirname } from 'node:path';
import type { Random } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { DiskFile } from './disk-file.js';
import { FaultyFileHandle } from './faulty-file-handle.js';
import { systemError } from './system-error.js';
import type { DirectoryLock, FileHandle, FileStatus, FileSystem, OpenMode } from './file-system.js';

export type OperationKind =
  | 'open'
  | 'read'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'preallocate'
  | 'makeDirectory'
  | 'rename'
  | 'unlink'
  | 'removeDirectory'
  | 'syncDirectory';

/** One operation as it was asked for. A sync appears twice: when it began and when it was done. */
export interface Operation {
  readonly kind: OperationKind | 'synced';
  readonly path: string;
  readonly position: number;
  readonly bytes: number;
}

/** What to do to the n-th operation (counted from 0, of those that `fault` is asked about). */
export type Fault =
  | { readonly kind: 'error'; readonly code: 'EIO' | 'ENOSPC' }
  /** The sync fails once; the kernel drops the dirty pages and calls them clean. */
  | { readonly kind: 'dropPages' }
  /** The process dies here: this operation and all later ones do not return. */
  | { readonly kind: 'crash' };

/** Thrown by every operation of a process that is dead. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash';
}

type Entry = DiskFile | 'directory';

/** A change of a name, not yet on disk. Both names of a rename change together. */
interface NameChange {
  readonly set: ReadonlyMap<string, Entry | undefined>;
}

const SYNC_LIKE = new Set<string>(['sync', 'syncDirectory', 'preallocate']);

export class FaultyFileSystem implements FileSystem {
  /** In the order in which they were asked for. */
  readonly operations: Operation[] = [];
  /** Asked before every operation that changes something; undefined: nothing happens to it. */
  fault: ((operation: Operation, index: number) => Fault | undefined) | undefined;
  recording = true;
  /** How long the device takes: awaited by everything that waits for it. */
  device: () => Promise<void> = () => Promise.resolve();
  freeSpace = 1e12;
  /** Unsynced writes of which a power loss left a part. */
  tornWrites = 0;
  private seen = new Map<string, Entry>([['/', 'directory']]);
  private onDisk = new Map<string, Entry>([['/', 'directory']]);
  private unsynced: NameChange[] = [];
  private locks = new Set<string>();
  private counter = 0;
  /** Operations of handles of an earlier life do not return. */
  private life = 0;
  private dead = false;

  /** Operations counted so far. */
  get operationCount(): number {
    return this.counter;
  }

  openSync(path: string, mode: OpenMode): FileHandle {
    let file = this.seen.get(path);
    if (file === 'directory') throw systemError('EISDIR', path);
    if (file !== undefined && mode === 'create') throw systemError('EEXIST', path);
    if (file === undefined) {
      if (mode === 'read') throw systemError('ENOENT', path);
      if (this.seen.get(dirname(path)) !== 'directory') throw systemError('ENOENT', path);
      this.begin('open', path);
      file = new DiskFile();
      this.change(new Map([[path, file]]));
    } else {
      this.assertLife(this.life);
    }
    return new FaultyFileHandle(path, file, this, this.life);
  }

  statSync(path: string): FileStatus | undefined {
    const entry = this.seen.get(path);
    if (entry === undefined) return undefined;
    const isDirectory = entry === 'directory';
    return { isDirectory, bytes: isDirectory ? 0 : entry.bytes };
  }

  listSync(directory: string): string[] {
    const prefix = directory === '/' ? '/' : `${directory}/`;
    const names: string[] = [];
    for (const path of this.seen.keys()) {
      const name = path.slice(prefix.length);
      if (path.startsWith(prefix) && name !== '' && !name.includes('/')) names.push(name);
    }
    return names.sort();
  }

  makeDirectorySync(path: string): void {
    if (this.seen.get(path) === 'directory') return;
    this.makeDirectorySync(dirname(path));
    this.begin('makeDirectory', path);
    this.change(new Map([[path, 'directory']]));
  }

  renameSync(from: string, to: string): void {
    if (!this.seen.has(from)) throw systemError('ENOENT', from);
    this.begin('rename', `${from} -> ${to}`);
    const moved = new Map<string, Entry | undefined>();
    for (const [path, entry] of this.seen) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      moved.set(path, undefined);
      moved.set(to + path.slice(from.length), entry);
    }
    this.change(moved);
  }

  unlinkSync(path: string): void {
    if (!this.seen.has(path)) throw systemError('ENOENT', path);
    this.begin('unlink', path);
    this.change(new Map([[path, undefined]]));
  }

  removeDirectorySync(path: string): void {
    if (this.listSync(path).length > 0) throw systemError('ENOTEMPTY', path);
    this.begin('removeDirectory', path);
    this.change(new Map([[path, undefined]]));
  }

  async syncDirectory(path: string): Promise<void> {
    const { life } = this;
    this.begin('syncDirectory', path);
    if (this.seen.get(path) !== 'directory') throw systemError('ENOENT', path);
    const covered = this.unsynced.filter(({ set }) =>
      [...set.keys()].some((name) => dirname(name) === path),
    );
    await this.device();
    this.assertLife(life);
    for (const { set } of covered) applyChange(this.onDisk, set);
    const done = new Set(covered);
    this.unsynced = this.unsynced.filter((change) => !done.has(change));
    this.record('synced', path, 0, 0);
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.freeSpace);
  }

  lockSync(path: string): DirectoryLock {
    if (this.locks.has(path)) {
      throw zhumqError('DATA_DIRECTORY_LOCKED', `${path} is held by process 1`, { pid: 1 });
    }
    this.locks.add(path);
    return { release: () => void this.locks.delete(path) };
  }

  /** The process is killed: nothing it does from now on has an effect; what it wrote stays in the page cache. */
  kill(): void {
    this.dead = false;
    this.life++;
    this.locks = new Set();
    this.fault = undefined;
    this.counter = 0;
  }

  /** Power loss. What was not synced survives in an arbitrary part, drawn from `random`. */
  crash(random: Random): void {
    const lost = new Set<string>();
    for (const { set } of this.unsynced) {
      const names = [...set.keys()];
      // A change that stands on a lost one of the same name is lost, too.
      if (random.below(2) === 0 || names.some((name) => lost.has(name))) {
        for (const name of names) lost.add(name);
      } else {
        applyChange(this.onDisk, set);
      }
    }
    this.unsynced = [];
    const files = new Set<DiskFile>();
    for (const entry of [...this.onDisk.values(), ...this.seen.values()]) {
      if (entry !== 'directory') files.add(entry);
    }
    for (const file of files) this.tornWrites += file.crash(random);
    this.dropOrphans();
    this.seen = new Map(this.onDisk);
    this.kill();
  }

  /**
   * Another machine with the same disk and page cache, on which no process runs yet: what this one would be if it failed
   * now. Files share their bytes until one of the two writes.
   */
  fork(): FaultyFileSystem {
    const copy = new FaultyFileSystem();
    const copies = new Map<Entry, Entry>([['directory', 'directory']]);
    const copyOf = (entry: Entry): Entry => {
      let known = copies.get(entry);
      if (known === undefined && entry !== 'directory') copies.set(entry, (known = entry.fork()));
      return known ?? entry;
    };
    const names = (from: ReadonlyMap<string, Entry>): Map<string, Entry> =>
      new Map([...from].map(([path, entry]) => [path, copyOf(entry)]));
    copy.seen = names(this.seen);
    copy.onDisk = names(this.onDisk);
    copy.unsynced = this.unsynced.map(({ set }) => ({
      set: new Map([...set].map(([path, entry]) => [path, entry && copyOf(entry)])),
    }));
    copy.freeSpace = this.freeSpace;
    copy.recording = this.recording;
    return copy;
  }

  /** A file's bytes as processes see them. */
  contentOf(path: string): Buffer {
    return this.fileAt(path).read();
  }

  /** Whether a power loss leaves that file its name. */
  isNamed(path: string): boolean {
    const entry = this.seen.get(path);
    return entry !== undefined && this.onDisk.get(path) === entry;
  }

  /** A bit rots, on disk and in the cache. */
  flipBit(path: string, position: number, bit: number): void {
    this.fileAt(path).flipBit(position, bit);
  }

  /** Overwrites a file's bytes on disk and in the cache, as another program might. */
  replaceContent(path: string, content: Buffer): void {
    this.fileAt(path).replace(content);
  }

  /** Paths of all files, sorted. */
  files(): string[] {
    return [...this.seen]
      .filter(([, entry]) => entry !== 'directory')
      .map(([path]) => path)
      .sort();
  }

  // ---- for handles

  /** Counts an operation and does to it what `fault` says. */
  begin(kind: OperationKind, path: string, position = 0, bytes = 0): Fault | undefined {
    this.assertLife(this.life);
    const operation = this.record(kind, path, position, bytes);
    const fault = this.fault?.(operation, this.counter++);
    if (fault === undefined) return undefined;
    if (fault.kind === 'crash') {
      this.dead = true;
      throw new SimulatedCrash(`died at ${kind} of ${path}`);
    }
    if (fault.kind === 'error') throw systemError(fault.code, path);
    if (SYNC_LIKE.has(kind)) return fault;
    throw systemError('EIO', path);
  }

  assertLife(life: number): void {
    if (this.dead || life !== this.life) throw new SimulatedCrash('this process is dead');
  }

  record(kind: Operation['kind'], path: string, position: number, bytes: number): Operation {
    const operation = { kind, path, position, bytes };
    if (this.recording) this.operations.push(operation);
    return operation;
  }

  private change(set: ReadonlyMap<string, Entry | undefined>): void {
    applyChange(this.seen, set);
    this.unsynced.push({ set });
  }

  /** A name whose directory did not survive is gone with it. */
  private dropOrphans(): void {
    for (const path of [...this.onDisk.keys()].sort()) {
      if (path !== '/' && this.onDisk.get(dirname(path)) !== 'directory') this.onDisk.delete(path);
    }
  }

  private fileAt(path: string): DiskFile {
    const entry = this.seen.get(path);
    if (entry === undefined || entry === 'directory') throw systemError('ENOENT', path);
    return entry;
  }
}

function applyChange(names: Map<string, Entry>, set: ReadonlyMap<string, Entry | undefined>): void {
  for (const [name, entry] of set) {
    if (entry === undefined) names.delete(name);
    else names.set(name, entry);
  }
}
