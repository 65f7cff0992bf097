// Holds batches against `leader-epoch-checkpoint`. The file is written at checkpoints, so it may be older than the log's
// end; below what was committed at the newest producer snapshot, written with it, list and log must agree (rule 22).
import { join } from 'node:path';
import type { BatchHeader } from '@zhumq/model';
import type { FileSystem } from '../file-system/file-system.js';
import { readEpochs } from '../partition/derived-files.js';
import { EpochList } from '../partition/epoch-list.js';
import { EPOCH_FILE } from '../partition/file-names.js';
import type { Offset } from '../types.js';
import type { Problem } from './report.js';

export class EpochCheck {
  private constructor(
    private readonly epochs: EpochList | undefined,
    private readonly committedEnd: Offset,
  ) {}

  static open(
    fileSystem: FileSystem,
    directory: string,
    committedEnd: Offset,
    problems: Problem[],
  ): EpochCheck {
    const file = join(directory, EPOCH_FILE);
    const starts = readEpochs(fileSystem, directory);
    if (starts === undefined && fileSystem.statSync(file) !== undefined) {
      problems.push({ file, position: 0, offset: 0, reason: 'checksum or order is wrong' });
    }
    return new EpochCheck(starts && new EpochList(starts), committedEnd);
  }

  /** Why the batch can not be right. */
  see(header: BatchHeader): string | undefined {
    if (this.epochs === undefined || header.lastOffset >= this.committedEnd) return undefined;
    const known = this.epochs.at(header.baseOffset);
    return known === header.epoch
      ? undefined
      : `epoch ${header.epoch}, the epoch list has ${known}`;
  }
}
