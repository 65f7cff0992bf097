// What the file system says of a folder that can not be looked at: a directory where a file belongs, a disk that fails.
import { ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { systemCode } from '../file-system/file-system.js';

/** Errors of the system in our words; all others as they are. */
export function unreadable(directory: string, error: unknown): unknown {
  const code = systemCode(error);
  if (ZhumqError.is(error) || code === undefined) return error;
  const why = error instanceof Error ? error.message : String(error);
  const message = `${directory} can not be inspected: ${why}`;
  return zhumqError('DISK_FAILED', message, { directory, errno: code }, error);
}
