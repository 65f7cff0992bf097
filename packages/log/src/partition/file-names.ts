// Names in a partition's folder, as Kafka's tools expect them: a base offset in 20 digits and a suffix.
import { join } from 'node:path';
import type { FileSystem } from '../file-system/file-system.js';
import type { Offset } from '../types.js';

export type SegmentSuffix = '.log' | '.index' | '.timeindex' | '.producers';

export const EPOCH_FILE = 'leader-epoch-checkpoint';

export function segmentFile(directory: string, offset: Offset, suffix: SegmentSuffix): string {
  return join(directory, String(offset).padStart(20, '0') + suffix);
}

/** Offset in the name of a file with that suffix; undefined for other files. */
export function offsetInName(name: string, suffix: SegmentSuffix): Offset | undefined {
  const match = /^(\d{20})(\.[a-z]+)$/.exec(name);
  if (match === null || match[2] !== suffix) return undefined;
  const offset = Number(match[1]);
  return Number.isSafeInteger(offset) ? offset : undefined;
}

/** Offsets of all files with that suffix, rising. */
export function listOffsets(
  fileSystem: FileSystem,
  directory: string,
  suffix: SegmentSuffix,
): Offset[] {
  return fileSystem
    .listSync(directory)
    .map((name) => offsetInName(name, suffix))
    .filter((offset) => offset !== undefined);
}
