// One LZ4 block (the public block format): a chain of sequences, each
//
//   token            u8     literal length (high four bits), match length - 4 (low four); 15 goes on in more bytes
//   [literal length] 255s and one smaller byte, added
//   literals
//   offset           u16 LE how far back the match begins, 1..65535        (a block ends after literals)
//   [match length]   as above
//
// A writer leaves the last 5 bytes as literals and begins no match within the last 12. The reader trusts nothing: it
// never writes behind `limit` and never reads outside its input or before `floor`.

const MIN_MATCH = 4;
const LAST_LITERALS = 5;
const MATCH_FREE_TAIL = 12;
const MAX_DISTANCE = 65535;
const MAX_HASH_BITS = 14;
const HASH_MULTIPLIER = 0x9e3779b1;
/** After this many misses in a row the search begins to skip: incompressible data costs little. */
const SKIP_SHIFT = 6;
/** Below this a loop copies faster than a call. */
const CALL_FROM_BYTES = 24;

/** Where a hash was last seen, + 1 - start of the block; shared, since nothing here yields. */
const seen = new Int32Array(1 << MAX_HASH_BITS);

/** The input is no LZ4 block, or its output does not fit. */
export class Lz4BlockFault extends Error {}

/** Compresses source[start..end) to `target` from `at` on; returns the end, or -1 where that would pass `limit`. */
export function compressLz4Block(
  source: Buffer,
  start: number,
  end: number,
  target: Buffer,
  at: number,
  limit: number,
): number {
  const bits = Math.min(MAX_HASH_BITS, Math.max(8, 32 - Math.clz32(end - start)));
  const shift = 32 - bits;
  seen.fill(0, 0, 1 << bits);
  const lastStart = end - MATCH_FREE_TAIL;
  const matchEnd = end - LAST_LITERALS;
  let out = at;
  let anchor = start;
  let position = start;
  let misses = 1 << SKIP_SHIFT;
  while (position <= lastStart) {
    const word = word32(source, position);
    const slot = Math.imul(word, HASH_MULTIPLIER) >>> shift;
    let match = seen[slot] - 1 + start;
    seen[slot] = position - start + 1;
    if (match < start || position - match > MAX_DISTANCE || word32(source, match) !== word) {
      position += misses++ >>> SKIP_SHIFT;
      continue;
    }
    misses = 1 << SKIP_SHIFT;
    while (position > anchor && match > start && source[position - 1] === source[match - 1]) {
      position--;
      match--;
    }
    const distance = position - match;
    const matchStart = position;
    position += MIN_MATCH;
    while (position < matchEnd && source[position] === source[position - distance]) position++;
    out = writeSequence(
      source,
      anchor,
      matchStart,
      position - matchStart,
      distance,
      target,
      out,
      limit,
    );
    if (out < 0) return -1;
    anchor = position;
  }
  return writeSequence(source, anchor, end, 0, 0, target, out, limit);
}

/** Literals, then (unless matchLength is 0: the end) a match. Returns the new end, -1 where it would pass `limit`. */
function writeSequence(
  source: Buffer,
  literals: number,
  literalsEnd: number,
  matchLength: number,
  distance: number,
  target: Buffer,
  at: number,
  limit: number,
): number {
  const count = literalsEnd - literals;
  const extra = matchLength - MIN_MATCH;
  const atMost = 1 + count + ((count / 255) | 0) + 1 + 2 + ((matchLength / 255) | 0) + 1;
  if (at + atMost > limit) return -1;
  let out = at + 1;
  let token: number;
  if (count >= 15) {
    token = 0xf0;
    out = writeLength(target, out, count - 15);
  } else {
    token = count << 4;
  }
  out = copyForward(source, literals, target, out, count);
  if (matchLength > 0) {
    target[out++] = distance & 0xff;
    target[out++] = distance >>> 8;
    if (extra >= 15) {
      token |= 15;
      out = writeLength(target, out, extra - 15);
    } else {
      token |= extra;
    }
  }
  target[at] = token;
  return out;
}

function writeLength(target: Buffer, at: number, length: number): number {
  let out = at;
  let rest = length;
  for (; rest >= 255; rest -= 255) target[out++] = 255;
  target[out++] = rest;
  return out;
}

/**
 * Decompresses source[start..end) to `target` from `at` on and returns the end. Matches may reach back to `floor` (the
 * start of the block's output, or of the frame's where blocks are linked). Throws Lz4BlockFault.
 */
export function decompressLz4Block(
  source: Buffer,
  start: number,
  end: number,
  target: Buffer,
  at: number,
  limit: number,
  floor: number,
): number {
  let position = start;
  let out = at;
  for (;;) {
    if (position >= end) throw new Lz4BlockFault('a block ends where a sequence should begin');
    const token = source[position++];
    let count = token >>> 4;
    if (count === 15) {
      let byte: number;
      do {
        if (position >= end) throw new Lz4BlockFault('a block ends within a length');
        byte = source[position++];
        count += byte;
      } while (byte === 255);
    }
    if (count > end - position) throw new Lz4BlockFault('literals pass the end of their block');
    if (count > limit - out) throw new Lz4BlockFault('the output passes its limit');
    out = copyForward(source, position, target, out, count);
    position += count;
    if (position === end) return out;
    if (end - position < 2) throw new Lz4BlockFault('a block ends within an offset');
    const distance = source[position] | (source[position + 1] << 8);
    position += 2;
    if (distance === 0 || distance > out - floor) {
      throw new Lz4BlockFault(`a match reaches ${distance} bytes back, before the output`);
    }
    let length = (token & 15) + MIN_MATCH;
    if (length === 15 + MIN_MATCH) {
      let byte: number;
      do {
        if (position >= end) throw new Lz4BlockFault('a block ends within a length');
        byte = source[position++];
        length += byte;
      } while (byte === 255);
    }
    if (length > limit - out) throw new Lz4BlockFault('the output passes its limit');
    out = copyMatch(target, out, distance, length);
  }
}

function copyForward(
  source: Buffer,
  from: number,
  target: Buffer,
  to: number,
  count: number,
): number {
  if (count >= CALL_FROM_BYTES) {
    source.copy(target, to, from, from + count);
  } else {
    for (let k = 0; k < count; k++) target[to + k] = source[from + k];
  }
  return to + count;
}

/** A match may overlap what it writes: then it repeats its own beginning. */
function copyMatch(target: Buffer, to: number, distance: number, length: number): number {
  const from = to - distance;
  if (distance >= length && length >= CALL_FROM_BYTES) {
    target.copyWithin(to, from, from + length);
  } else if (distance === 1) {
    target.fill(target[from], to, to + length);
  } else {
    for (let k = 0; k < length; k++) target[to + k] = target[from + k];
  }
  return to + length;
}

function word32(buffer: Buffer, position: number): number {
  return (
    buffer[position] |
    (buffer[position + 1] << 8) |
    (buffer[position + 2] << 16) |
    (buffer[position + 3] << 24)
  );
}
