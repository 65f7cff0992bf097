// The machine's file system, without waiting for the disk: what is written survives the broker, and its process, but not
// a power cut. That is all a test asks for, and a sync is the slowest thing that a broker does.
import { NodeFileSystem } from '@zhumq/log';
import type { FileHandle, OpenMode } from '@zhumq/log';

export class UnsyncedFileSystem extends NodeFileSystem {
  override openSync(path: string, mode: OpenMode): FileHandle {
    const handle = super.openSync(path, mode);
    return Object.assign(handle, {
      sync: () => Promise.resolve(),
      /** A hole instead of zeros: it reads the same, and takes neither time nor room. */
      preallocate: async (bytes: number) => {
        if (handle.sizeSync() < bytes) handle.truncateSync(bytes);
      },
    });
  }

  override syncDirectory(): Promise<void> {
    return Promise.resolve();
  }
}
