// Runs a server until a signal, its own failure, or the end of its parent.
import { tellIfSlow } from '../waiting.js';
import type { RunningServer } from './running-server.js';

export interface ServeOptions {
  /** What a start that takes long waits for, as far as anybody can know. */
  readonly waitsFor: string;
  readonly json: boolean;
  /** The process was started by another one and goes when that one's end of standard input closes. */
  readonly stopWithParent: boolean;
}

/** Returns the exit code: 0 after SIGTERM, 130 after SIGINT, 1 when the server failed. */
export async function serve(
  start: () => Promise<RunningServer>,
  options: ServeOptions,
): Promise<number> {
  const ended = endOfServing(options.stopWithParent);
  const server = await Promise.race([ended, tellIfSlow(options.waitsFor, start())]);
  // Before it serves there is nothing to hand over, and what it waits for may never come: recovery does the rest.
  if (typeof server === 'number') return server;
  if (server === 'parent gone') return 0;
  process.stdout.write(`${options.json ? JSON.stringify(server.ready) : server.banner}\n`);
  const end = await Promise.race([ended, server.failed]);
  // Nothing can be promised any more, so nothing is tidied up either: recovery does that at the next start.
  if (end instanceof Error) {
    process.stderr.write(`zhumq: ${end.message}\n`);
    return 1;
  }
  // Nor without the parent: it may be started again already, and needs the ports and the data directory.
  if (end === 'parent gone') return 0;
  await server.stop();
  return end;
}

/** Resolves with the exit code of the first reason to end; a second signal ends the process at once. */
function endOfServing(stopWithParent: boolean): Promise<number | 'parent gone'> {
  return new Promise((resolve) => {
    const onSignal = (code: number) => (): void => {
      process.once('SIGTERM', () => process.exit(code));
      process.once('SIGINT', () => process.exit(code));
      resolve(code);
    };
    process.once('SIGTERM', onSignal(0));
    process.once('SIGINT', onSignal(130));
    if (stopWithParent) {
      process.stdin.resume();
      process.stdin.once('end', () => resolve('parent gone'));
      process.stdin.once('error', () => resolve('parent gone'));
    }
  });
}
