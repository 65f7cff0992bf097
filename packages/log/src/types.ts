// The words of the log package. The store (store/) owns the data directory, the write-ahead log and recovery; a
// partition log (partition/) owns one replica's segments, epoch list and producer state. They meet in the two ports at
// the end of this file.
//
// Ends are exclusive here (the next offset), as everywhere outside raft; lastOffset = logEnd - 1.
import type { BatchHeader } from '@zhumq/model';

export type Offset = number;
export type Epoch = number;

/** Whose log it is. The folder is `<topic>-<partition>.<first 8 digits of replicaId>`. */
export interface ReplicaIdentity {
  readonly topic: string;
  /** 32 hexadecimal digits. */
  readonly topicId: string;
  readonly partition: number;
  /** 32 hexadecimal digits. */
  readonly replicaId: string;
}

/** When a write counts as on disk (docs/storage-format.md). */
export type FlushPolicy = 'fsync' | 'interval' | 'os';

/** Settings of one partition's log; they may change while it is open. */
export interface LogConfig {
  readonly flush: FlushPolicy;
  readonly flushIntervalMs: number;
  readonly segmentBytes: number;
  readonly segmentMs: number;
  readonly indexIntervalBytes: number;
  /** -1: no limit. */
  readonly retentionMs: number;
  /** -1: no limit. */
  readonly retentionBytes: number;
  /** Producers idle in log time for longer are forgotten (rule 26). */
  readonly producerExpirationMs: number;
}

/** What a replica remembers of its generation (rule 13). */
export interface GenerationRecord {
  readonly generation: number;
  readonly mode: 'raft' | 'fetch';
  readonly epoch: Epoch;
  readonly seal: { readonly epoch: Epoch; readonly offset: Offset } | undefined;
  readonly voters: readonly string[];
}

/** Durable state of a Raft replica besides its log. */
export interface HardState {
  readonly generation: number;
  readonly term: Epoch;
  readonly vote: string | undefined;
  readonly closed: boolean;
  readonly tainted: boolean;
  readonly taintReason: string;
}

/** Where an epoch begins. */
export interface EpochStart {
  readonly epoch: Epoch;
  readonly startOffset: Offset;
}

/** Whole batches read from a log: their bytes, in order, and what they hold. */
export interface LogSlice {
  readonly buffers: readonly Buffer[];
  readonly bytes: number;
  /** Base offset of the first batch; may lie before the offset asked for. */
  readonly firstOffset: Offset;
  /** Offset after the last batch. */
  readonly endOffset: Offset;
}

/** What the producer state says of a batch before it is appended. */
export type ProducerVerdict =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly baseOffset: Offset; readonly lastOffset: Offset }
  | {
      readonly kind: 'outOfOrder' | 'unknownProducer' | 'fenced';
      readonly expectedSequence: number;
    };

/** A segment as a peer may copy it. */
export interface SegmentSummary {
  readonly baseOffset: Offset;
  readonly bytes: number;
  readonly endOffset: Offset;
}

/** What a replica behind the log start takes over before it copies segments. */
export interface SnapshotState {
  readonly logStart: Offset;
  readonly epochBeforeStart: Epoch;
  readonly endOffset: Offset;
  readonly epochs: readonly EpochStart[];
  /** ProducerSnapshot of state.proto, encoded. */
  readonly producers: Buffer;
}

/** Damage found in a replica's files, below what is known to be on disk. */
export interface Damage {
  readonly file: string;
  readonly position: number;
  /** First offset that can not be trusted. */
  readonly offset: Offset;
  readonly reason: string;
}

/**
 * Reports of one partition log to the cell that owns it. Called synchronously from the store's completion of a tick;
 * implementations must not throw and must not block.
 */
export interface LogListener {
  /** Everything below `durableEnd` is on disk per the flush policy; `epoch` is that of the record before it. */
  onDurable(durableEnd: Offset, epoch: Epoch): void;
  /** A hard state (or generation record) given to the log is on disk; `sequence` is what `saveHardState` returned. */
  onHardStateDurable(sequence: number): void;
  /**
   * A segment write or sync failed, or damage was found: the replica is out of service (rules 4, 7). Called while the
   * listener is set when that was so before.
   */
  onFailed(error: Error): void;
}

/**
 * One replica's log (class PartitionLog in partition/partition-log.ts). All writes are synchronous calls that gather
 * bytes; the store writes and syncs them at the end of the tick. Writes of one log take effect in call order.
 */
export interface ReplicaLog {
  readonly identity: ReplicaIdentity;
  config: LogConfig;
  /** First offset held. */
  readonly logStart: Offset;
  /** Offset after the last record. */
  readonly logEnd: Offset;
  /** Contiguous end of what is on disk per the flush policy (rule 8). */
  readonly durableEnd: Offset;
  /** Everything below is synced, whatever the flush policy counts: what a power loss can not take. Never above durableEnd. */
  readonly syncedEnd: Offset;
  /** Epoch of the last record; the epoch before the start when none is held; 0 for a log that never had one. */
  readonly lastEpoch: Epoch;
  /** Bytes in segments. */
  readonly sizeBytes: number;
  readonly hardState: HardState | undefined;
  readonly generation: GenerationRecord | undefined;
  /** Set when recovery or a read met damage; cleared by `resetForRepair`. */
  readonly damage: Damage | undefined;
  /** High watermark at the last checkpoint or as last told by `setHighWatermark`. */
  readonly highWatermark: Offset;
  listener: LogListener | undefined;

  /** Epoch of the record at an offset from logStart - 1 to logEnd - 1; undefined outside. */
  epochAt(offset: Offset): Epoch | undefined;
  /** Largest epoch <= `epoch` and the offset after its last record; undefined when all epochs are larger. */
  endOfEpoch(epoch: Epoch): { readonly epoch: Epoch; readonly endOffset: Offset } | undefined;

  /** Leader: stamps the batch (validated and CRC-checked by the caller) with logEnd and epoch, and appends it. */
  appendAsLeader(
    batch: Buffer,
    header: BatchHeader,
    epoch: Epoch,
  ): { readonly baseOffset: Offset; readonly lastOffset: Offset };
  /** Follower: whole batches as the leader sent them. Checks CRC, contiguous offsets and epochs that do not fall (rule 22); throws DATA_CORRUPT-free typed errors before anything is appended. */
  appendAsFollower(batches: Buffer): void;
  /** Removes everything from `from` on; lowers durableEnd at once. Never below the high watermark (asserted). */
  truncate(from: Offset): void;
  /** Returns a sequence that `onHardStateDurable` reports. */
  saveHardState(hardState: HardState): number;
  saveGeneration(generation: GenerationRecord): number;
  /** Tells the log how far it is committed: bounds truncation and retention; goes into checkpoints. */
  setHighWatermark(offset: Offset): void;
  /**
   * Only for what a reported possible loss takes from a log: records that it knew to be committed are not any more, and
   * may be truncated. Nothing happens when it is not lower than what the log knows.
   */
  lowerHighWatermark(offset: Offset): void;
  /**
   * Everything appended, cut and saved so far is synced, whatever the flush policy says: `syncedEnd` is at least what
   * `logEnd` is now (or where a cut puts it meanwhile). Rejects with REPLICA_FAILED or LOG_CLOSED when it can not be.
   */
  sync(): Promise<void>;

  checkProducer(header: BatchHeader): ProducerVerdict;

  /**
   * Whole batches from the one that holds `from`, below `end`, at most maxBytes (one batch may be larger). Answers at
   * once when the tail is in memory, else through the block cache. Throws OFFSET_OUT_OF_RANGE, LOG_CLOSED, REPLICA_FAILED.
   */
  read(from: Offset, end: Offset, maxBytes: number): LogSlice | Promise<LogSlice>;
  /** First record not older than `timestampMs`, by batch (maxTimestamp), below `end`. */
  offsetForTime(
    timestampMs: number,
    end: Offset,
  ): Promise<{ offset: Offset; timestamp: number; epoch: Epoch } | undefined>;

  /** Deletes whole segments by age and size below the high watermark; the log start frame is durable before any unlink (rule 25). */
  enforceRetention(nowMs: number): Promise<void>;
  /**
   * Deletes whole segments whose records all lie below `offset` and below the high watermark, never the active one; the
   * log start frame is durable before any unlink (rule 25). For logs whose owner knows what nobody needs any more.
   */
  deleteBefore(offset: Offset): Promise<void>;

  /** For a peer behind the log start. */
  snapshotState(end: Offset): { state: SnapshotState; segments: readonly SegmentSummary[] };
  /** Bytes of a segment file from `position`, at most maxBytes, below the end of the snapshot. */
  readSegment(baseOffset: Offset, position: number, maxBytes: number): Promise<Buffer>;
  /** Throws away this log's content and starts at `state.logStart`; resumable: `installed` says how far an earlier try came. */
  beginInstall(state: SnapshotState): { readonly installedEnd: Offset };
  /** Appends a chunk of a segment; verified batch by batch; partial batches are kept until they are complete. */
  installChunk(baseOffset: Offset, chunk: Buffer): void;
  /** Everything of the snapshot is on disk and verified. */
  finishInstall(): Promise<void>;

  /** After damage: truncates to the last trustworthy offset (or to nothing), so that the leader can fill it again. The caller has saved a tainted hard state before. */
  resetForRepair(): void;
  /** Throws everything away, as if the replica were new; generation and hard state stay. The caller has saved a tainted hard state before. */
  startOver(): void;
}

/** What the store finds or is told at opening. */
export interface StoreOptions {
  readonly dataDirectory: string;
  readonly brokerId: number;
  /** Undefined at the very first start, until the cluster is known; see LogStore.adoptCluster. */
  readonly clusterId: string | undefined;
  readonly walFileBytes: number;
  /** Checkpoint when this many bytes were written to the write-ahead log since the last one. */
  readonly checkpointBytes: number;
  readonly blockCacheBytes: number;
  readonly tailBytes: number;
  /** Produce is refused (DISK_FULL) when less is free. */
  readonly diskReserveBytes: number;
  /** Settings of a recovered log until its topic's are known (`ReplicaLog.config` may be set at any time). */
  readonly defaultConfig: LogConfig;
}

// ---- ports between the store and a partition log -----------------------------------------------------------------

/**
 * One write of a replica, as a frame of the write-ahead log. `sequence` grows by one per write of that replica and starts
 * at 1 (a row of a checkpoint with sequence 0: nothing was written yet); the store asserts it, and recovery takes a gap
 * for corruption.
 */
export type WalRecord =
  | {
      readonly kind: 'append';
      readonly sequence: number;
      readonly segmentBase: Offset;
      /** Byte position in that segment's file. */
      readonly position: number;
      readonly firstOffset: Offset;
      readonly endOffset: Offset;
      /** Epoch of the last batch. */
      readonly epoch: Epoch;
      readonly bytes: number;
      /**
       * Direct appends: CRC-32C over the 61-byte headers of the batches, one after the other; 0 otherwise. A header
       * holds the CRC of the bytes behind it, so this covers everything without a second pass over the bytes.
       */
      readonly crc: number;
      /**
       * The bytes; undefined for a direct append (flush `interval` or `os`, or a bulk write synced beforehand). They are
       * written at the end of the tick without being copied: the buffers must not change until then.
       */
      readonly payload: readonly Buffer[] | undefined;
      /**
       * Only for a direct append: the bytes were synced in the segment before this call (bulk, rule 8). Then bytes that
       * do not verify are corruption, and the frame waits for the log's sync; when absent it counts as soon as it is
       * written (flush `interval`, `os`), and bytes that do not verify end the log there (rule 9).
       */
      readonly synced?: boolean;
    }
  | {
      readonly kind: 'truncate';
      readonly sequence: number;
      readonly from: Offset;
      readonly epochBefore: Epoch;
    }
  | {
      readonly kind: 'logStart';
      readonly sequence: number;
      readonly logStart: Offset;
      readonly epochBeforeStart: Epoch;
      /** True when everything held was thrown away (snapshot install, repair): the log ends at logStart, too. */
      readonly reset: boolean;
      /** Of a reset: a ProducerSnapshot of what batches below logStart told of their producers; no file has that yet. */
      readonly producers?: Buffer;
    }
  | { readonly kind: 'hardState'; readonly sequence: number; readonly hardState: HardState }
  | {
      readonly kind: 'generation';
      readonly sequence: number;
      readonly generation: GenerationRecord;
    };

/**
 * How a partition log writes ahead; the store implements it, one object per replica.
 *
 * At the end of a tick: the frames in one write, then `writeSegments` of each dirty log, then the sync. Direct appends
 * (`append` without payload, not `synced`) need no sync of the write-ahead log: they count when both were written. All
 * other frames are synced first, whatever the flush policy, because bytes of a segment are cut or overwritten only after
 * its truncate or reset frame is on disk (until then appends carry their payload and their segment bytes wait in memory:
 * the partition log holds them back itself).
 */
export interface ReplicaWal {
  /**
   * Gathers a frame; it is written at the end of the tick, and `onWalDurable(sequence)` follows its sync. Also called
   * within ReplicaRecovery.finish (a truncate frame, where recovery ended the log before its frames do).
   */
  write(record: WalRecord): void;
  /** Asks for `writeSegments` at the end of this tick although no frame was written. */
  markDirty(): void;
  /** Asks for a sync of this replica's segments within `ms` (flush `interval`). */
  syncWithin(ms: number): void;
  /**
   * Resolves when everything that this replica gathered so far is on disk: its frames and, where they do not hold the
   * bytes, its segments (`segments`) and their folder. Calls `markSync`. Rejects when that can not be any more.
   */
  sync(segments: boolean): Promise<void>;
}

/** What the store asks of a partition log. All of it is called by the store only. */
export interface WalParticipant {
  /** Writes the bytes gathered in this tick to the segment files, unsynced. Throws on failure: the replica fails. */
  writeSegments(): void;
  /**
   * Every frame up to `sequence` is on disk; for direct appends (see ReplicaWal): written. In order, never back. May
   * write again: that is the next tick's.
   */
  onWalDurable(sequence: number): void;
  /**
   * Syncs everything written to segments (and new folders entries) so far, with the derived files; before a checkpoint
   * and for flush `interval`. Calls `writeSegments` itself. Waits for `onWalDurable` of a truncate or reset frame that
   * is under way, so the store must keep its ticks going meanwhile. Cheap when nothing was written since the last call.
   * Rejects when the sync fails: the replica fails.
   */
  syncSegments(): Promise<void>;
  /**
   * Called where a sync of segments and frames begins, or a checkpoint; what it returns is called when both are on disk,
   * and must not be called otherwise.
   */
  markSync(): () => void;
  /**
   * This replica's row of a checkpoint: the log as the last finished `syncSegments` found it when it was called
   * (`sequence`: the last write it includes), with the present hard state, generation and high watermark. Frames with a
   * larger sequence must stay in the write-ahead log and are replayed over it; smaller ones are skipped. Must answer
   * after `fail`, too: the store marks the row of a failed replica tainted.
   */
  checkpointRow(): CheckpointRow;
  /** The replica is out of service: nothing is written or acknowledged any more. Also called by the log itself. */
  fail(error: Error): void;
  /** Releases memory and files; calls then throw LOG_CLOSED. What was gathered and not written is gone. */
  close(): void;
}

/** A row of a checkpoint frame (ReplicaCheckpoint of state.proto). */
export interface CheckpointRow {
  readonly identity: ReplicaIdentity;
  readonly generation: GenerationRecord | undefined;
  readonly hardState: HardState | undefined;
  readonly logStart: Offset;
  readonly epochBeforeStart: Epoch;
  readonly logEnd: Offset;
  readonly lastEpoch: Epoch;
  readonly sequence: number;
  readonly highWatermark: Offset;
  readonly activeSegment: Offset;
  readonly activeBytes: number;
}

/**
 * How the store rebuilds a partition log after a start: `open` with the row of the newest checkpoint (undefined for a
 * replica made after it), then every later frame of that replica in order, then `finish`, which scans and verifies what
 * checkpoint and frames account for, cuts what lies beyond, and reports damage below the durable position.
 *
 * The class is PartitionRecovery (partition/recovery.ts). `replay` sees only frames after `row.sequence`, without gaps.
 * Payload buffers belong to the callee. It writes to the segments without syncing: the store takes a checkpoint
 * (`syncSegments` of every replica) before anything is answered, and a crash before that replays the same frames over
 * the same row again.
 */
export interface ReplicaRecovery {
  replay(record: WalRecord): void;
  /**
   * The write-ahead log lost frames of this replica below what was known to be on disk: whatever it holds can not be
   * trusted to be complete, and a vote may be gone. Sets `damage`; `finish` must not cut or delete anything then.
   */
  condemn(damage: Damage): void;
  finish(): Promise<ReplicaLog & WalParticipant>;
}

/** What a partition log is built on. The folder and its `meta` file exist; both are the store's. */
export interface ReplicaSeat {
  readonly identity: ReplicaIdentity;
  readonly directory: string;
  readonly config: LogConfig;
  readonly wal: ReplicaWal;
}

/**
 * Makes partition logs: the store's door to partition/, so that its tests can stand on a small one. `recover` is
 * `new PartitionRecovery(resources, seat, row, keptAll)`, with one PartitionResources per store. `create` is for a new replica in
 * an empty folder and does not wait: the broker makes replicas within one turn. Folder entries are synced by the first
 * `syncSegments`.
 */
export interface ReplicaFactory {
  /** Must not call `seat.wal` yet. */
  create(seat: ReplicaSeat): ReplicaLog & WalParticipant;
  /** `keptAll`: everything ever written is still there, because the last stop was clean or the kernel went on. */
  recover(seat: ReplicaSeat, row: CheckpointRow | undefined, keptAll: boolean): ReplicaRecovery;
}
