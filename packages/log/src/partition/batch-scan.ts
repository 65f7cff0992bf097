// Walks the batches of a segment file in pieces, so that neither recovery nor verification holds a file in memory. With
// checks it verifies structure, checksum and the chain (rule 22: each batch begins where the one before it ended, epochs
// do not fall); without it believes the lengths, for rebuilding indexes of files that were verified.
import { BATCH_HEADER_BYTES, checkStoredBatch, readBatchHeader } from '@zhumq/model';
import type { BatchHeader } from '@zhumq/model';
import type { FileHandle } from '../file-system/file-system.js';
import type { Epoch, Offset } from '../types.js';

const PIECE_BYTES = 1024 * 1024;
/** A length field above it is damage: no broker accepts batches of that size. */
export const MAX_BATCH_BYTES = 512 * 1024 * 1024;

export interface ScannedBatch {
  readonly header: BatchHeader;
  readonly position: number;
  /** The file's bytes around it, valid until the next step; the batch begins at `start`. */
  readonly piece: Buffer;
  readonly start: number;
}

/** Where a walk ended: at a whole batch, or because the bytes end inside one, or because one is wrong. */
export interface ScanEnd {
  readonly kind: 'end' | 'incomplete' | 'invalid';
  readonly position: number;
  /** Offset after the last good batch; undefined when there was none and none was expected. */
  readonly nextOffset: Offset | undefined;
  readonly reason: string;
}

export interface ScanStart {
  readonly position: number;
  /** Bytes of the file that count. */
  readonly end: number;
  readonly verify: boolean;
  readonly nextOffset?: Offset;
  readonly minEpoch?: Epoch;
}

export function* scanBatches(file: FileHandle, from: ScanStart): Generator<ScannedBatch, ScanEnd> {
  let position = from.position;
  let nextOffset = from.nextOffset;
  let minEpoch = from.minEpoch;
  let piece: Buffer = Buffer.allocUnsafe(0);
  let pieceStart = position;
  const done = (kind: ScanEnd['kind'], reason: string): ScanEnd => ({
    kind,
    position,
    nextOffset,
    reason,
  });
  while (position < from.end) {
    const start = position - pieceStart;
    const found = from.verify
      ? checkStoredBatch(piece, start, { nextOffset, minEpoch, maxBytes: MAX_BATCH_BYTES })
      : headerAt(piece, start);
    if (found.kind === 'invalid') return done('invalid', found.reason);
    if (found.kind === 'incomplete') {
      if (position + found.bytes > from.end) {
        return done(
          'incomplete',
          `${from.end - position} bytes of a batch of at least ${found.bytes}`,
        );
      }
      piece = readPiece(file, position, Math.max(found.bytes, PIECE_BYTES), from.end);
      pieceStart = position;
      if (piece.length < found.bytes) return done('incomplete', 'the file ends earlier');
      continue;
    }
    yield { header: found.header, position, piece, start };
    position += found.header.sizeBytes;
    nextOffset = found.header.lastOffset + 1;
    minEpoch = found.header.epoch;
  }
  return done('end', '');
}

function headerAt(piece: Buffer, start: number): ReturnType<typeof checkStoredBatch> {
  if (piece.length - start < BATCH_HEADER_BYTES) {
    return { kind: 'incomplete', bytes: BATCH_HEADER_BYTES };
  }
  const header = readBatchHeader(piece, start);
  if (header.sizeBytes < BATCH_HEADER_BYTES || !Number.isSafeInteger(header.lastOffset)) {
    return { kind: 'invalid', reason: `a size of ${header.sizeBytes} bytes` };
  }
  return start + header.sizeBytes > piece.length
    ? { kind: 'incomplete', bytes: header.sizeBytes }
    : { kind: 'batch', header };
}

function readPiece(file: FileHandle, position: number, bytes: number, end: number): Buffer {
  const piece = Buffer.allocUnsafe(Math.min(bytes, end - position));
  return piece.subarray(0, file.readSync(piece, position));
}
