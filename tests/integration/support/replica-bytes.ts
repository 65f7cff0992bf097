// Reads the segment files of a replica as they lie on the disk, and compares replicas byte by byte. Knows the public
// format (docs/storage-format.md) and no product code: 8 bytes offset, 4 bytes length, in the header's place 23 the
// difference between the batch's last and first offset.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const PREFIX_BYTES = 12;
const HEADER_BYTES = 61;

/** Folder of a partition's replica on a broker. */
export function replicaFolder(dataDirectory: string, topic: string, partition: number): string {
  const parent = join(dataDirectory, 'partitions');
  const begin = `${topic}-${partition}.`;
  const names = existsSync(parent)
    ? readdirSync(parent).filter((name) => name.startsWith(begin))
    : [];
  if (names.length !== 1)
    throw new Error(`${parent} has ${names.length} folders for ${topic}-${partition}: ${names}`);
  return join(parent, names[0]);
}

/** Names of the segments, rising by their first offset. */
export function segmentFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^\d{20}\.log$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

export interface StoredBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly bytes: Buffer;
  readonly file: string;
  readonly position: number;
}

/** All batches of a replica in order; ends where the file holds no further batch. */
export function storedBatches(folder: string): StoredBatch[] {
  return segmentFiles(folder).flatMap(batchesOf);
}

function batchesOf(file: string): StoredBatch[] {
  const content = readFileSync(file);
  const batches: StoredBatch[] = [];
  for (let position = 0; position + HEADER_BYTES <= content.length;) {
    const size = content.readInt32BE(position + 8) + PREFIX_BYTES;
    if (size < HEADER_BYTES || position + size > content.length) break;
    const baseOffset = Number(content.readBigInt64BE(position));
    const lastOffset = baseOffset + content.readInt32BE(position + 23);
    const bytes = content.subarray(position, position + size);
    batches.push({ baseOffset, lastOffset, bytes, file, position });
    position += size;
  }
  return batches;
}

export interface Comparison {
  /** First offset that all replicas hold. */
  readonly from: number;
  /** Compared up to here, exclusive. */
  readonly to: number;
  readonly bytes: number;
  /** One sentence each; empty: the replicas are equal. */
  readonly differences: readonly string[];
}

/** Compares replicas from the latest of their log starts up to `end` (exclusive): the concatenated batches. */
export function compareReplicas(folders: readonly string[], end: number): Comparison {
  const replicas = folders.map((folder) => ({ folder, batches: storedBatches(folder) }));
  const from = Math.max(...replicas.map(({ batches }) => batches.at(0)?.baseOffset ?? 0));
  const parts = replicas.map(({ folder, batches }) => ({
    folder,
    batches: batches.filter((batch) => batch.baseOffset >= from && batch.lastOffset < end),
  }));
  const differences = parts.flatMap(({ folder, batches }) => [
    ...holes(folder, batches, from, end),
    ...(folder === parts[0].folder ? [] : firstDifference(parts[0], { folder, batches })),
  ]);
  const bytes = parts[0].batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  return { from, to: end, bytes, differences };
}

function holes(
  folder: string,
  batches: readonly StoredBatch[],
  from: number,
  end: number,
): string[] {
  let next = from;
  for (const batch of batches) {
    if (batch.baseOffset !== next)
      return [`${folder}: offset ${batch.baseOffset} follows, where ${next} should`];
    next = batch.lastOffset + 1;
  }
  return next === end ? [] : [`${folder}: ends at ${next}, not at ${end}`];
}

interface Part {
  readonly folder: string;
  readonly batches: readonly StoredBatch[];
}

function firstDifference(one: Part, other: Part): string[] {
  for (const [index, batch] of one.batches.entries()) {
    const found = other.batches.at(index);
    if (found === undefined || !found.bytes.equals(batch.bytes))
      return [`${one.folder} and ${other.folder} differ at offset ${batch.baseOffset}`];
  }
  return one.batches.length === other.batches.length
    ? []
    : [`${other.folder} has more batches than ${one.folder}`];
}
