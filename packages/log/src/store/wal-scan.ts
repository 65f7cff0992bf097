// Reads one file of the write-ahead log from front to end: its frames, and where it can not be read. Streaming: one piece
// of the file is in memory at a time, plus one frame. What the findings mean is decided by wal-history.ts.
import { crc32c } from '@zhumq/model';
import type { FileHandle } from '../file-system/file-system.js';
import { FRAME_HEADER_BYTES, FRAME_MAGIC, readFrameHeader } from './wal-frame.js';
import type { FrameHeader } from './wal-frame.js';

export type Finding =
  /** A whole frame. `body` may be kept. */
  | {
      readonly kind: 'frame';
      readonly offset: number;
      readonly header: FrameHeader;
      readonly body: Buffer;
    }
  /** Header intact, body not: we know whose it was. */
  | { readonly kind: 'rotten'; readonly offset: number; readonly header: FrameHeader }
  /** Nothing readable from here on to the next finding, or to the end of the file. */
  | { readonly kind: 'gap'; readonly offset: number };

const PIECE_BYTES = 1024 * 1024;
const MAGIC = Buffer.alloc(4);
MAGIC.writeUInt32BE(FRAME_MAGIC);

/** All findings of a file from `offset` on. A file ends with a gap, unless its last frame ends exactly where it does. */
export function* scanWalFile(file: FileHandle, seal: number, offset = 0): Generator<Finding> {
  const window = new FileWindow(file);
  let position = offset;
  while (position < window.fileBytes) {
    const header = headerAt(window, position, seal);
    if (header === undefined) {
      yield { kind: 'gap', offset: position };
      position = nextFrame(window, position + 1, seal);
      continue;
    }
    const body = window.read(position + FRAME_HEADER_BYTES, header.bodyLength);
    if (body !== undefined && crc32c(body) === header.bodyCrc) {
      yield { kind: 'frame', offset: position, header, body };
    } else {
      yield { kind: 'rotten', offset: position, header };
    }
    position += FRAME_HEADER_BYTES + header.bodyLength;
  }
}

function headerAt(window: FileWindow, position: number, seal: number): FrameHeader | undefined {
  const bytes = window.read(position, FRAME_HEADER_BYTES);
  return bytes && readFrameHeader(bytes, 0, seal);
}

/** Position of the first valid header from `position` on; the end of the file when there is none. */
function nextFrame(window: FileWindow, position: number, seal: number): number {
  let at = position;
  for (;;) {
    at = window.find(MAGIC, at);
    if (at >= window.fileBytes || headerAt(window, at, seal) !== undefined) return at;
    at++;
  }
}

/** A file seen through one piece at a time. */
class FileWindow {
  readonly fileBytes: number;
  private piece: Buffer = Buffer.alloc(0);
  private start = 0;

  constructor(private readonly file: FileHandle) {
    this.fileBytes = file.sizeSync();
  }

  /** undefined when the file ends before. What is returned is never written to again. */
  read(position: number, bytes: number): Buffer | undefined {
    if (position + bytes > this.fileBytes) return undefined;
    if (bytes > PIECE_BYTES) {
      // Bounded by the header's checksum and the end of the file.
      const own = Buffer.allocUnsafeSlow(bytes);
      return this.file.readSync(own, position) === bytes ? own : undefined;
    }
    if (position < this.start || position + bytes > this.start + this.piece.length) {
      this.load(position);
    }
    const from = position - this.start;
    const found = this.piece.subarray(from, from + bytes);
    return found.length === bytes ? found : undefined;
  }

  /** Position of the first occurrence from `position` on; the end of the file when there is none. */
  find(pattern: Buffer, position: number): number {
    for (let at = position; at < this.fileBytes;) {
      if (at < this.start || at + pattern.length > this.start + this.piece.length) this.load(at);
      const found = this.piece.indexOf(pattern, at - this.start);
      if (found >= 0) return this.start + found;
      const end = this.start + this.piece.length;
      if (end >= this.fileBytes || this.piece.length < pattern.length) break;
      // The pattern may begin in the last bytes of this piece.
      at = Math.max(at + 1, end - pattern.length + 1);
    }
    return this.fileBytes;
  }

  /** A fresh buffer each time: findings keep pointing into the old one. */
  private load(position: number): void {
    const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, this.fileBytes - position));
    this.start = position;
    this.piece = piece.subarray(0, this.file.readSync(piece, position));
  }
}
