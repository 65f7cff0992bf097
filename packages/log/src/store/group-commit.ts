// Group commit: what all replicas of a broker wrote in one turn of the event loop goes to disk together.
//
//   first write of a turn ──setImmediate──► tick: 1 frames of all replicas, one write to the write-ahead log
//                                                 2 writeSegments of each replica that wrote (page cache only)
//                                                 3 direct appends count now (flush interval, os)
//                                                 4 one sync, unless one runs already; then at its end the next one
//   sync returns ──► everything that was written before it began counts: onWalDurable once per replica
//
// Why frames before segments: a failed write to the write-ahead log ends the broker, and no segment may then hold bytes
// that no frame speaks of. The kernel writes either back when it likes, so the order gives no more than this: after a
// kill between 1 and 2 the frames tell recovery what to do (bytes with payload are written again; a direct append whose
// bytes do not verify ends the log there and was never acknowledged, rules 8, 9). And while a sync runs, ticks go on
// writing: the next sync covers them all (overlapped; half as many syncs as write-then-sync under load).
//
// Nothing here costs anything for a replica that wrote nothing, and there is no promise or timer per message.
import { AssertionFailed } from '@zhumq/base';
import type { ReplicaWal, WalRecord } from '../types.js';
import type { ChannelSink, ReplicaChannel } from './replica-channel.js';
import type { UnsealedFrame } from './wal-frame.js';
import { layOutRecord } from './wal-record-codec.js';
import type { WalWriter } from './wal-writer.js';

export interface GroupCommitOptions {
  /** Runs a callback at the end of this turn; setImmediate. */
  readonly atEndOfTurn: (callback: () => void) => void;
  /** After every tick: time to look whether a checkpoint is due. */
  readonly afterTick: () => void;
  /** A write to a segment failed: that replica is out of service (rule 7). */
  readonly onSegmentFailed: (channel: ReplicaChannel, error: Error) => void;
  /** The write-ahead log failed: nothing is acknowledged any more (rule 7). Called once. */
  readonly onFatal: (error: unknown) => void;
  readonly syncWithin: (channel: ReplicaChannel, ms: number) => void;
  readonly syncSegments: (channel: ReplicaChannel) => Promise<void>;
}

interface SyncWaiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class GroupCommit implements ChannelSink {
  private writer: WalWriter | undefined;
  private scheduled = false;
  private tickChannels: ReplicaChannel[] = [];
  /** Written, with frames that need a sync. */
  private awaitingSync: ReplicaChannel[] = [];
  private syncWaiters: SyncWaiter[] = [];
  private syncing = false;
  private failed = false;
  /** Gathered before the writer was there: truncations by recovery. */
  private early: UnsealedFrame[] = [];

  constructor(private readonly options: GroupCommitOptions) {}

  /** Recovery is over: writing begins. */
  start(writer: WalWriter): void {
    this.writer = writer;
    for (const frame of this.early) writer.gather(frame);
    this.early = [];
  }

  get pendingBytes(): number {
    return this.writer?.pendingBytes ?? 0;
  }

  gather(channel: ReplicaChannel, record: WalRecord): void {
    channel.gathered = record.sequence;
    if (this.failed || channel.failure !== undefined || channel.closed) return;
    if (needsSync(record)) channel.mustSync = record.sequence;
    this.gatherFrame(layOutRecord(channel.id, record));
    this.markDirty(channel);
  }

  /** A frame of the store itself; `synced` says when it is durable. */
  gatherFrame(frame: UnsealedFrame): void {
    if (this.writer === undefined) this.early.push(frame);
    else this.writer.gather(frame);
    this.schedule();
  }

  markDirty(channel: ReplicaChannel): void {
    if (channel.inTick || channel.closed) return;
    channel.inTick = true;
    this.tickChannels.push(channel);
    this.schedule();
  }

  syncWithin(channel: ReplicaChannel, ms: number): void {
    this.options.syncWithin(channel, ms);
  }

  /** See ReplicaWal.sync. Segments and frames are synced side by side: neither needs the other to be first. */
  async sync(channel: ReplicaChannel, segments: boolean): Promise<void> {
    const reached = channel.replica?.markSync();
    // With everything else of this turn: thousands of replicas may ask in it, when a topic is made or switched.
    await new Promise<void>((resolve) => {
      this.options.atEndOfTurn(resolve);
    });
    const frames = this.synced();
    await Promise.all([frames, segments ? this.options.syncSegments(channel) : undefined]);
    reached?.();
  }

  /** Everything gathered so far is on disk. Rejects when the write-ahead log fails. */
  synced(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.tick();
      if (this.failed) {
        reject(new Error('the write-ahead log has failed'));
        return;
      }
      this.syncWaiters.push({ resolve, reject });
      this.maybeSync();
    });
  }

  /** The frame that makes a replica: nothing of it counts before that frame is synced. */
  gatherCreation(channel: ReplicaChannel, frame: UnsealedFrame): void {
    channel.gathered = 0;
    channel.mustSync = 0;
    this.gatherFrame(frame);
    this.markDirty(channel);
  }

  /** Writes the durable position down, so that damage below it is noticed although no later write follows (rule 24). */
  leaveMark(): void {
    if (this.failed) return;
    try {
      this.writer?.write(true);
    } catch (error) {
      this.fail(error);
    }
  }

  /** A failure elsewhere that leaves the write-ahead log worthless: the same end as its own. */
  fail(error: unknown): void {
    if (this.failed) return;
    this.stop(error);
    this.options.onFatal(error);
  }

  /** No more ticks, no more notifications. */
  stop(error: unknown): void {
    this.failed = true;
    for (const waiter of this.syncWaiters.splice(0)) waiter.reject(error);
  }

  /** Writes what was gathered now instead of at the end of the turn. */
  tick(): void {
    this.scheduled = false;
    const { writer } = this;
    if (writer === undefined || this.failed) return;
    try {
      writer.write();
    } catch (error) {
      this.fail(error);
      return;
    }
    const channels = this.tickChannels;
    this.tickChannels = [];
    for (const channel of channels) this.writeSegments(channel);
    for (const channel of channels) this.settleWritten(channel);
    this.maybeSync();
    this.options.afterTick();
  }

  private schedule(): void {
    if (this.scheduled || this.failed || this.writer === undefined) return;
    this.scheduled = true;
    this.options.atEndOfTurn(() => {
      if (this.scheduled) this.tick();
    });
  }

  private writeSegments(channel: ReplicaChannel): void {
    channel.inTick = false;
    channel.dirty = true;
    channel.written = channel.gathered;
    if (channel.failure !== undefined || channel.closed) return;
    try {
      channel.replica?.writeSegments();
    } catch (error) {
      this.options.onSegmentFailed(channel, error as Error);
    }
  }

  private settleWritten(channel: ReplicaChannel): void {
    if (channel.mustSync <= channel.synced) {
      this.notify(channel, channel.written);
    } else if (!channel.awaitsSync) {
      channel.awaitsSync = true;
      this.awaitingSync.push(channel);
    }
  }

  private maybeSync(): void {
    if (this.syncing || this.failed || this.writer === undefined) return;
    if (this.awaitingSync.length === 0 && this.syncWaiters.length === 0) return;
    const channels = this.awaitingSync;
    const waiters = this.syncWaiters;
    this.awaitingSync = [];
    this.syncWaiters = [];
    const covered: number[] = [];
    for (const channel of channels) {
      channel.awaitsSync = false;
      covered.push(channel.written);
    }
    this.syncing = true;
    this.writer.sync().then(
      () => this.handleSynced(channels, covered, waiters),
      (error: unknown) => {
        this.syncWaiters.push(...waiters);
        this.fail(error);
      },
    );
  }

  /** `covered`: what each channel had written when the sync began. */
  private handleSynced(
    channels: readonly ReplicaChannel[],
    covered: readonly number[],
    waiters: readonly SyncWaiter[],
  ): void {
    this.syncing = false;
    if (this.failed) {
      for (const waiter of waiters) waiter.reject(new Error('the write-ahead log has failed'));
      return;
    }
    // First of all the next sync, so that the disk works while the notifications run.
    this.maybeSync();
    for (const [index, channel] of channels.entries()) {
      channel.synced = Math.max(channel.synced, covered[index]);
      // Direct appends behind the last frame that had to be synced were written, and that is all they need.
      this.notify(channel, channel.mustSync <= channel.synced ? channel.written : channel.synced);
    }
    for (const waiter of waiters) waiter.resolve();
  }

  private notify(channel: ReplicaChannel, sequence: number): void {
    if (sequence <= channel.notified || this.failed) return;
    if (channel.failure !== undefined || channel.closed) return;
    channel.notified = sequence;
    try {
      channel.replica?.onWalDurable(sequence);
    } catch (error) {
      // It may have cut a file just now, and that may have failed. A bug ends the process.
      if (error instanceof AssertionFailed) throw error;
      this.options.onSegmentFailed(channel, error as Error);
    }
  }
}

/** Direct appends of flush `interval` and `os` count when they are written; everything else waits for the sync. */
function needsSync(record: Parameters<ReplicaWal['write']>[0]): boolean {
  return record.kind !== 'append' || record.payload !== undefined || record.synced === true;
}
