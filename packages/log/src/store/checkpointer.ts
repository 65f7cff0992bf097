// Checkpoints: a full table of the replicas in the write-ahead log, so that older files can be used again (rule 5).
//
//   1 `start` = where the log stands; everything before it was written to log and segments
//   2 sync the segments of every replica that wrote since its last row, and new folders; ticks go on meanwhile
//   3 collect the rows, write the checkpoint frame, sync it
//   4 leave the durable position behind (a checkpoint that rots later must be noticed, rule 24)
//   5 only now give back the files before `start`
//
// A row covers at least what its replica wrote before `start`, because its segments were synced after it; frames after
// `start` that are newer than the row are replayed over it. A crash anywhere before 5 leaves the older checkpoint and
// all its files.
import type { Clock } from '@zhumq/base';
import type { CheckpointRow, HardState } from '../types.js';
import { layOutCheckpoint } from './checkpoint-frame.js';
import type { GroupCommit } from './group-commit.js';
import type { ReplicaChannel } from './replica-channel.js';
import type { SegmentSyncs } from './segment-syncs.js';
import type { StoreMetrics } from './store-metrics.js';
import type { WalWriter } from './wal-writer.js';

export interface CheckpointerOptions {
  readonly checkpointBytes: number;
  readonly commit: GroupCommit;
  readonly writer: WalWriter;
  readonly syncs: SegmentSyncs;
  readonly channels: () => Iterable<ReplicaChannel>;
  /** Ids that must not be made again, those that lost their identity among them. */
  readonly retired: () => Iterable<string>;
  readonly clock: Clock;
  readonly metrics: StoreMetrics;
}

export class Checkpointer {
  private running: Promise<void> | undefined;
  private again = false;
  private stopped = false;
  private bytesAtLast = 0;

  constructor(private readonly options: CheckpointerOptions) {}

  /** After a tick: takes one in the background when enough was written since the last. */
  maybeTake(): void {
    const { writer, checkpointBytes } = this.options;
    if (writer.bytesWritten - this.bytesAtLast >= checkpointBytes) this.request();
  }

  /** Takes one in the background, or one more after the one that runs. */
  request(): void {
    if (this.running !== undefined) {
      this.again = true;
      return;
    }
    // A failure of the write-ahead log is told by onFatal.
    this.take().catch(() => undefined);
  }

  /** Resolves when a checkpoint that was begun after this call is durable. */
  async take(): Promise<void> {
    while (this.running !== undefined) await this.running.catch(() => undefined);
    if (this.stopped) return;
    this.again = false;
    this.bytesAtLast = this.options.writer.bytesWritten;
    this.running = this.run();
    try {
      await this.running;
    } finally {
      this.running = undefined;
      if (this.again && !this.stopped) this.request();
    }
  }

  /** None is begun any more; resolves when none runs. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.running?.catch(() => undefined);
  }

  private async run(): Promise<void> {
    const { commit, writer, syncs, clock, metrics } = this.options;
    const startedMs = clock.monotonicMs();
    commit.tick();
    const start = writer.position;
    const dirty: ReplicaChannel[] = [];
    const marks: (() => void)[] = [];
    for (const channel of this.options.channels()) {
      channel.rowFloor = channel.written;
      if (!channel.dirty) continue;
      channel.dirty = false;
      dirty.push(channel);
      marks.push(channel.replica?.markSync() ?? nothing);
    }
    await syncs.syncAll(dirty);
    // From here to the gathering of the frame nothing else runs.
    const rows: CheckpointRow[] = [];
    for (const channel of this.options.channels()) {
      const row = rowOf(channel);
      if (row !== undefined) rows.push(row);
    }
    const reached = marks.filter((_, at) => isCovered(dirty[at]));
    const frame = layOutCheckpoint({ start, rows, retired: [...this.options.retired()] });
    commit.gatherFrame(frame);
    await commit.synced();
    for (const done of reached) done();
    writer.startClaims();
    commit.leaveMark();
    writer.release(start.file);
    metrics.checkpointTaken?.(clock.monotonicMs() - startedMs, rows.length, frame.bytes);
  }
}

function nothing(): void {
  // A replica that is being deleted has nothing to mark.
}

/** Its row holds everything that it had written when the checkpoint was begun. */
function isCovered(channel: ReplicaChannel): boolean {
  if (channel.closed || channel.replica === undefined || channel.failure !== undefined)
    return false;
  return channel.replica.checkpointRow().sequence >= channel.rowFloor;
}

/** undefined for a replica that is being deleted. */
function rowOf(channel: ReplicaChannel): CheckpointRow | undefined {
  if (channel.closed || channel.replica === undefined) return undefined;
  const row = channel.replica.checkpointRow();
  if (channel.failure === undefined && row.sequence >= channel.rowFloor) return row;
  // The replica failed: its segments lack bytes that only the write-ahead log had, and that is let go now. It counts in
  // no quorum until a leader has filled it again (rule 16), and nothing is replayed over it any more.
  return { ...row, sequence: channel.gathered, hardState: tainted(row, channel.failure) };
}

function tainted(row: CheckpointRow, failure: Error | undefined): HardState {
  const { hardState, generation } = row;
  if (hardState?.tainted === true) return hardState;
  return {
    generation: hardState?.generation ?? generation?.generation ?? 0,
    term: hardState?.term ?? 0,
    vote: hardState?.vote,
    closed: hardState?.closed ?? false,
    tainted: true,
    taintReason: `a write or sync of its segments failed: ${failure?.message ?? 'unknown'}`,
  };
}
