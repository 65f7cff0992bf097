// How far a write-ahead log protects itself: each write says what was durable before it (rule 24), and nothing says so of
// what came last. Damage behind the last such word that is left can not be told from a torn tail.
import { crc32c, readSafeI64, writeI64 } from '@zhumq/model';
import type { Image } from './mutations.js';

const FRAME_HEADER_BYTES = 44;
const MAGIC = Buffer.from('7a6d7157', 'hex');
const WRITE_KIND = 1;
const WRITE_BODY_BYTES = 16;
/** Positions as one number: file, then byte. */
const FILE_STEP = 2 ** 32;

/** Whether files of the log differ from `before` where nothing that is left in them calls them durable. */
export function hasUnprotectedDamage(image: Image, before: Image, directoryId: string): boolean {
  const damaged: number[] = [];
  let claimed = 0;
  for (const path of new Set([...before.keys(), ...image.keys()])) {
    const digits = /\/wal\/(\d{20})\.wal$/.exec(path)?.[1];
    // No broker looks at a file whose number is none.
    if (digits === undefined || !Number.isSafeInteger(Number(digits))) continue;
    const content = image.get(path) ?? Buffer.alloc(0);
    const original = before.get(path) ?? Buffer.alloc(0);
    const position = Number(digits) * FILE_STEP;
    const at = firstDifference(content, original);
    if (at !== undefined) damaged.push(position + at);
    claimed = Math.max(claimed, lastClaim(content, sealOf(directoryId, Number(digits))));
  }
  return damaged.some((position) => position >= claimed);
}

function firstDifference(one: Buffer, other: Buffer): number | undefined {
  if (one.equals(other)) return undefined;
  const at = one.findIndex((byte, index) => byte !== other.at(index));
  return at < 0 ? one.length : at;
}

function sealOf(directoryId: string, file: number): number {
  const seal = Buffer.alloc(24);
  Buffer.from(directoryId, 'hex').copy(seal);
  writeI64(seal, 16, file);
  return crc32c(seal);
}

function lastClaim(content: Buffer, seal: number): number {
  let claimed = 0;
  for (let at = content.indexOf(MAGIC); at >= 0; at = content.indexOf(MAGIC, at + 1)) {
    const bodyAt = at + FRAME_HEADER_BYTES;
    const bodyEnd = bodyAt + WRITE_BODY_BYTES;
    if (bodyEnd > content.length || content[at + 16] !== WRITE_KIND) continue;
    if (crc32c(content, seal, at + 8, bodyAt) !== content.readUInt32BE(at + 4)) continue;
    if (crc32c(content.subarray(bodyAt, bodyEnd)) !== content.readUInt32BE(at + 12)) continue;
    const file = readSafeI64(content, bodyAt);
    claimed = Math.max(claimed, file * FILE_STEP + content.readUInt32BE(bodyAt + 8));
  }
  return claimed;
}
