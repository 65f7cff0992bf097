// The first frame of every write to the write-ahead log. It says what was known to be durable when the write was formed:
// a later start finds in it that a bad frame below that position is rot and not a torn tail (rule 24).
//
//   0 durableFile    i64
//   8 durableOffset  u32
//  12 previousEnd    u32   bytes written to the file before this one, so that a lost end of it is noticed
import { readSafeI64, writeI64 } from '@zhumq/model';
import { FrameKind, NO_REPLICA, layOutFrame } from './wal-frame.js';
import type { UnsealedFrame } from './wal-frame.js';
import type { WalPosition } from './wal-position.js';

const BODY_BYTES = 16;

export interface WriteFrame {
  readonly durable: WalPosition;
  readonly previousEnd: number;
}

export function layOutWriteFrame(write: WriteFrame): UnsealedFrame {
  const body = Buffer.allocUnsafe(BODY_BYTES);
  writeI64(body, 0, write.durable.file);
  body.writeUInt32BE(write.durable.offset, 8);
  body.writeUInt32BE(write.previousEnd, 12);
  return layOutFrame(FrameKind.write, NO_REPLICA, 0, body);
}

/** undefined when the body is not one. */
export function readWriteFrame(body: Buffer): WriteFrame | undefined {
  if (body.length !== BODY_BYTES) return undefined;
  const file = readSafeI64(body, 0);
  if (Number.isNaN(file)) return undefined;
  return {
    durable: { file, offset: body.readUInt32BE(8) },
    previousEnd: body.readUInt32BE(12),
  };
}
