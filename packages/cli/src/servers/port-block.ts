// Finds consecutive free ports, so that a development cluster has addresses that one can remember.
import { createServer } from 'node:net';

/** Where `zhumq dev` looks first. */
export const DEFAULT_FIRST_PORT = 9640;
const LAST_PORT = 65_535;

export interface PortBlock {
  readonly ports: readonly number[];
  /** The block asked for was taken, so this is another one. */
  readonly moved: boolean;
}

/**
 * `count` consecutive free ports from `first` on; with `first` 0 any free ports (not consecutive, given as zeros, for
 * the system to choose). Without `fixed` later blocks are tried when one is taken; undefined when none is free.
 */
export async function findPortBlock(
  first: number,
  count: number,
  fixed: boolean,
): Promise<PortBlock | undefined> {
  if (first === 0) return { ports: new Array<number>(count).fill(0), moved: false };
  for (let start = first; start + count - 1 <= LAST_PORT; start += count) {
    const ports = Array.from({ length: count }, (_, index) => start + index);
    if ((await Promise.all(ports.map(isFree))).every(Boolean))
      return { ports, moved: start !== first };
    if (fixed) return undefined;
  }
  return undefined;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
