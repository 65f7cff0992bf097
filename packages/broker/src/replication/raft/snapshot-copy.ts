// A copy of the leader's segments in the place of this replica's log: one at a time, given up when its source leads no
// more (this replica may not vote before).
import type { Logger } from '@zhumq/base';
import type { ReplicaLog } from '@zhumq/log';
import type { GroupAddress } from './raft-messages.js';
import type { SnapshotInstaller } from './raft-replicator.js';

export interface SnapshotCopyOptions {
  readonly group: GroupAddress;
  readonly log: ReplicaLog;
  readonly installer: SnapshotInstaller;
  readonly logger: Logger;
  /** The replica takes no part any more: nobody wants to hear of the end. */
  readonly idle: () => boolean;
  /** `end`: last offset on disk; undefined when the copy failed before it began. */
  readonly onEnded: (from: string, term: number, end: number | undefined) => void;
}

interface Copy {
  readonly from: string;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

export class SnapshotCopy {
  private current: Copy | undefined;

  constructor(private readonly options: SnapshotCopyOptions) {}

  get underWay(): boolean {
    return this.current !== undefined;
  }

  begin(from: string, term: number): void {
    if (this.current !== undefined) return;
    const abort = new AbortController();
    const { group, logger } = this.options;
    logger.info({ ...group, from, term }, 'behind the log start: copying segments');
    this.current = { from, abort, ended: this.run(from, term, abort.signal) };
  }

  /** A copy from a replica that leads no more would end in a timeout. */
  giveUpUnless(leader: string | undefined): void {
    if (this.current !== undefined && this.current.from !== leader) void this.giveUp();
  }

  /** Resolves when nothing of it reaches the log any more. */
  async giveUp(): Promise<void> {
    this.current?.abort.abort();
    await this.current?.ended;
  }

  private async run(from: string, term: number, signal: AbortSignal): Promise<void> {
    const { group, log, installer, logger, idle, onEnded } = this.options;
    const startBefore = log.logStart;
    let lastOffset: number | undefined;
    try {
      lastOffset = await installer.install(group, from, log, signal);
    } catch (error) {
      if (!idle())
        logger.warn({ err: error, ...group }, 'copy of segments broke off; it will be resumed');
    }
    this.current = undefined;
    if (!idle()) onEnded(from, term, lastOffset ?? this.installedEnd(startBefore));
  }

  /** A copy that broke off after it had begun is a log like any other that ends early; undefined when it had not begun. */
  private installedEnd(startBefore: number): number | undefined {
    const { log } = this.options;
    return log.logStart > startBefore ? log.durableEnd - 1 : undefined;
  }
}
