// An open file of FaultyFileSystem.
import type { DiskFile } from './disk-file.js';
import type { FaultyFileSystem } from './faulty-file-system.js';
import type { FileHandle } from './file-system.js';
import { systemError } from './system-error.js';

export class FaultyFileHandle implements FileHandle {
  constructor(
    readonly path: string,
    private readonly file: DiskFile,
    private readonly fileSystem: FaultyFileSystem,
    private readonly life: number,
  ) {}

  readSync(buffer: Buffer, position: number): number {
    this.fileSystem.assertLife(this.life);
    return this.file.readInto(buffer, position);
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    await this.fileSystem.device();
    return this.readSync(buffer, position);
  }

  writeSync(buffers: readonly Buffer[], position: number): void {
    this.fileSystem.assertLife(this.life);
    const content = Buffer.concat(buffers);
    if (content.length === 0) return;
    this.fileSystem.begin('write', this.path, position, content.length);
    this.file.write(content, position);
  }

  truncateSync(bytes: number): void {
    this.fileSystem.assertLife(this.life);
    if (bytes === this.file.bytes) return;
    this.fileSystem.begin('truncate', this.path, bytes);
    this.file.truncate(bytes);
  }

  sizeSync(): number {
    return this.file.bytes;
  }

  async preallocate(bytes: number): Promise<void> {
    this.fileSystem.assertLife(this.life);
    const missing = bytes - this.file.bytes;
    if (missing > 0) {
      this.fileSystem.begin('preallocate', this.path, this.file.bytes, missing);
      this.file.truncate(bytes);
    }
    await this.sync();
  }

  async sync(): Promise<void> {
    this.fileSystem.assertLife(this.life);
    const fault = this.fileSystem.begin('sync', this.path);
    const covered = this.file.beginSync();
    // Writes that happen meanwhile are not covered.
    await this.fileSystem.device();
    this.fileSystem.assertLife(this.life);
    if (fault?.kind === 'dropPages') {
      this.file.dropPages();
      throw systemError('EIO', this.path);
    }
    this.file.endSync(covered);
    this.fileSystem.record('synced', this.path, 0, 0);
  }

  closeSync(): void {
    // Nothing to do: what was written stays in the cache.
  }
}
