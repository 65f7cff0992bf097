// Who waits for which change. Per thing watched one entry, however many callers: the servers and the client library
// hold one watch for it (more than ten per path are a warning there, and reconnecting sends them all again).
import { zhumqError } from '@zhumq/model';
import type { Watch } from './metadata-store.js';
import type { WatchKind } from './session-link.js';

/**
 * On reconnect all watched paths go out in one packet, and a server drops the connection over a packet of 1 MiB, again
 * and again. With prefix and framing half of it is a safe limit (about 10,000 partitions).
 */
const WATCHED_PATH_BYTES = 512 * 1024;

export class WatchTable {
  private readonly entries = new Map<string, Set<Watch>>();
  private pathBytes = 0;

  /** Refuses (INVALID_REQUEST) beyond the limit of watched paths. */
  add(kind: WatchKind, path: string, watch: Watch): void {
    const key = keyOf(kind, path);
    const entry = this.entries.get(key);
    if (entry !== undefined) {
      entry.add(watch);
      return;
    }
    const bytes = this.pathBytes + Buffer.byteLength(path);
    if (bytes > WATCHED_PATH_BYTES) {
      throw zhumqError(
        'INVALID_REQUEST',
        `A watch on ${path} would bring the watched paths to ${bytes} bytes, over the limit of ${WATCHED_PATH_BYTES}; watch parents instead`,
        { path, bytes, limit: WATCHED_PATH_BYTES },
      );
    }
    this.pathBytes = bytes;
    this.entries.set(key, new Set([watch]));
  }

  remove(kind: WatchKind, path: string, watch: Watch): void {
    const key = keyOf(kind, path);
    const entry = this.entries.get(key);
    if (entry?.delete(watch) === true && entry.size === 0) this.drop(key, path);
  }

  fire(kind: WatchKind, path: string): void {
    const key = keyOf(kind, path);
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.drop(key, path);
    // In a task of its own each: a watch that throws is a bug of its owner and must not harm the connection.
    for (const watch of entry) queueMicrotask(() => watch(path));
  }

  /** A new session: whatever happened since the last one ended is unknown. */
  fireAll(): void {
    for (const key of [...this.entries.keys()]) {
      const split = key.indexOf(' ');
      this.fire(key.slice(0, split) as WatchKind, key.slice(split + 1));
    }
  }

  clear(): void {
    this.entries.clear();
    this.pathBytes = 0;
  }

  private drop(key: string, path: string): void {
    this.entries.delete(key);
    this.pathBytes -= Buffer.byteLength(path);
  }
}

function keyOf(kind: WatchKind, path: string): string {
  return `${kind} ${path}`;
}
