// Errors as the operating system reports them, for file systems that are none.

const MESSAGES = {
  EEXIST: 'file already exists',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTEMPTY: 'directory not empty',
} as const;

export function systemError(code: keyof typeof MESSAGES, path: string): Error {
  return Object.assign(new Error(`${code}: ${MESSAGES[code]}, '${path}'`), { code, path });
}
