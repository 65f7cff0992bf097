// The open files of all partitions: a bounded number, opened when needed, the least recently used closed first (a
// process may hold 20,000, a broker has thousands of partitions with several files each). Nobody else keeps a handle.
import type { FileHandle, FileSystem } from '../file-system/file-system.js';

interface OpenFile {
  readonly handle: FileHandle;
  readonly writable: boolean;
  /** Asynchronous reads and syncs under way; the file is closed after the last one. */
  users: number;
  discarded: boolean;
}

export class FileHandles {
  /** By path, least recently used first. */
  private readonly open = new Map<string, OpenFile>();

  constructor(
    private readonly fileSystem: FileSystem,
    private readonly limit: number,
  ) {}

  get count(): number {
    return this.open.size;
  }

  /** `write` makes the file when it is missing; `read` throws ENOENT. The handle must not be kept. */
  use<T>(path: string, mode: 'read' | 'write', action: (file: FileHandle) => T): T {
    return action(this.find(path, mode).handle);
  }

  /** The same for work that goes on; the file stays open until it is settled. */
  async useAsync<T>(
    path: string,
    mode: 'read' | 'write',
    action: (file: FileHandle) => Promise<T>,
  ): Promise<T> {
    const file = this.find(path, mode);
    file.users++;
    try {
      return await action(file.handle);
    } finally {
      file.users--;
      if (file.discarded && file.users === 0) file.handle.closeSync();
    }
  }

  /** Forgets the file of that name, which is about to be unlinked or is not needed any more. */
  discard(path: string): void {
    const file = this.open.get(path);
    if (file === undefined) return;
    this.open.delete(path);
    file.discarded = true;
    if (file.users === 0) file.handle.closeSync();
  }

  private find(path: string, mode: 'read' | 'write'): OpenFile {
    const known = this.open.get(path);
    if (known !== undefined && (known.writable || mode === 'read')) {
      this.open.delete(path);
      this.open.set(path, known);
      return known;
    }
    if (known !== undefined) this.discard(path);
    if (this.open.size >= this.limit) this.closeIdle();
    const handle = this.fileSystem.openSync(path, mode);
    const opened = { handle, writable: mode === 'write', users: 0, discarded: false };
    this.open.set(path, opened);
    return opened;
  }

  /** Files in use are passed over, so the limit can be exceeded by the work under way, which is bounded elsewhere. */
  private closeIdle(): void {
    for (const [path, file] of this.open) {
      if (file.users > 0) continue;
      this.discard(path);
      return;
    }
  }
}
