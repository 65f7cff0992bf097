// One copy of the leader's segments at a time, in the place of this replica's log: begun, given up when another leads, and
// told to the core when it has ended, one way or the other.
import type { Logger } from '@zhumq/base';
import type { ReplicaLog } from '@zhumq/log';
import type { GroupAddress } from '../raft/raft-messages.js';
import type { SnapshotInstaller } from '../raft/raft-ports.js';

export interface SegmentCopyOptions {
  readonly group: GroupAddress;
  readonly log: ReplicaLog;
  readonly installer: SnapshotInstaller;
  readonly logger: Logger;
  /** Called when a copy has ended, well or not. `changed`: the log is another, and everything in it is synced. */
  readonly onEnded: (leader: string, epoch: number, changed: boolean) => void;
}

export class SegmentCopy {
  private running: { readonly leader: string; readonly abort: AbortController } | undefined;
  private stopped = false;

  constructor(private readonly options: SegmentCopyOptions) {}

  /** What the log shows meanwhile is not what the leader was told of. */
  get underWay(): boolean {
    return this.running !== undefined;
  }

  /** A copy that is still being given up counts as one that failed: the core asks again. */
  begin(leader: string, epoch: number): void {
    const { group, log, installer, logger, onEnded } = this.options;
    if (this.stopped) return;
    if (this.running !== undefined) {
      queueMicrotask(() => onEnded(leader, epoch, false));
      return;
    }
    const running = { leader, abort: new AbortController() };
    this.running = running;
    logger.info({ ...group, leader, epoch }, 'too far behind the leader: copying its segments');
    const before = shapeOf(log);
    installer
      .install(group, leader, log, running.abort.signal)
      .then(
        () => true,
        (error: unknown) => this.brokenOff(error, leader, before),
      )
      .then(
        (changed) => this.end(leader, epoch, changed),
        () => this.end(leader, epoch, false),
      );
  }

  /** A copy that broke off after it had begun is a log like any other that ends early. */
  private async brokenOff(error: unknown, leader: string, before: string): Promise<boolean> {
    const { group, log, logger } = this.options;
    if (this.stopped) return false;
    logger.warn({ err: error, ...group, leader }, 'copy of segments broke off; it will be resumed');
    if (shapeOf(log) === before) return false;
    await log.sync();
    return true;
  }

  /** Another replica leads, or none: what the old leader would still give is of no use. It ends soon, like any other. */
  giveUp(): void {
    this.running?.abort.abort();
  }

  stop(): void {
    this.stopped = true;
    this.running?.abort.abort();
  }

  private end(leader: string, epoch: number, changed: boolean): void {
    this.running = undefined;
    if (!this.stopped) this.options.onEnded(leader, epoch, changed);
  }
}

function shapeOf({ logStart, logEnd, lastEpoch }: ReplicaLog): string {
  return `${logStart} ${logEnd} ${lastEpoch}`;
}
