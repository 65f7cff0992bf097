// The errors of a disk that refuses to read or write.
import { zhumqError } from '@zhumq/model';
import { systemCode } from '../file-system/file-system.js';

export function diskFailed(what: string, directory: string, cause: unknown): Error {
  const code = systemCode(cause) ?? 'unknown error';
  const hint = code === 'ENOSPC' ? ' (the disk is full)' : '';
  return zhumqError(
    'DISK_FAILED',
    `${what} in ${directory} failed: ${code}${hint}; the replica is out of service`,
    { directory, errno: code },
    cause,
  );
}

/** Of a start: a segment lacks bytes that only the write-ahead log has, and the disk has no room for them. */
export function diskFullAtStart(file: string, cause: unknown): Error {
  const message = `the disk is full: ${file} lacks what so far only the write-ahead log holds; nothing is lost, and the broker starts when there is space`;
  return zhumqError('DISK_FAILED', message, { file, errno: 'ENOSPC' }, cause);
}
