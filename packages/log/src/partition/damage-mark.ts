// Damage that a read met in a sealed segment, remembered over a restart: recovery scans only what the last checkpoint does
// not account for, so it would take the replica back into service. The file `damage` in the partition's folder is
//
//   0 u32  CRC-32C of what follows
//   4      {"file", "position", "offset", "reason"} in JSON; the file's name without its folder
//
// It stands from the moment the damage is found until the cut that repairs it is durable. Until then a start finds it
// again and repairs again, which does no harm: a replica under repair counts in no quorum.
import { basename, dirname, join } from 'node:path';
import { isError } from '@zhumq/model';
import type { FileSystem } from '../file-system/file-system.js';
import { readSealedFile, replaceSmallFile, sealContent } from '../file-system/small-file.js';
import type { Damage, Offset } from '../types.js';

const DAMAGE_FILE = 'damage';

export function writeDamageMark(
  fileSystem: FileSystem,
  directory: string,
  damage: Damage,
): Promise<void> {
  const body = Buffer.from(JSON.stringify({ ...damage, file: basename(damage.file) }));
  return replaceSmallFile(fileSystem, join(directory, DAMAGE_FILE), sealContent(body));
}

/** The earlier of what was remembered and what was found now. A mark that rotted itself distrusts all from `logStart`. */
export function withDamageMark(
  fileSystem: FileSystem,
  directory: string,
  logStart: Offset,
  found: Damage | undefined,
): Damage | undefined {
  const marked = readDamageMark(fileSystem, directory, logStart);
  if (marked === undefined || found === undefined) return found ?? marked;
  return marked.offset < found.offset ? marked : found;
}

export async function removeDamageMark(fileSystem: FileSystem, directory: string): Promise<void> {
  const path = join(directory, DAMAGE_FILE);
  if (fileSystem.statSync(path) === undefined) return;
  fileSystem.unlinkSync(path);
  await fileSystem.syncDirectory(dirname(path));
}

function readDamageMark(
  fileSystem: FileSystem,
  directory: string,
  logStart: Offset,
): Damage | undefined {
  const path = join(directory, DAMAGE_FILE);
  try {
    const body = readSealedFile(fileSystem, path);
    if (body === undefined) return undefined;
    const damage = JSON.parse(body.toString()) as Damage;
    return { ...damage, file: join(directory, damage.file) };
  } catch (error) {
    if (!isError(error, 'DATA_CORRUPT')) throw error;
    return { file: path, position: 0, offset: logStart, reason: error.message };
  }
}
