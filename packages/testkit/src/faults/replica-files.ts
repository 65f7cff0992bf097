// What a replica's segment files hold, read from the disk by the public format (docs/storage-format.md) and no product code:
// 8 bytes offset, 4 bytes length, at place 23 of the header the difference between the batch's last and first offset.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const PREFIX_BYTES = 12;
const HEADER_BYTES = 61;
const LAST_OFFSET_AT = 23;
const LENGTH_AT = 8;

export interface ReplicaContent {
  /** First offset; 0 for an empty replica. */
  readonly from: number;
  /** Behind the last batch that ends at or before the asked end. */
  readonly to: number;
  /** Of all bytes of those batches. */
  readonly digest: string;
  /** The offset that is missing. */
  readonly hole: number | undefined;
}

/** Folders of a partition's replica on a broker; a healthy broker has one. */
export function replicaFolders(dataFolder: string, topic: string, partition: number): string[] {
  const parent = join(dataFolder, 'partitions');
  if (!existsSync(parent)) return [];
  const begin = `${topic}-${partition}.`;
  return readdirSync(parent)
    .filter((name) => name.startsWith(begin))
    .map((name) => join(parent, name));
}

/** Everything below `end`. */
export function readReplica(folder: string, end: number): ReplicaContent {
  const hash = createHash('sha256');
  let from: number | undefined;
  let next = 0;
  let hole: number | undefined;
  const segments = readdirSync(folder)
    .filter((name) => /^\d{20}\.log$/.test(name))
    .sort();
  for (const segment of segments) {
    const content = readFileSync(join(folder, segment));
    for (let at = 0; at + HEADER_BYTES <= content.length;) {
      const size = content.readInt32BE(at + LENGTH_AT) + PREFIX_BYTES;
      if (size < HEADER_BYTES || at + size > content.length) break;
      const base = Number(content.readBigInt64BE(at));
      const last = base + content.readInt32BE(at + LAST_OFFSET_AT);
      if (last >= end) break;
      from ??= next = base;
      if (base !== next) hole ??= next;
      hash.update(content.subarray(at, at + size));
      next = last + 1;
      at += size;
    }
  }
  return { from: from ?? 0, to: next, digest: hash.digest('hex'), hole };
}
