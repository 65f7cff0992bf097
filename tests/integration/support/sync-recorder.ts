// Notes, at the file layer of each broker, which writes to its write-ahead log are on disk: a write is, when a sync of
// its file that began after it has returned. Syncs are made slower than any reply, so that what does not wait for them
// is early beyond doubt.
import type { FileHandle, FileSystem, OpenMode } from '@zhumq/log';
import { NodeFileSystem } from '@zhumq/log';

const SLOWER_MS = 15;

interface LoggedWrite {
  readonly path: string;
  onDisk: boolean;
}

export class SyncRecorder {
  private readonly writes: LoggedWrite[] = [];
  /** Index of the write that holds a marker (see `markerOf`). */
  private readonly holder = new Map<string, number>();

  /** Number of writes so far. */
  get count(): number {
    return this.writes.length;
  }

  /** Whether every write so far is on disk. */
  get settled(): boolean {
    return this.writes.every((write) => write.onDisk);
  }

  isOnDisk(marker: string): boolean {
    const index = this.holder.get(marker);
    return index !== undefined && this.isWriteOnDisk(index);
  }

  /** False when there was no such write yet. */
  isWriteOnDisk(index: number): boolean {
    return this.writes.at(index)?.onDisk ?? false;
  }

  fileSystem(): FileSystem {
    const inner = new NodeFileSystem();
    const openSync = (path: string, mode: OpenMode): FileHandle => {
      const handle = inner.openSync(path, mode);
      return path.includes('/wal/') ? this.watch(handle) : handle;
    };
    return new Proxy(inner, {
      get: (target, name) => {
        if (name === 'openSync') return openSync;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }

  private watch(handle: FileHandle): FileHandle {
    return {
      path: handle.path,
      readSync: (buffer, position) => handle.readSync(buffer, position),
      read: (buffer, position) => handle.read(buffer, position),
      writeSync: (buffers, position) => {
        handle.writeSync(buffers, position);
        this.written(handle.path, buffers);
      },
      truncateSync: (bytes) => handle.truncateSync(bytes),
      sizeSync: () => handle.sizeSync(),
      preallocate: (bytes) => handle.preallocate(bytes),
      sync: () => this.synced(handle),
      closeSync: () => handle.closeSync(),
    };
  }

  private written(path: string, buffers: readonly Buffer[]): void {
    const index = this.writes.push({ path, onDisk: false }) - 1;
    const text = Buffer.concat(buffers).toString('latin1');
    for (const [marker] of text.matchAll(/marker-\d+;/g)) {
      if (!this.holder.has(marker)) this.holder.set(marker, index);
    }
  }

  private async synced(handle: FileHandle): Promise<void> {
    const covered = this.writes.filter((write) => write.path === handle.path && !write.onDisk);
    await handle.sync();
    await new Promise((resolve) => setTimeout(resolve, SLOWER_MS));
    for (const write of covered) write.onDisk = true;
  }
}

/** A value that can be found again in the bytes of a write-ahead log. */
export function markerOf(number: number): string {
  return `marker-${number};`;
}
