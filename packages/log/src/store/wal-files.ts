// The files of the write-ahead log: which one is written, which one comes next, which ones may be used again.
//
//   <data-dir>/wal/<20 digits>.wal      the digits are the file's number and its generation (wal-frame.ts)
//
// A file is used again by renaming it to the next number: its blocks are allocated and written, so that overwriting them
// needs no metadata in the sync (2-3 times faster than growing a file). The next file is made ready in the background:
// renamed or preallocated, and the directory synced BEFORE the first frame is written to it, since frames in a file
// whose name is lost at a power failure would be lost with it. While it is not ready, the present file just grows.
import { join } from 'node:path';
import { assert } from '@zhumq/base';
import type { Logger } from '@zhumq/base';
import { systemCode } from '../file-system/file-system.js';
import type { FileHandle, FileSystem } from '../file-system/file-system.js';

const SUFFIX = '.wal';
/** Offsets are u32 in frames; a file never comes near unless the next one can not be made for a very long time. */
const MAX_FILE_BYTES = 0xffff_ffff;

export interface WalFile {
  readonly number: number;
  readonly handle: FileHandle;
}

export interface WalFilesOptions {
  readonly directory: string;
  readonly fileBytes: number;
  /** Files that are kept for another use; about as many as one checkpoint gives back. */
  readonly idleFiles: number;
  readonly fileSystem: FileSystem;
  readonly logger: Logger;
}

export function walFileName(number: number): string {
  return `${String(number).padStart(20, '0')}${SUFFIX}`;
}

/** Numbers of the files of a directory, rising. */
export function listWalFiles(fileSystem: FileSystem, directory: string): number[] {
  const numbers: number[] = [];
  for (const name of fileSystem.listSync(directory)) {
    if (/^\d{20}\.wal$/.test(name)) numbers.push(Number(name.slice(0, 20)));
  }
  return numbers.filter((number) => Number.isSafeInteger(number)).sort((a, b) => a - b);
}

export class WalFiles {
  /** The file that is written. */
  current: WalFile;
  private next: WalFile | undefined;
  private preparing: Promise<void> | undefined;
  /** The present file may grow to this size before another try to make the next one. */
  private retryAtBytes = 0;
  /** Numbers of files that nobody needs any more, rising. */
  private idle: number[] = [];

  private constructor(
    private readonly options: WalFilesOptions,
    first: WalFile,
  ) {
    this.current = first;
  }

  /**
   * Begins file `number` for a new life of the store; `unused` is a file that the last life had made ready. A start
   * without one waits for preallocation (about 2 ms per MB, once): a sync of a growing file costs several times as much.
   */
  static async open(
    options: WalFilesOptions,
    number: number,
    unused: number | undefined,
  ): Promise<WalFiles> {
    const { fileSystem, directory } = options;
    const path = join(directory, walFileName(number));
    if (unused !== undefined) fileSystem.renameSync(join(directory, walFileName(unused)), path);
    const handle = fileSystem.openSync(path, unused === undefined ? 'create' : 'write');
    try {
      await handle.preallocate(options.fileBytes);
    } catch (error) {
      // A full disk must not keep the broker from starting, and from deleting what fills it: the file grows instead.
      if (systemCode(error) !== 'ENOSPC') throw error;
      options.logger.warn({ err: error }, 'could not preallocate the write-ahead file');
    }
    await fileSystem.syncDirectory(directory);
    const files = new WalFiles(options, { number, handle });
    files.prepareNext();
    return files;
  }

  /** The file for a write of `bytes` after `offset` bytes of the present one: the same, or a fresh one. */
  fileFor(offset: number, bytes: number): WalFile {
    if (offset > 0 && offset + bytes > this.options.fileBytes) {
      if (this.next !== undefined) {
        this.current = this.next;
        this.next = undefined;
        this.retryAtBytes = 0;
        this.prepareNext();
      } else if (offset > this.retryAtBytes) {
        this.retryAtBytes = offset + this.options.fileBytes;
        this.prepareNext();
      }
    }
    const end = bytes + (offset > 0 ? offset : 0);
    assert(end <= MAX_FILE_BYTES, `write-ahead file ${this.current.number} would pass 4 GiB`);
    return this.current;
  }

  /** Files below `number` are behind a synced checkpoint (rule 5): kept for the next one, the surplus removed. */
  release(number: number): void {
    const { directory, fileSystem } = this.options;
    this.idle = listWalFiles(fileSystem, directory).filter((idle) => idle < number);
    // Used again or removed, the oldest go first, so that what is left never looks like an older log that is whole.
    const surplus = this.idle.splice(0, Math.max(0, this.idle.length - this.options.idleFiles));
    for (const idle of surplus) fileSystem.unlinkSync(this.pathOf(idle));
    this.prepareNext();
  }

  /** For `close`: resolves when nothing happens in the background any more. */
  async settled(): Promise<void> {
    await this.preparing;
  }

  closeAll(retired: readonly WalFile[]): void {
    for (const { handle } of retired) handle.closeSync();
    this.next?.handle.closeSync();
    this.next = undefined;
    this.current.handle.closeSync();
  }

  private prepareNext(): void {
    if (this.next !== undefined || this.preparing !== undefined) return;
    this.preparing = this.makeNext().then(
      (made) => {
        this.preparing = undefined;
        this.next = made;
      },
      (error: unknown) => {
        // A full disk, mostly. Nothing was promised yet: the present file grows, and a later write tries again.
        this.preparing = undefined;
        this.options.logger.warn({ err: error }, 'could not prepare the next write-ahead file');
      },
    );
  }

  private async makeNext(): Promise<WalFile> {
    const { directory, fileSystem, fileBytes } = this.options;
    const number = this.current.number + 1;
    const path = this.pathOf(number);
    const recycled = this.idle.shift();
    if (recycled !== undefined) fileSystem.renameSync(this.pathOf(recycled), path);
    const handle = fileSystem.openSync(path, 'write');
    try {
      if (handle.sizeSync() > 2 * fileBytes) handle.truncateSync(fileBytes);
      await handle.preallocate(fileBytes);
      await fileSystem.syncDirectory(directory);
      return { number, handle };
    } catch (error) {
      handle.closeSync();
      throw error;
    }
  }

  private pathOf(number: number): string {
    return join(this.options.directory, walFileName(number));
  }
}
