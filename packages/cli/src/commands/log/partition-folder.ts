// The argument <dir>: the folder of one replica. Whoever names a folder above it is told what is inside.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parsePartitionFolder, zhumqError } from '@zhumq/model';
import { textOf } from '../../arguments.js';
import type { Flags } from '../../arguments.js';
import { UsageError } from '../../exit-codes.js';

export const FOLDER_POSITIONAL = {
  dir: { describe: 'Folder of a partition: DATA_DIR/partitions/TOPIC-PARTITION.REPLICA' },
} as const;

const SHOWN_FOLDERS = 10;

/** Throws UsageError, NOT_FOUND. */
export function partitionFolderOf(flags: Flags): string {
  const directory = resolve(textOf(flags, 'dir') ?? '');
  if (!existsSync(directory)) throw zhumqError('NOT_FOUND', `there is no folder ${directory}`);
  if (!statSync(directory).isDirectory())
    throw new UsageError(`${directory} is a file; give the folder that it is in`);
  const names = readdirSync(directory);
  // A replica that was made just now has no segment yet; a copy may have any name.
  const isNew = names.includes('meta') && parsePartitionFolder(basename(directory)) !== undefined;
  if (isNew || names.some((name) => /^\d{20}\.log$/.test(name))) return directory;
  const inside = partitionsBelow(directory);
  throw new UsageError(
    inside.length === 0
      ? `${directory} is no folder of a partition: it has no segments (*.log)`
      : `${directory} is not the folder of one partition; give one of these:\n${inside.map((path) => `  ${path}`).join('\n')}`,
  );
}

/** In the folder itself, in its partitions/, or in those of brokers below it. */
function partitionsBelow(directory: string): string[] {
  const below = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);
  const candidates = [
    ...[directory, join(directory, 'partitions')],
    ...below(directory).map((name) => join(directory, name, 'partitions')),
  ];
  return candidates
    .filter((path) => existsSync(path) && statSync(path).isDirectory())
    .flatMap((path) =>
      below(path)
        .filter((name) => parsePartitionFolder(name) !== undefined)
        .map((name) => join(path, name)),
    )
    .slice(0, SHOWN_FOLDERS);
}
