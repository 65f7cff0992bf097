// Holds the newest producer snapshot against the batches that it speaks of.
import type { BatchHeader } from '@zhumq/model';
import type { FileSystem } from '../file-system/file-system.js';
import { readProducers } from '../partition/derived-files.js';
import { listOffsets, segmentFile } from '../partition/file-names.js';
import type { RememberedBatch } from '../partition/producer-state.js';
import type { Offset } from '../types.js';
import type { Problem } from './report.js';

export class ProducerCheck {
  /** By first offset: what the snapshot says of the batch there. */
  private readonly expected = new Map<Offset, { producerId: number; batch: RememberedBatch }>();
  private firstOffset: Offset | undefined;

  private constructor(
    private readonly file: string,
    /** Everything below was committed and synced when the snapshot was written. */
    readonly committedEnd: Offset,
    private readonly problems: Problem[],
  ) {}

  static open(fileSystem: FileSystem, directory: string, problems: Problem[]): ProducerCheck {
    for (const offset of listOffsets(fileSystem, directory, '.producers').reverse()) {
      const file = segmentFile(directory, offset, '.producers');
      const table = readProducers(fileSystem, directory, offset);
      if (table === undefined) {
        problems.push({ file, position: 0, offset, reason: 'checksum or content is wrong' });
        continue;
      }
      const check = new ProducerCheck(file, offset, problems);
      for (const { producerId, batches } of table.producers) {
        for (const batch of batches) check.expected.set(batch.firstOffset, { producerId, batch });
      }
      return check;
    }
    return new ProducerCheck('', 0, problems);
  }

  see(header: BatchHeader): undefined {
    this.firstOffset ??= header.baseOffset;
    const found = this.expected.get(header.baseOffset);
    if (found === undefined) return;
    this.expected.delete(header.baseOffset);
    const { producerId, batch } = found;
    const agrees =
      header.producerId === producerId &&
      header.producerEpoch === batch.producerEpoch &&
      header.baseSequence === batch.firstSequence &&
      header.lastOffset === batch.lastOffset;
    if (!agrees) this.report(batch, producerId, 'the batch there is another one');
  }

  /** After the last batch: what the snapshot knows must have been seen, unless it lies below the log start. */
  finish(endOffset: Offset): void {
    for (const { producerId, batch } of this.expected.values()) {
      if (batch.firstOffset < (this.firstOffset ?? endOffset) || batch.firstOffset >= endOffset)
        continue;
      this.report(batch, producerId, 'no batch begins there');
    }
  }

  private report(batch: RememberedBatch, producerId: number, what: string): void {
    const reason = `producer ${producerId} is said to have written offset ${batch.firstOffset}: ${what}`;
    this.problems.push({ file: this.file, position: 0, offset: batch.firstOffset, reason });
  }
}
