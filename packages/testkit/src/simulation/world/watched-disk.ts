// A disk that remembers since when all is synced: for those who hold what a process says of it against what was done.
import { FaultyFileSystem } from '@zhumq/log';
import type { Operation } from '@zhumq/log';

export class WatchedDisk extends FaultyFileSystem {
  /** When the newest sync began that was done since: what was written to its file before that is on disk. */
  syncedSince = 0;
  /** When the newest sync of a file began that is under way. */
  private readonly begun = new Map<string, number>();

  /** `moment` grows with every event of the run. */
  constructor(private readonly moment: () => number) {
    super();
    this.recording = false;
  }

  override record(
    kind: Operation['kind'],
    path: string,
    position: number,
    bytes: number,
  ): Operation {
    if (kind === 'sync') this.begun.set(path, this.moment());
    else if (kind === 'synced')
      this.syncedSince = Math.max(this.syncedSince, this.begun.get(path) ?? 0);
    return super.record(kind, path, position, bytes);
  }
}
