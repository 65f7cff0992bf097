// The disk as a port: what the log asks of a file system, and nothing else. NodeFileSystem (node-file-system.ts) is the
// only code of this package that touches node:fs; FaultyFileSystem (faulty-file-system.ts) loses power on request.
//
// Writes and reads of small things are synchronous: an unsynced write is a copy into the page cache (2 us for 1 KB), a
// hop to the thread pool costs 35 us. What waits for the device is asynchronous: syncs, reads of cold data.
//
// What a caller may rely on after a power loss, and nothing more:
// - bytes of a file: those written before a `sync` began that has returned without an error;
// - names in a directory: those made, renamed or removed before a `syncDirectory` of it began that has returned. Syncing
//   a file does not keep its name;
// - a rename is atomic: afterwards the new name means the old file or the new one.
// A sync that failed is never repeated: the kernel may have dropped the pages and would report success (rule 7).

/** An open file. Methods throw the system's errors (`code`: ENOSPC, EIO …). */
export interface FileHandle {
  readonly path: string;
  /** Fills `buffer` from `position`; fewer bytes only at the end of the file. */
  readSync(buffer: Buffer, position: number): number;
  /** The same through the thread pool, for data that is not likely to be in memory. */
  read(buffer: Buffer, position: number): Promise<number>;
  /** Writes all buffers one after the other; a short write is completed or thrown. */
  writeSync(buffers: readonly Buffer[], position: number): void;
  truncateSync(bytes: number): void;
  sizeSync(): number;
  /** Makes the file at least this long, of written zeros, and syncs it, so that later overwriting syncs need no metadata. */
  preallocate(bytes: number): Promise<void>;
  /** fdatasync. */
  sync(): Promise<void>;
  closeSync(): void;
}

/** `create`: must not exist. `write`: created when absent. `read`: must exist. */
export type OpenMode = 'read' | 'write' | 'create';

export interface FileSystem {
  openSync(path: string, mode: OpenMode): FileHandle;
  /** undefined when nothing has that name. */
  statSync(path: string): FileStatus | undefined;
  /** Names, sorted; an empty list when there is no such directory. */
  listSync(directory: string): string[];
  makeDirectorySync(path: string): void;
  /** Replaces what has the new name. Moves directories, too. */
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  /** The directory must be empty. */
  removeDirectorySync(path: string): void;
  syncDirectory(path: string): Promise<void>;
  /** Bytes that this process may still use. */
  freeBytes(path: string): Promise<number>;
  /** Held until released or until the process ends, however it ends; throws DATA_DIRECTORY_LOCKED. */
  lockSync(path: string): DirectoryLock;
}

export interface FileStatus {
  readonly isDirectory: boolean;
  readonly bytes: number;
}

export interface DirectoryLock {
  release(): void;
}

/** The system's code of an error (`ENOSPC`), or `undefined`. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}
