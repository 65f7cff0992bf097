// The disk of an enumeration: every operation of the log on it has a number, and a watcher that may look at the disk
// before and after it, or have it fail. What a disk loses is the business of FaultyFileSystem below.
import { SimulatedCrash } from '@zhumq/log';
import type {
  DirectoryLock,
  FaultyFileSystem,
  FileHandle,
  FileStatus,
  FileSystem,
  OpenMode,
} from '@zhumq/log';

export type DiskOperationKind =
  | 'open'
  | 'make'
  | 'stat'
  | 'list'
  | 'size'
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

export interface DiskOperation {
  readonly index: number;
  readonly kind: DiskOperationKind;
  readonly path: string;
  /** Of a write: where, and what. */
  readonly position: number;
  readonly content: Buffer | undefined;
}

/** Operations that leave the disk as it is; a crash before one is a crash after the one before it. */
const LOOKS: ReadonlySet<DiskOperationKind> = new Set(['open', 'stat', 'list', 'size', 'read']);

export function changesDisk({ kind }: DiskOperation): boolean {
  return !LOOKS.has(kind);
}

/** How an operation fails. */
export interface DiskError {
  readonly code: 'EIO' | 'ENOSPC';
  /** Of a write: so many bytes are written before it fails. */
  readonly writtenBytes?: number;
  /** Of a sync: the kernel gives the dirty pages up, as Linux does. */
  readonly dropPages?: boolean;
}

export interface DiskWatcher {
  before(operation: DiskOperation): DiskError | undefined;
  after(operation: DiskOperation): void;
}

export class WatchedDisk {
  watcher: DiskWatcher | undefined;
  /** While somebody else looks at the disk: nothing is counted, nothing fails. */
  isPaused = false;
  /** Operations so far. */
  operations = 0;

  constructor(readonly disk: FaultyFileSystem) {}

  /** The disk as a process sees it; a process that has ended does nothing to it any more. */
  newProcess(): ProcessDisk {
    return new ProcessDisk(this);
  }
}

export class ProcessDisk implements FileSystem {
  private readonly disk: FaultyFileSystem;
  private isDead = false;

  constructor(private readonly watched: WatchedDisk) {
    this.disk = watched.disk;
  }

  /** The process ends here, whatever it was about to do. */
  end(): void {
    this.isDead = true;
  }

  openSync(path: string, mode: OpenMode): FileHandle {
    const kind = this.disk.statSync(path) === undefined && mode !== 'read' ? 'make' : 'open';
    return this.run(
      kind,
      path,
      () => new WatchedHandle(this, this.disk, this.disk.openSync(path, mode)),
    );
  }

  statSync(path: string): FileStatus | undefined {
    return this.run('stat', path, () => this.disk.statSync(path));
  }

  listSync(directory: string): string[] {
    return this.run('list', directory, () => this.disk.listSync(directory));
  }

  makeDirectorySync(path: string): void {
    if (this.disk.statSync(path) !== undefined) return;
    this.run('makeDirectory', path, () => this.disk.makeDirectorySync(path));
  }

  renameSync(from: string, to: string): void {
    this.run('rename', from, () => this.disk.renameSync(from, to));
  }

  unlinkSync(path: string): void {
    this.run('unlink', path, () => this.disk.unlinkSync(path));
  }

  removeDirectorySync(path: string): void {
    this.run('removeDirectory', path, () => this.disk.removeDirectorySync(path));
  }

  syncDirectory(path: string): Promise<void> {
    return this.runAsync('syncDirectory', path, () => this.disk.syncDirectory(path));
  }

  freeBytes(): Promise<number> {
    return this.disk.freeBytes();
  }

  lockSync(path: string): DirectoryLock {
    return this.disk.lockSync(path);
  }

  // ---- for handles

  /** `fail` does what an operation that fails does all the same. */
  run<T>(
    kind: DiskOperationKind,
    path: string,
    action: () => T,
    position = 0,
    content?: Buffer,
    fail?: (error: DiskError) => void,
  ): T {
    const { watched } = this;
    this.assertAlive();
    if (watched.isPaused) return action();
    const operation = { index: watched.operations++, kind, path, position, content };
    const error = watched.watcher?.before(operation);
    if (error !== undefined) {
      fail?.(error);
      throw systemError(error, kind, path);
    }
    const result = action();
    watched.watcher?.after(operation);
    return result;
  }

  async runAsync<T>(
    kind: DiskOperationKind,
    path: string,
    action: () => Promise<T>,
    fail?: (error: DiskError) => Promise<void>,
  ): Promise<T> {
    const { watched } = this;
    this.assertAlive();
    if (watched.isPaused) return action();
    const operation = { index: watched.operations++, kind, path, position: 0, content: undefined };
    const error = watched.watcher?.before(operation);
    if (error !== undefined) {
      await fail?.(error);
      throw systemError(error, kind, path);
    }
    const result = await action();
    this.assertAlive();
    watched.watcher?.after(operation);
    return result;
  }

  private assertAlive(): void {
    if (this.isDead) throw new SimulatedCrash('this process is dead');
  }
}

class WatchedHandle implements FileHandle {
  constructor(
    private readonly process: ProcessDisk,
    private readonly disk: FaultyFileSystem,
    private readonly handle: FileHandle,
  ) {}

  get path(): string {
    return this.handle.path;
  }

  readSync(buffer: Buffer, position: number): number {
    return this.process.run('read', this.path, () => this.handle.readSync(buffer, position));
  }

  read(buffer: Buffer, position: number): Promise<number> {
    return this.process.runAsync('read', this.path, () => this.handle.read(buffer, position));
  }

  writeSync(buffers: readonly Buffer[], position: number): void {
    const content = Buffer.concat(buffers);
    if (content.length === 0) return;
    const write = (bytes: number): void =>
      this.handle.writeSync([content.subarray(0, bytes)], position);
    this.process.run(
      'write',
      this.path,
      () => write(content.length),
      position,
      content,
      ({ writtenBytes = 0 }) => write(writtenBytes),
    );
  }

  truncateSync(bytes: number): void {
    if (bytes === this.handle.sizeSync()) return;
    this.process.run('truncate', this.path, () => this.handle.truncateSync(bytes));
  }

  sizeSync(): number {
    return this.process.run('size', this.path, () => this.handle.sizeSync());
  }

  preallocate(bytes: number): Promise<void> {
    return this.process.runAsync('preallocate', this.path, () => this.handle.preallocate(bytes));
  }

  sync(): Promise<void> {
    return this.process.runAsync(
      'sync',
      this.path,
      () => this.handle.sync(),
      async ({ dropPages = false }) => {
        if (!dropPages) return;
        this.disk.fault = () => {
          this.disk.fault = undefined;
          return { kind: 'dropPages' };
        };
        await this.handle.sync().catch(() => undefined);
      },
    );
  }

  closeSync(): void {
    this.handle.closeSync();
  }
}

function systemError({ code }: DiskError, kind: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${kind}, '${path}'`), { code, path });
}
