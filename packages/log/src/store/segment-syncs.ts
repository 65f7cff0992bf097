// Syncs of segments: for checkpoints and for flush `interval`. They run behind the write-ahead log's own sync and must
// not take all threads of the pool from it, so only a few run at once; and for one replica only one at a time.
import type { Clock, Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { PartitionFolders } from './partition-folders.js';
import type { ReplicaChannel } from './replica-channel.js';

/** Of the four threads of a default pool; the others are for the write-ahead log and for reads. */
const CONCURRENT_SYNCS = 2;

export interface SegmentSyncsOptions {
  readonly clock: Clock;
  readonly folders: PartitionFolders;
  /** Everything gathered so far is written and synced in the write-ahead log. */
  readonly syncWal: () => Promise<void>;
  /** The folder of all folders could not be synced: nobody's files are safe. */
  readonly onFatal: (error: unknown) => void;
  readonly onFailed: (channel: ReplicaChannel, error: Error) => void;
}

interface Round {
  readonly timer: Timer;
  readonly channels: ReplicaChannel[];
}

export class SegmentSyncs {
  /** By interval: whose segments are synced at its end. */
  private readonly rounds = new Map<number, Round>();
  private readonly running = new Map<ReplicaChannel, Promise<void>>();
  private stopped = false;
  /** Calls of `sync` under way, and those that wait for one of them to end. */
  private single = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly options: SegmentSyncsOptions) {}

  /**
   * Syncs new folders and each replica's segments, in this order: with its segments a replica calls itself synced, and
   * in a folder without a name that is not true. A failure takes that replica out of service and is not thrown.
   */
  async syncAll(channels: readonly ReplicaChannel[]): Promise<void> {
    await this.syncFolders(channels);
    const queue = channels[Symbol.iterator]();
    const work = async (): Promise<void> => {
      for (const channel of queue) await this.syncOne(channel);
    };
    await Promise.all(Array.from({ length: CONCURRENT_SYNCS }, work));
  }

  /** Like `syncAll`, for one; rejects when it was not synced because the store closes. */
  async sync(channel: ReplicaChannel): Promise<void> {
    // One by one they would otherwise all be asked of the disk at once.
    while (this.single >= CONCURRENT_SYNCS) {
      await new Promise<void>((resume) => this.waiting.push(resume));
    }
    this.single++;
    try {
      await this.syncAll([channel]);
    } finally {
      this.single--;
      this.waiting.shift()?.();
    }
    if (this.stopped) throw zhumqError('LOG_CLOSED', `the store of ${channel.folder} is closing`);
  }

  /**
   * Sync within `ms` (flush `interval`). The first replica that asks starts a round, the others join it: one timer per
   * interval, whatever the number of replicas.
   */
  syncWithin(channel: ReplicaChannel, ms: number): void {
    if (channel.awaitsIntervalSync || this.stopped) return;
    channel.awaitsIntervalSync = true;
    let round = this.rounds.get(ms);
    if (round === undefined) {
      const timer = this.options.clock.after(ms, () => void this.endRound(ms));
      round = { timer, channels: [] };
      this.rounds.set(ms, round);
    }
    round.channels.push(channel);
  }

  /** No more rounds; those under way end by themselves. What fails now still fails: a clean stop ends with a checkpoint. */
  stop(): void {
    this.stopped = true;
    for (const { timer } of this.rounds.values()) timer.cancel();
    this.rounds.clear();
  }

  private async endRound(ms: number): Promise<void> {
    const channels = this.rounds.get(ms)?.channels ?? [];
    this.rounds.delete(ms);
    for (const channel of channels) channel.awaitsIntervalSync = false;
    const reached = channels.map((channel) => channel.replica?.markSync());
    try {
      await this.syncAll(channels);
      if (this.stopped) return;
      // Segments alone are not enough: recovery ends a log where the frames account for it (rule 9).
      await this.options.syncWal();
    } catch {
      // The write-ahead log or the folder of all folders failed, and everybody was told.
      return;
    }
    for (const done of reached) done?.();
  }

  private async syncFolders(channels: readonly ReplicaChannel[]): Promise<void> {
    try {
      const failed = await this.options.folders.sync();
      if (failed.size === 0) return;
      for (const channel of channels) {
        const error = failed.get(channel.folder);
        if (error !== undefined) this.options.onFailed(channel, error);
      }
    } catch (error) {
      this.options.onFatal(error);
      throw error;
    }
  }

  private async syncOne(channel: ReplicaChannel): Promise<void> {
    const before = this.running.get(channel);
    const sync = (before ?? Promise.resolve()).then(() => this.trySync(channel));
    this.running.set(channel, sync);
    await sync;
    if (this.running.get(channel) === sync) this.running.delete(channel);
  }

  private async trySync(channel: ReplicaChannel): Promise<void> {
    if (channel.failure !== undefined || channel.closed) return;
    try {
      await channel.replica?.syncSegments();
    } catch (error) {
      // Deleted or aborted meanwhile: its files are closed.
      if (!channel.closed) this.options.onFailed(channel, error as Error);
    }
  }
}
