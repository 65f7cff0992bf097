// The error of a replica whose disk refuses to read or write.
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
