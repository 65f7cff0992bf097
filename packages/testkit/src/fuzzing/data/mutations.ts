// What may happen to the files of a data directory: rot, other programs, people. Each mutation changes one thing and says
// which; those of sealed files and frames can set the checksum right again, so that the decoder behind it is met, too.
import { crc32c, writeI64 } from '@zhumq/model';
import type { Random } from '@zhumq/base';

/** Files by path; `undefined`: a directory of that name. */
export type Image = Map<string, Buffer | undefined>;

const FRAME_HEADER_BYTES = 44;
const FRAME_MAGIC = 0x7a6d7157;
const BATCH_HEADER_BYTES = 61;
const EXTREMES = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x00010000, 0x3fffffff, 0xfffffff4];

/** What nobody can tell from what a broker wrote, because its checksums are right. */
export interface Forgeries {
  readonly batches: Buffer[];
  frames: number;
}

type Mutation = (
  image: Image,
  random: Random,
  directoryId: string,
  forgeries: Forgeries,
) => string | undefined;

const MUTATIONS: readonly Mutation[] = [
  ...[flipBits, flipBits, splice, truncateFile, extend, zeroRange, setLength, setLength],
  ...[swapFiles, removeFile, emptyFile, becomeDirectory, duplicateSegment, moveFolder, strayFile],
  ...[mutateSealed, mutateSealed, mutateFrame, mutateFrame, mutateFrame, mutateBatch, foreignTail],
];

/** Changes one thing; says which. */
export function mutate(
  image: Image,
  random: Random,
  directoryId: string,
  forgeries: Forgeries,
): string {
  for (;;) {
    const mutation = MUTATIONS[random.below(MUTATIONS.length)];
    const done = mutation(image, random, directoryId, forgeries);
    if (done !== undefined) return done;
  }
}

function flipBits(image: Image, random: Random): string | undefined {
  const [path, content] = pickFile(image, random);
  if (content.length === 0) return undefined;
  const copy = Buffer.from(content);
  const count = 1 + random.below(4);
  let at = random.below(copy.length);
  for (let flipped = 0; flipped < count; flipped++) {
    copy[at] ^= 1 << random.below(8);
    at = Math.min(copy.length - 1, at + random.below(16));
  }
  image.set(path, copy);
  return `flip ${count} bits up to byte ${at} of ${path}`;
}

function splice(image: Image, random: Random): string | undefined {
  const [path, content] = pickFile(image, random);
  if (content.length < 2) return undefined;
  const at = random.below(content.length);
  const removed = random.below(2) * random.below(Math.min(64, content.length - at));
  const added = noise(random, random.below(64));
  image.set(path, Buffer.concat([content.subarray(0, at), added, content.subarray(at + removed)]));
  return `put ${added.length} bytes for ${removed} at byte ${at} of ${path}`;
}

function truncateFile(image: Image, random: Random): string | undefined {
  const [path, content] = pickFile(image, random);
  if (content.length === 0) return undefined;
  const bytes = random.below(content.length);
  image.set(path, content.subarray(0, bytes));
  return `cut ${path} at byte ${bytes} of ${content.length}`;
}

function extend(image: Image, random: Random): string {
  const [path, content] = pickFile(image, random);
  const added = random.below(3) === 0 ? Buffer.alloc(random.below(700)) : noise(random, 300);
  image.set(path, Buffer.concat([content, added]));
  return `add ${added.length} bytes to ${path}`;
}

/** Valid batches or frames of another file behind the end. */
function foreignTail(image: Image, random: Random): string | undefined {
  const [path, content] = pickFile(image, random, /\.(log|wal)$/);
  const suffix = path.slice(-4);
  const [other, foreign] = pickFile(image, random, suffix === '.log' ? /\.log$/ : /\.wal$/);
  if (foreign.length === 0) return undefined;
  image.set(path, Buffer.concat([content, foreign]));
  return `add ${other} to ${path}`;
}

function zeroRange(image: Image, random: Random): string | undefined {
  const [path, content] = pickFile(image, random);
  if (content.length === 0) return undefined;
  const copy = Buffer.from(content);
  const at = random.below(copy.length);
  const end = Math.min(copy.length, at + 1 + random.below(600));
  copy.fill(0, at, end);
  image.set(path, copy);
  return `zero bytes ${at} to ${end} of ${path}`;
}

/** The length of a batch or frame, or any four bytes. */
function setLength(image: Image, random: Random): string | undefined {
  const [path, content] = pickFile(image, random);
  const starts = path.endsWith('.log')
    ? batchStarts(content).map((at) => at + 8)
    : path.endsWith('.wal')
      ? frameStarts(content).map((at) => at + 8)
      : [0, 4, 8];
  const at = random.below(4) === 0 ? random.below(content.length) : pick(random, starts);
  if (at === undefined || at + 4 > content.length) return undefined;
  const copy = Buffer.from(content);
  const value = EXTREMES[random.below(EXTREMES.length)];
  copy.writeUInt32BE(value, at);
  image.set(path, copy);
  return `put ${value} at byte ${at} of ${path}`;
}

function swapFiles(image: Image, random: Random): string | undefined {
  const [path, content] = pickFile(image, random);
  const suffix = path.slice(path.lastIndexOf('/') + 1).replace(/^\d+/, '');
  const [other, foreign] = pickFile(image, random, new RegExp(`${suffix.replace('.', '\\.')}$`));
  if (path === other) return undefined;
  image.set(path, foreign);
  image.set(other, content);
  return `swap ${path} and ${other}`;
}

function removeFile(image: Image, random: Random): string {
  const [path] = pickFile(image, random);
  image.delete(path);
  return `remove ${path}`;
}

function emptyFile(image: Image, random: Random): string {
  const [path] = pickFile(image, random);
  image.set(path, Buffer.alloc(0));
  return `empty ${path}`;
}

function becomeDirectory(image: Image, random: Random): string | undefined {
  if (random.below(3) > 0) return undefined;
  const [path] = pickFile(image, random);
  image.set(path, undefined);
  return `make a directory of ${path}`;
}

function duplicateSegment(image: Image, random: Random): string | undefined {
  const [path, content] = pickFile(image, random, /\.(log|wal|producers)$/);
  const [, folder, digits, suffix] = /^(.*\/)(\d{20})(\.\w+)$/.exec(path) ?? [];
  if (digits === undefined) return undefined;
  const shift = random.below(4) === 0 ? 1e12 : 1 + random.below(30);
  const copy = `${folder}${String(Number(digits) + shift).padStart(20, '0')}${suffix}`;
  image.set(copy, content);
  return `copy ${path} to ${copy}`;
}

/** A replica's folder under another name. */
function moveFolder(image: Image, random: Random): string | undefined {
  if (random.below(3) > 0) return undefined;
  const [path] = pickFile(image, random, /\/partitions\//);
  const [folder] = /^.*\/partitions\/[^/]+/.exec(path) ?? [];
  if (folder === undefined) return undefined;
  const target = `${folder.slice(0, -1)}${'0123456789abcdef'[random.below(16)]}`;
  if (target === folder) return undefined;
  for (const [file, content] of [...image]) {
    if (!file.startsWith(`${folder}/`)) continue;
    image.delete(file);
    image.set(target + file.slice(folder.length), content);
  }
  return `move ${folder} to ${target}`;
}

function strayFile(image: Image, random: Random): string {
  const [path] = pickFile(image, random);
  const folder = path.slice(0, path.lastIndexOf('/'));
  const names = ['00000000000000000007.log', '99999999999999999999.wal', 'x', 'meta.tmp', '.log'];
  const stray = `${folder}/${names[random.below(names.length)]}`;
  if (!image.has(stray)) image.set(stray, noise(random, random.below(200)));
  return `put noise at ${stray}`;
}

/** Identities, epoch lists, producers, damage marks: other content behind a right checksum. */
function mutateSealed(image: Image, random: Random): string | undefined {
  const [path, content] = pickFile(image, random, /(\/meta|checkpoint|\.producers|\/damage)$/);
  if (content.length < 5) return undefined;
  const body = alter(content.subarray(4), random);
  const sealed = Buffer.concat([Buffer.alloc(4), body]);
  sealed.writeUInt32BE(crc32c(body), 0);
  image.set(path, sealed);
  return `alter ${path} behind a right checksum`;
}

/** A frame of the write-ahead log: other content behind right checksums. */
function mutateFrame(
  image: Image,
  random: Random,
  directoryId: string,
  forgeries: Forgeries,
): string | undefined {
  const [path, content] = pickFile(image, random, /\.wal$/);
  const at = pick(random, frameStarts(content));
  const number = Number(/(\d{20})\.wal$/.exec(path)?.[1]);
  if (at === undefined || !Number.isSafeInteger(number)) return undefined;
  const copy = Buffer.from(content);
  const bodyAt = at + FRAME_HEADER_BYTES;
  const bodyEnd = Math.min(copy.length, bodyAt + copy.readUInt32BE(at + 8));
  const what = random.below(3);
  if (what === 0) copy[at + 16 + random.below(2)] = random.below(24);
  else if (what === 1) copy[at + 20 + random.below(24)] ^= 1 << random.below(8);
  else if (bodyEnd > bodyAt) alter(copy.subarray(bodyAt, bodyEnd), random, true).copy(copy, bodyAt);
  copy.writeUInt32BE(crc32c(copy.subarray(bodyAt, bodyEnd)), at + 12);
  const seal = Buffer.alloc(24);
  Buffer.from(directoryId, 'hex').copy(seal);
  writeI64(seal, 16, number);
  copy.writeUInt32BE(crc32c(copy, crc32c(seal), at + 8, at + FRAME_HEADER_BYTES), at + 4);
  image.set(path, copy);
  forgeries.frames++;
  return `alter the frame at byte ${at} of ${path} behind right checksums`;
}

/** A batch: another header or record behind a right checksum. */
function mutateBatch(
  image: Image,
  random: Random,
  _directoryId: string,
  forgeries: Forgeries,
): string | undefined {
  const [path, content] = pickFile(image, random, /\.log$/);
  const at = pick(random, batchStarts(content));
  if (at === undefined) return undefined;
  const copy = Buffer.from(content);
  const size = 12 + copy.readInt32BE(at + 8);
  copy[at + random.below(Math.min(size, BATCH_HEADER_BYTES + 20))] ^= 1 << random.below(8);
  copy.writeUInt32BE(crc32c(copy.subarray(at + 21, at + size)), at + 17);
  image.set(path, copy);
  forgeries.batches.push(copy.subarray(at, at + size));
  return `alter the batch at byte ${at} of ${path} behind a right checksum`;
}

function alter(body: Buffer, random: Random, keepLength = false): Buffer {
  const copy = Buffer.from(body);
  const at = random.below(copy.length);
  const what = random.below(keepLength ? 2 : 4);
  if (what === 0) copy[at] ^= 1 << random.below(8);
  else if (what === 1) copy.fill(0xff, at, Math.min(copy.length, at + 1 + random.below(9)));
  else if (what === 2) return copy.subarray(0, at);
  else return Buffer.concat([copy.subarray(0, at), noise(random, 12), copy.subarray(at)]);
  return copy;
}

function pickFile(image: Image, random: Random, name = /./): readonly [string, Buffer] {
  const files = [...image].filter(
    (entry): entry is [string, Buffer] => entry[1] !== undefined && name.test(entry[0]),
  );
  return pick(random, files) ?? ['/data/none', Buffer.alloc(0)];
}

function pick<T>(random: Random, from: readonly T[]): T | undefined {
  return from.length === 0 ? undefined : from[random.below(from.length)];
}

function batchStarts(content: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at + BATCH_HEADER_BYTES <= content.length;) {
    const size = 12 + content.readInt32BE(at + 8);
    if (size < BATCH_HEADER_BYTES || at + size > content.length) break;
    starts.push(at);
    at += size;
  }
  return starts;
}

function frameStarts(content: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at + FRAME_HEADER_BYTES <= content.length;) {
    if (content.readUInt32BE(at) !== FRAME_MAGIC) break;
    starts.push(at);
    at += FRAME_HEADER_BYTES + content.readUInt32BE(at + 8);
  }
  return starts;
}

function noise(random: Random, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => random.below(256)));
}
