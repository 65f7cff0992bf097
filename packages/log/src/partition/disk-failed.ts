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

/** The disk is whole: somebody can make room, or let the broker open and write its files. */
const CURABLE = new Set([
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EROFS',
  'EACCES',
  'EPERM',
]);

export function isCurable(error: unknown): boolean {
  return CURABLE.has(systemCode(error) ?? '');
}

/** Of a start: what a segment lacks only the write-ahead log may hold, so nothing is touched. */
export function refusedAtStart(file: string, cause: unknown): Error {
  const code = systemCode(cause) ?? 'unknown error';
  const what = code === 'ENOSPC' ? 'the disk is full' : `the system refuses (${code})`;
  const message = `${what}: ${file} could not be recovered; nothing is lost, and the broker starts when that is mended`;
  return zhumqError('DISK_FAILED', message, { file, errno: code }, cause);
}
