// A disk that remembers since when all is synced: for those who hold what a process says of it against what was done.
import { FaultyFileSystem } from '@zhumq/log';
import type { Fault, Operation, OperationKind } from '@zhumq/log';

export class WatchedDisk extends FaultyFileSystem {
  /**
   * When the newest sync began that was done since: what was written to its file before that is on disk,
   * and so is the name of that file. */
  syncedSince = 0;
  /** Operations that failed, and bits that rotted: after these a replica may be out of service. */
  failures = 0;
  /** When the newest sync of a file began that is under way. */
  private readonly begun = new Map<string, number>();

  /** `moment` grows with every event of the run. */
  constructor(private readonly moment: () => number) {
    super();
    this.recording = false;
  }

  override begin(
    kind: OperationKind,
    path: string,
    position?: number,
    bytes?: number,
  ): Fault | undefined {
    let fault: Fault | undefined;
    try {
      fault = super.begin(kind, path, position, bytes);
    } catch (error) {
      this.failures++;
      throw error;
    }
    if (fault !== undefined) this.failures++;
    return fault;
  }

  override flipBit(path: string, position: number, bit: number): void {
    this.failures++;
    super.flipBit(path, position, bit);
  }

  override record(
    kind: Operation['kind'],
    path: string,
    position: number,
    bytes: number,
  ): Operation {
    if (kind === 'sync') this.begun.set(path, this.moment());
    else if (kind === 'synced' && this.isNamed(path))
      this.syncedSince = Math.max(this.syncedSince, this.begun.get(path) ?? 0);
    return super.record(kind, path, position, bytes);
  }
}
