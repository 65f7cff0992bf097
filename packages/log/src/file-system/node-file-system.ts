// The machine's file system. The lock of a data directory is in process-lock.ts.
import * as fs from 'node:fs';
import { acquireProcessLock } from './process-lock.js';
import type { DirectoryLock, FileHandle, FileStatus, FileSystem, OpenMode } from './file-system.js';
import { systemCode } from './file-system.js';

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_RDWR | fs.constants.O_CREAT,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL,
};

/** Zeros are written in pieces, so that preallocation never holds a thread of the pool for long. */
const ZEROS = Buffer.alloc(1024 * 1024);

export class NodeFileSystem implements FileSystem {
  openSync(path: string, mode: OpenMode): FileHandle {
    return new NodeFileHandle(path, fs.openSync(path, FLAGS[mode], 0o640));
  }

  statSync(path: string): FileStatus | undefined {
    const status = fs.statSync(path, { throwIfNoEntry: false });
    return status && { isDirectory: status.isDirectory(), bytes: status.size };
  }

  listSync(directory: string): string[] {
    try {
      return fs.readdirSync(directory).sort();
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  makeDirectorySync(path: string): void {
    fs.mkdirSync(path, { recursive: true, mode: 0o750 });
  }

  renameSync(from: string, to: string): void {
    fs.renameSync(from, to);
  }

  unlinkSync(path: string): void {
    fs.unlinkSync(path);
  }

  removeDirectorySync(path: string): void {
    fs.rmdirSync(path);
  }

  async syncDirectory(path: string): Promise<void> {
    const directory = await fs.promises.open(path, fs.constants.O_RDONLY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async freeBytes(path: string): Promise<number> {
    const { bavail, bsize } = await fs.promises.statfs(path);
    return bavail * bsize;
  }

  lockSync(path: string): DirectoryLock {
    return acquireProcessLock(path);
  }
}

class NodeFileHandle implements FileHandle {
  constructor(
    readonly path: string,
    private readonly descriptor: number,
  ) {}

  readSync(buffer: Buffer, position: number): number {
    let filled = 0;
    while (filled < buffer.length) {
      const count = fs.readSync(
        this.descriptor,
        buffer,
        filled,
        buffer.length - filled,
        position + filled,
      );
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    let filled = 0;
    while (filled < buffer.length) {
      const count = await this.readOnce(buffer, filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  writeSync(buffers: readonly Buffer[], position: number): void {
    let bytes = 0;
    for (const buffer of buffers) bytes += buffer.length;
    if (bytes === 0) return;
    let written =
      buffers.length === 1
        ? fs.writeSync(this.descriptor, buffers[0], 0, bytes, position)
        : fs.writevSync(this.descriptor, buffers, position);
    if (written === bytes) return;
    // Rare (a nearly full disk): the rest in one piece, until it is done or throws.
    const all = Buffer.concat(buffers);
    while (written < bytes) {
      written += fs.writeSync(this.descriptor, all, written, bytes - written, position + written);
    }
  }

  truncateSync(bytes: number): void {
    fs.ftruncateSync(this.descriptor, bytes);
  }

  sizeSync(): number {
    return fs.fstatSync(this.descriptor).size;
  }

  async preallocate(bytes: number): Promise<void> {
    for (let position = this.sizeSync(); position < bytes;) {
      const count = Math.min(ZEROS.length, bytes - position);
      position += await this.writeOnce(ZEROS.subarray(0, count), position);
    }
    await this.sync();
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.descriptor, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  closeSync(): void {
    fs.closeSync(this.descriptor);
  }

  private readOnce(buffer: Buffer, offset: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.descriptor, buffer, offset, buffer.length - offset, position, (error, count) =>
        error === null ? resolve(count) : reject(error),
      );
    });
  }

  private writeOnce(buffer: Buffer, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.write(this.descriptor, buffer, 0, buffer.length, position, (error, count) =>
        error === null ? resolve(count) : reject(error),
      );
    });
  }
}
