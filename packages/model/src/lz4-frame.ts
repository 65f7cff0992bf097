// The LZ4 frame format (public), which Kafka's codec 3 uses as it is:
//
//   magic       u32 LE  0x184d2204
//   FLG         u8      version 01, then: blocks independent, block checksums, content size, content checksum, -, dictionary
//   BD          u8      largest block: 4 = 64 KiB, 5 = 256 KiB, 6 = 1 MiB, 7 = 4 MiB (bits 4-6)
//   [size]      u64 LE  of the content
//   HC          u8      second byte of XXH32 over FLG to size
//   blocks              u32 LE size (top bit: stored as it is), bytes, [u32 XXH32 of the bytes]
//   end mark    u32     0
//   [checksum]  u32 LE  XXH32 of the content
//
// Written are independent blocks of 64 KiB without sizes and checksums (the batch has its own). Read is all of the
// format but dictionaries; sizes in it are never a reason to allocate.
import { Lz4BlockFault, compressLz4Block, decompressLz4Block } from './lz4-block.js';
import { xxhash32 } from './xxhash32.js';

const MAGIC = 0x184d2204;
const FLG_VERSION = 0x40;
const FLG_INDEPENDENT = 0x20;
const FLG_BLOCK_CHECKSUMS = 0x10;
const FLG_CONTENT_SIZE = 0x08;
const FLG_CONTENT_CHECKSUM = 0x04;
const FLG_RESERVED = 0x02;
const FLG_DICTIONARY = 0x01;
const STORED = 0x80000000;
const BLOCK_BYTES = 64 * 1024;
const HEADER_BYTES = 7;
const END_MARK_BYTES = 4;
/** An LZ4 block grows by less than this factor. */
const MAX_RATIO = 255;

interface Frame {
  readonly flags: number;
  readonly blockBytes: number;
  /** Where the first block begins. */
  readonly blocks: number;
  readonly contentBytes: number | undefined;
  /** Position of the end mark. */
  readonly endMark: number;
  /** The content can not be larger. */
  readonly atMostBytes: number;
}

export function compressLz4Frame(content: Buffer): Buffer {
  const blocks = Math.ceil(content.length / BLOCK_BYTES);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + blocks * 4 + content.length + END_MARK_BYTES);
  frame.writeUInt32LE(MAGIC, 0);
  frame[4] = FLG_VERSION | FLG_INDEPENDENT;
  frame[5] = 4 << 4;
  frame[6] = headerCheck(frame, 4, 6);
  let at = HEADER_BYTES;
  for (let start = 0; start < content.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, content.length);
    const body = at + 4;
    // A block that does not shrink is stored as it is.
    const done = compressLz4Block(content, start, end, frame, body, body + end - start - 1);
    if (done >= 0) {
      frame.writeUInt32LE(done - body, at);
      at = done;
    } else {
      frame.writeUInt32LE((STORED | (end - start)) >>> 0, at);
      at = body + content.copy(frame, body, start, end);
    }
  }
  frame.writeUInt32LE(0, at);
  return frame.subarray(0, at + END_MARK_BYTES);
}

/** The largest content that a well-formed frame of these bytes can have. Throws Lz4BlockFault when it is not one. */
export function lz4FrameBound(bytes: Buffer): number {
  return parseFrame(bytes).atMostBytes;
}

/** The content. Throws Lz4BlockFault where the bytes are no frame or it would pass `maxBytes`. */
export function decompressLz4Frame(bytes: Buffer, maxBytes: number): Buffer {
  const frame = parseFrame(bytes);
  const capacity = Math.min(frame.atMostBytes, maxBytes);
  const content = Buffer.allocUnsafe(capacity);
  const independent = (frame.flags & FLG_INDEPENDENT) !== 0;
  let out = 0;
  for (let at = frame.blocks; at < frame.endMark;) {
    const word = bytes.readUInt32LE(at);
    const body = at + 4;
    const end = body + (word & ~STORED);
    const limit = Math.min(capacity, out + frame.blockBytes);
    if (word >= STORED) {
      if (end - body > limit - out) throw new Lz4BlockFault('the output passes its limit');
      bytes.copy(content, out, body, end);
      out += end - body;
    } else {
      out = decompressLz4Block(bytes, body, end, content, out, limit, independent ? out : 0);
    }
    at = end;
    if ((frame.flags & FLG_BLOCK_CHECKSUMS) !== 0) {
      if (xxhash32(bytes, body, end) !== bytes.readUInt32LE(end)) {
        throw new Lz4BlockFault('a block does not match its checksum');
      }
      at += 4;
    }
  }
  checkContent(bytes, frame, content, out);
  // What the bound asked for too much is given back where records would keep it alive.
  return out * 2 < capacity ? Buffer.from(content.subarray(0, out)) : content.subarray(0, out);
}

function checkContent(bytes: Buffer, frame: Frame, content: Buffer, length: number): void {
  if (frame.contentBytes !== undefined && frame.contentBytes !== length) {
    throw new Lz4BlockFault(`the frame holds ${length} bytes but states ${frame.contentBytes}`);
  }
  if (
    (frame.flags & FLG_CONTENT_CHECKSUM) !== 0 &&
    xxhash32(content, 0, length) !== bytes.readUInt32LE(frame.endMark + 4)
  ) {
    throw new Lz4BlockFault('the content does not match its checksum');
  }
}

/** Reads the header and walks the blocks' sizes, so that all later reads are known to stay inside. */
function parseFrame(bytes: Buffer): Frame {
  if (bytes.length < HEADER_BYTES + END_MARK_BYTES || bytes.readUInt32LE(0) !== MAGIC) {
    throw new Lz4BlockFault('the bytes do not begin with an LZ4 frame');
  }
  const flags = bytes[4];
  const sizeCode = bytes[5] >>> 4;
  if ((flags & 0xc0) !== FLG_VERSION || (flags & (FLG_RESERVED | FLG_DICTIONARY)) !== 0) {
    throw new Lz4BlockFault(`frame flags ${flags} are not supported`);
  }
  if (sizeCode < 4 || sizeCode > 7 || (bytes[5] & 0x0f) !== 0) {
    throw new Lz4BlockFault(`frame block size ${bytes[5]} is not supported`);
  }
  const hasSize = (flags & FLG_CONTENT_SIZE) !== 0;
  const check = hasSize ? 14 : 6;
  if (bytes.length <= check) throw new Lz4BlockFault('the frame ends within its header');
  if (bytes[check] !== headerCheck(bytes, 4, check)) {
    throw new Lz4BlockFault('the frame header does not match its checksum');
  }
  const blockBytes = 1 << (8 + 2 * sizeCode);
  const { endMark, atMostBytes } = walkBlocks(bytes, check + 1, flags, blockBytes);
  const contentBytes = hasSize
    ? bytes.readUInt32LE(6) + bytes.readUInt32LE(10) * 0x1_0000_0000
    : undefined;
  // A reader that allocates what a frame states must not be fooled (the native one).
  if (contentBytes !== undefined && contentBytes > atMostBytes) {
    throw new Lz4BlockFault(`the frame states ${contentBytes} bytes but can not hold as many`);
  }
  return { flags, blockBytes, blocks: check + 1, contentBytes, endMark, atMostBytes };
}

function walkBlocks(
  bytes: Buffer,
  start: number,
  flags: number,
  blockBytes: number,
): { endMark: number; atMostBytes: number } {
  const trailer = (flags & FLG_BLOCK_CHECKSUMS) !== 0 ? 4 : 0;
  let at = start;
  let atMostBytes = 0;
  for (;;) {
    if (at + END_MARK_BYTES > bytes.length) throw new Lz4BlockFault('the frame has no end mark');
    const word = bytes.readUInt32LE(at);
    if (word === 0) break;
    const size = word & ~STORED;
    if (size > blockBytes) throw new Lz4BlockFault(`a block of ${size} bytes`);
    atMostBytes += word >= STORED ? size : Math.min(blockBytes, size * MAX_RATIO);
    at += 4 + size + trailer;
  }
  const end = at + END_MARK_BYTES + ((flags & FLG_CONTENT_CHECKSUM) !== 0 ? 4 : 0);
  if (end !== bytes.length) {
    throw new Lz4BlockFault(`the frame has ${end} bytes but ${bytes.length} are there`);
  }
  return { endMark: at, atMostBytes };
}

function headerCheck(bytes: Buffer, start: number, end: number): number {
  return (xxhash32(bytes, start, end) >>> 8) & 0xff;
}
