// A frame of the write-ahead log, and the seal of a file. All numbers are big-endian.
//
//   0 magic       u32   finds frames behind damage; proves nothing
//   4 headerCrc   u32   CRC-32C of 8..44, begun with the seal of the file
//   8 bodyLength  u32
//  12 bodyCrc     u32   CRC-32C of the body
//  16 kind        u8
//  17 flags       u8    of an append
//  18 zero        u16
//  20 sequence    i64   of the replica; 0 where the frame is no write of one
//  28 replicaId   16 bytes; zero where the frame is of no replica
//  44 body
//
// The header has a checksum of its own: when only the body is rotten we still know whose it was and where the next frame
// begins, so one replica is damaged and not all of them (rule 24). Length fields are trusted only behind that checksum.
//
// The seal of a file is the CRC of the data directory's identity and the file's number. Files are recycled by renaming
// them to a larger number; the frames of their earlier lives are intact but have another seal, so none is ever taken for
// a frame of this life, nor one of another directory (rules 5, 9). That there is no file header means none can be torn.
import { crc32c, writeI64, readSafeI64 } from '@zhumq/model';

export const FRAME_MAGIC = 0x7a6d7157;
export const FRAME_HEADER_BYTES = 44;
const SEALED_FROM = 8;
/** A longer body is damage: an append holds a few batches at most, a checkpoint about 300 bytes per replica. */
export const MAX_BODY_BYTES = 1 << 30;

export const FrameKind = {
  /** First frame of every write: what is known durable. */
  write: 1,
  /** A full table. */
  checkpoint: 2,
  /** A replica was made: its identity. */
  create: 3,
  /** A replica was deleted or moved to quarantine; its identity is never used again. */
  retire: 4,
  append: 16,
  truncate: 17,
  logStart: 18,
  hardState: 19,
  generation: 20,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export const NO_REPLICA = Buffer.alloc(16);

export interface FrameHeader {
  readonly kind: number;
  readonly flags: number;
  readonly sequence: number;
  /** 32 hexadecimal digits. */
  readonly replicaId: string;
  readonly bodyLength: number;
  readonly bodyCrc: number;
}

/** What makes the frames of one file in one life different from all others. */
export function fileSeal(directoryId: string, file: number): number {
  const bytes = Buffer.alloc(24);
  Buffer.from(directoryId, 'hex').copy(bytes);
  writeI64(bytes, 16, file);
  return crc32c(bytes);
}

/** A frame that waits for its file: `buffers[0]` begins with a header without its checksum. */
export interface UnsealedFrame {
  readonly buffers: readonly Buffer[];
  readonly bytes: number;
}

/** Lays out a frame; `fixed` is the part of the body that stands before the (uncopied) payload. */
export function layOutFrame(
  kind: FrameKind,
  replicaId: Buffer,
  sequence: number,
  fixed: Buffer,
  payload: readonly Buffer[] = [],
  flags = 0,
): UnsealedFrame {
  let bodyLength = fixed.length;
  let bodyCrc = crc32c(fixed);
  for (const buffer of payload) {
    bodyLength += buffer.length;
    bodyCrc = crc32c(buffer, bodyCrc);
  }
  const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES + fixed.length);
  head.writeUInt32BE(FRAME_MAGIC, 0);
  head.writeUInt32BE(bodyLength, 8);
  head.writeUInt32BE(bodyCrc, 12);
  head[16] = kind;
  head[17] = flags;
  head.writeUInt16BE(0, 18);
  writeI64(head, 20, sequence);
  replicaId.copy(head, 28);
  fixed.copy(head, FRAME_HEADER_BYTES);
  return {
    buffers: payload.length === 0 ? [head] : [head, ...payload],
    bytes: FRAME_HEADER_BYTES + bodyLength,
  };
}

/** Binds a frame to the file it is written to; done last, because a batch learns its file only when it is written. */
export function sealFrame(frame: UnsealedFrame, seal: number): void {
  const [head] = frame.buffers;
  head.writeUInt32BE(crc32c(head, seal, SEALED_FROM, FRAME_HEADER_BYTES), 4);
}

/** The header at `position` (44 bytes must be there); undefined when it is none of this file's. */
export function readFrameHeader(
  buffer: Buffer,
  position: number,
  seal: number,
): FrameHeader | undefined {
  if (buffer.readUInt32BE(position) !== FRAME_MAGIC) return undefined;
  const crc = crc32c(buffer, seal, position + SEALED_FROM, position + FRAME_HEADER_BYTES);
  if (crc !== buffer.readUInt32BE(position + 4)) return undefined;
  const bodyLength = buffer.readUInt32BE(position + 8);
  const sequence = readSafeI64(buffer, position + 20);
  if (bodyLength > MAX_BODY_BYTES || Number.isNaN(sequence)) return undefined;
  return {
    kind: buffer[position + 16],
    flags: buffer[position + 17],
    sequence,
    replicaId: buffer.toString('hex', position + 28, position + FRAME_HEADER_BYTES),
    bodyLength,
    bodyCrc: buffer.readUInt32BE(position + 12),
  };
}
