// Small state files (identities, epoch lists, producer snapshots): replaced as a whole, so that after a crash a reader
// finds the old content or the new one, never a mixture and never neither.
import { dirname } from 'node:path';
import { crc32c, zhumqError } from '@zhumq/model';
import type { FileSystem } from './file-system.js';

/** Largest small file that is read: they are protobuf messages of a few KiB; anything larger is damage. */
const MAX_SMALL_FILE_BYTES = 64 * 1024 * 1024;

/**
 * Temp name, sync, rename, sync of the directory; durable when it resolves. The order is what makes it safe: renamed
 * before its content is synced, the name could mean an empty file after a power loss; without the directory's sync
 * the old file may come back. Nothing is replaced when the content is not wanted any more once it is synced.
 */
export async function replaceSmallFile(
  fileSystem: FileSystem,
  path: string,
  content: Buffer,
  isWanted: () => boolean = () => true,
): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = fileSystem.openSync(temporary, 'write');
  try {
    // A crash may have left a longer one of that name.
    file.truncateSync(0);
    file.writeSync([content], 0);
    await file.sync();
  } finally {
    file.closeSync();
  }
  if (!isWanted()) {
    fileSystem.unlinkSync(temporary);
    return;
  }
  fileSystem.renameSync(temporary, path);
  await fileSystem.syncDirectory(dirname(path));
}

/** The whole content; undefined when there is no such file. Throws RangeError for a file that can not be one of ours. */
export function readSmallFile(fileSystem: FileSystem, path: string): Buffer | undefined {
  if (fileSystem.statSync(path) === undefined) return undefined;
  const file = fileSystem.openSync(path, 'read');
  try {
    const bytes = file.sizeSync();
    if (bytes > MAX_SMALL_FILE_BYTES) throw new RangeError(`${path} has ${bytes} bytes`);
    const content = Buffer.alloc(bytes);
    return content.subarray(0, file.readSync(content, 0));
  } finally {
    file.closeSync();
  }
}

const SEAL_BYTES = 4;

/** The content behind its CRC-32C (u32, big-endian), so that a rotten file is never taken for another content. */
export function sealContent(content: Buffer): Buffer {
  const sealed = Buffer.allocUnsafe(SEAL_BYTES + content.length);
  sealed.writeUInt32BE(crc32c(content), 0);
  content.copy(sealed, SEAL_BYTES);
  return sealed;
}

/** The content of a sealed small file; undefined when there is no such file. Throws DATA_CORRUPT. */
export function readSealedFile(fileSystem: FileSystem, path: string): Buffer | undefined {
  const sealed = readSmallFile(fileSystem, path);
  if (sealed === undefined) return undefined;
  const content = sealed.subarray(SEAL_BYTES);
  if (sealed.length >= SEAL_BYTES && crc32c(content) === sealed.readUInt32BE(0)) return content;
  const message = `${path} does not match its checksum`;
  throw zhumqError('DATA_CORRUPT', message, { file: path, position: 0 });
}
