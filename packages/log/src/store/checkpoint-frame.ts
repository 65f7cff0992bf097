// A checkpoint frame: the full table of the broker's replicas, so that nothing before `start` is needed any more (rule 5).
//
//   0 startFile    i64
//   8 startOffset  u32
//  12 Checkpoint of state.proto
//
// `start` is where the log stood when the checkpoint was begun: rows are collected while ticks go on, so frames between
// `start` and the checkpoint frame may be newer than their row and are replayed, those with a sequence up to the row's
// are skipped. A replica that stands in the table AND among the retired has lost its identity (rule 24): its files are
// kept and shown, but it never votes, leads or is made again.
import { checkpointCodec, readSafeI64, writeI64, zhumqError } from '@zhumq/model';
import type { CheckpointRow } from '../types.js';
import { FrameKind, NO_REPLICA, layOutFrame } from './wal-frame.js';
import type { UnsealedFrame } from './wal-frame.js';
import type { WalPosition } from './wal-position.js';

const START_BYTES = 12;

export interface CheckpointTable {
  readonly start: WalPosition;
  readonly rows: readonly CheckpointRow[];
  /** Replica ids that were deleted, moved to quarantine or have lost their identity. */
  readonly retired: readonly string[];
}

export function layOutCheckpoint(table: CheckpointTable): UnsealedFrame {
  const start = Buffer.allocUnsafe(START_BYTES);
  writeI64(start, 0, table.start.file);
  start.writeUInt32BE(table.start.offset, 8);
  const message = checkpointCodec.encode({
    replicas: table.rows,
    firstFile: table.start.file,
    retiredReplicas: table.retired,
  });
  return layOutFrame(FrameKind.checkpoint, NO_REPLICA, 0, start, [message]);
}

/** Only the position; undefined for a body that is none. */
export function readCheckpointStart(body: Buffer): WalPosition | undefined {
  if (body.length < START_BYTES) return undefined;
  const file = readSafeI64(body, 0);
  return Number.isNaN(file) ? undefined : { file, offset: body.readUInt32BE(8) };
}

/** Throws DATA_CORRUPT. */
export function readCheckpoint(body: Buffer): CheckpointTable {
  const start = readCheckpointStart(body);
  if (start === undefined) throw zhumqError('DATA_CORRUPT', 'a checkpoint frame is too short');
  const { replicas, retiredReplicas } = checkpointCodec.decode(body.subarray(START_BYTES));
  return { start, rows: replicas, retired: retiredReplicas };
}
