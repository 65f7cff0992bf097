// Writes of a replica as frames: the bodies. Layouts (big-endian), all after the 44 bytes of wal-frame.ts:
//
//   append      0 segmentBase i64 | 8 firstOffset i64 | 16 endOffset i64 | 24 position u32 | 28 bytes u32 | 32 epoch i32 |
//               36 crc u32 | 40 payload (absent when the frame's DIRECT flag is set)
//   truncate    0 from i64 | 8 epochBefore i32
//   logStart    0 logStart i64 | 8 epochBeforeStart i32 | 12 reset u8 | 13 ProducerSnapshot of state.proto (may be absent)
//   hardState   HardState of state.proto
//   generation  GenerationRecord of state.proto
import { assertNever } from '@zhumq/base';
import {
  generationRecordCodec,
  hardStateCodec,
  readSafeI64,
  writeI64,
  zhumqError,
} from '@zhumq/model';
import type { WalRecord } from '../types.js';
import { FrameKind, layOutFrame } from './wal-frame.js';
import type { FrameHeader, UnsealedFrame } from './wal-frame.js';

const APPEND_FIXED_BYTES = 40;
const TRUNCATE_BYTES = 12;
const LOG_START_BYTES = 13;
/** Flags of an append: the bytes stand in the segment only; they were synced there before. */
const DIRECT = 0x01;
const SYNCED = 0x02;

type AppendRecord = Extract<WalRecord, { kind: 'append' }>;

export function layOutRecord(replicaId: Buffer, record: WalRecord): UnsealedFrame {
  const { sequence } = record;
  switch (record.kind) {
    case 'append':
      return layOutAppend(replicaId, record);
    case 'truncate': {
      const body = Buffer.allocUnsafe(TRUNCATE_BYTES);
      writeI64(body, 0, record.from);
      body.writeInt32BE(record.epochBefore, 8);
      return layOutFrame(FrameKind.truncate, replicaId, sequence, body);
    }
    case 'logStart': {
      const body = Buffer.allocUnsafe(LOG_START_BYTES);
      writeI64(body, 0, record.logStart);
      body.writeInt32BE(record.epochBeforeStart, 8);
      body[12] = record.reset ? 1 : 0;
      const { producers } = record;
      return layOutFrame(FrameKind.logStart, replicaId, sequence, body, producers && [producers]);
    }
    case 'hardState': {
      const body = hardStateCodec.encode(record.hardState);
      return layOutFrame(FrameKind.hardState, replicaId, sequence, body);
    }
    case 'generation': {
      const body = generationRecordCodec.encode(record.generation);
      return layOutFrame(FrameKind.generation, replicaId, sequence, body);
    }
    default:
      return assertNever(record, 'write of a replica');
  }
}

function layOutAppend(replicaId: Buffer, record: AppendRecord): UnsealedFrame {
  const fixed = Buffer.allocUnsafe(APPEND_FIXED_BYTES);
  writeI64(fixed, 0, record.segmentBase);
  writeI64(fixed, 8, record.firstOffset);
  writeI64(fixed, 16, record.endOffset);
  fixed.writeUInt32BE(record.position, 24);
  fixed.writeUInt32BE(record.bytes, 28);
  fixed.writeInt32BE(record.epoch, 32);
  fixed.writeUInt32BE(record.crc, 36);
  const direct = record.payload === undefined;
  const flags = (direct ? DIRECT : 0) | (record.synced === true ? SYNCED : 0);
  return layOutFrame(FrameKind.append, replicaId, record.sequence, fixed, record.payload, flags);
}

/** The write that a frame holds. Throws DATA_CORRUPT for a body that this program never makes. */
export function readRecord(header: FrameHeader, body: Buffer): WalRecord {
  const { kind, sequence } = header;
  switch (kind) {
    case FrameKind.append:
      return readAppend(header, body);
    case FrameKind.truncate:
      expectLength(body, TRUNCATE_BYTES);
      return {
        kind: 'truncate',
        sequence,
        from: offsetAt(body, 0),
        epochBefore: body.readInt32BE(8),
      };
    case FrameKind.logStart:
      expectLength(body.subarray(0, LOG_START_BYTES), LOG_START_BYTES);
      return {
        kind: 'logStart',
        sequence,
        logStart: offsetAt(body, 0),
        epochBeforeStart: body.readInt32BE(8),
        reset: body[12] === 1,
        ...(body.length > LOG_START_BYTES && { producers: body.subarray(LOG_START_BYTES) }),
      };
    case FrameKind.hardState:
      return { kind: 'hardState', sequence, hardState: hardStateCodec.decode(body) };
    case FrameKind.generation:
      return { kind: 'generation', sequence, generation: generationRecordCodec.decode(body) };
    default:
      throw zhumqError('DATA_CORRUPT', `a frame of kind ${kind} is no write of a replica`);
  }
}

function readAppend(header: FrameHeader, body: Buffer): AppendRecord {
  const direct = (header.flags & DIRECT) !== 0;
  const bytes = body.length < APPEND_FIXED_BYTES ? 0 : body.readUInt32BE(28);
  expectLength(body, APPEND_FIXED_BYTES + (direct ? 0 : bytes));
  return {
    kind: 'append',
    sequence: header.sequence,
    segmentBase: offsetAt(body, 0),
    position: body.readUInt32BE(24),
    firstOffset: offsetAt(body, 8),
    endOffset: offsetAt(body, 16),
    epoch: body.readInt32BE(32),
    bytes,
    crc: body.readUInt32BE(36),
    payload: direct ? undefined : [body.subarray(APPEND_FIXED_BYTES)],
    ...(direct && { synced: (header.flags & SYNCED) !== 0 }),
  };
}

function offsetAt(body: Buffer, position: number): number {
  const offset = readSafeI64(body, position);
  if (offset >= 0) return offset;
  throw zhumqError('DATA_CORRUPT', `a frame of the write-ahead log has the offset ${offset}`);
}

function expectLength(body: Buffer, bytes: number): void {
  if (body.length === bytes) return;
  const message = `a frame of the write-ahead log has a body of ${body.length} bytes, not ${bytes}`;
  throw zhumqError('DATA_CORRUPT', message);
}
