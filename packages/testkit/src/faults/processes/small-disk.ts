// A small disk of a broker's own: a tmpfs, in the run's own mount namespace, that can be filled to the last byte.
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../network/run-program.js';

const BALLAST = 'zhumq-faults-ballast';
const PIECE = Buffer.alloc(1024 * 1024);

export async function mountDisk(folder: string, bytes: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await runProgram('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'zhumq-faults', folder);
}

/** Whatever is on it is gone. */
export async function unmountDisk(folder: string): Promise<void> {
  await runProgram('umount', folder);
}

/** Writes until so many bytes are left, or the disk refuses. */
export function fillDisk(folder: string, leaveBytes: number): void {
  const file = openSync(join(folder, BALLAST), 'w');
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync(folder);
      const wanted = Math.min(bavail * bsize - leaveBytes, PIECE.length);
      if (wanted <= 0) return;
      writeSync(file, PIECE, 0, wanted);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

export function freeDisk(folder: string): void {
  rmSync(join(folder, BALLAST), { force: true });
}
