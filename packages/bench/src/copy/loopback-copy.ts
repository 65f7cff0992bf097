// What a catch-up is held against: a file copied through a loopback socket by two processes, and nothing else.
import { fork } from 'node:child_process';
import { closeSync, createReadStream, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { randomBytes } from 'node:crypto';
import type { CopyOrder, CopyReport } from './copy-process.js';

const CHUNK_BYTES = 1 << 20;

/** Bytes a second, until the copy is synced. */
export async function measureCopy(
  parent: string,
  bytes: number,
  signal: AbortSignal,
): Promise<number> {
  const directory = await mkdtemp(join(parent, 'zhumq-copy-'));
  const receiver = fork(join(__dirname, 'copy-process.js'), { serialization: 'advanced' });
  const report = (): Promise<CopyReport> =>
    new Promise((resolve, reject) => {
      receiver.once('message', (message: CopyReport) => resolve(message));
      receiver.once('exit', () => reject(new Error('the process that receives the copy ended')));
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  try {
    const source = join(directory, 'source');
    writeRandom(source, bytes);
    receiver.send({ file: join(directory, 'copy') } satisfies CopyOrder);
    const { port } = (await report()) as { port: number };
    const done = report();
    const beganMs = performance.now();
    const file = createReadStream(source, { highWaterMark: CHUNK_BYTES });
    await Promise.all([pipeline(file, connect(port, '127.0.0.1'), { signal }), done]);
    return bytes / ((performance.now() - beganMs) / 1e3);
  } finally {
    receiver.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

function writeRandom(file: string, bytes: number): void {
  const chunk = randomBytes(CHUNK_BYTES);
  const fd = openSync(file, 'w');
  for (let left = bytes; left > 0; left -= CHUNK_BYTES)
    writeSync(fd, chunk, 0, Math.min(left, CHUNK_BYTES));
  fdatasyncSync(fd);
  closeSync(fd);
}
