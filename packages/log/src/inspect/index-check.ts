// Holds the two index files of a segment against its batches, entry by entry, as the batches pass.
import type { BatchHeader } from '@zhumq/model';
import type { FileSystem } from '../file-system/file-system.js';
import { readSmallFile } from '../file-system/small-file.js';
import { segmentFile } from '../partition/file-names.js';
import { OffsetIndex } from '../partition/offset-index.js';
import { TimeIndex } from '../partition/time-index.js';
import type { Offset } from '../types.js';
import type { Problem } from './report.js';

const OFFSET_ENTRY_BYTES = 8;
const TIME_ENTRY_BYTES = 12;

export class IndexCheck {
  private offsetAt = 0;
  private timeAt = 0;
  private maxTimestamp = -1;

  private constructor(
    private readonly offsets: OffsetIndex | undefined,
    private readonly times: TimeIndex | undefined,
    private readonly files: { readonly offsets: string; readonly times: string },
    /** The files of the active segment are written at checkpoints; its last bytes may be younger, or not there yet. */
    private readonly isActive: boolean,
    private readonly problems: Problem[],
  ) {}

  static open(
    fileSystem: FileSystem,
    directory: string,
    base: Offset,
    isActive: boolean,
    problems: Problem[],
  ): IndexCheck {
    const files = {
      offsets: segmentFile(directory, base, '.index'),
      times: segmentFile(directory, base, '.timeindex'),
    };
    const offsetBytes = readSmallFile(fileSystem, files.offsets);
    const timeBytes = readSmallFile(fileSystem, files.times);
    const offsets = offsetBytes && OffsetIndex.decode(base, offsetBytes, Infinity);
    const times = timeBytes && TimeIndex.decode(base, timeBytes, Infinity);
    const reason = 'length or order of the entries is wrong';
    if (offsetBytes !== undefined && offsets === undefined) {
      problems.push({ file: files.offsets, position: 0, offset: base, reason });
    }
    if (timeBytes !== undefined && times === undefined) {
      problems.push({ file: files.times, position: 0, offset: base, reason });
    }
    return new IndexCheck(offsets, times, files, isActive, problems);
  }

  see(header: BatchHeader, position: number): undefined {
    this.maxTimestamp = Math.max(this.maxTimestamp, header.maxTimestamp);
    this.checkOffsets(header, position);
    this.checkTimes(header);
  }

  /** After the last batch of a segment without damage. */
  finish(): void {
    const { offsets, times } = this;
    if (this.isActive) return;
    if (offsets !== undefined && this.offsetAt < offsets.count) {
      this.reportOffset(
        offsets.entryAt(this.offsetAt).offset,
        'lies behind the end of the segment',
      );
    }
    if (times === undefined) return;
    if (this.timeAt < times.count) {
      this.reportTime(times.entryAt(this.timeAt).offset, 'lies behind the end of the segment');
    } else if ((times.last()?.timestamp ?? -1) !== this.maxTimestamp) {
      this.reportTime(
        times.base,
        `the last entry is not the largest timestamp, ${this.maxTimestamp}`,
      );
    }
  }

  private checkOffsets({ lastOffset, baseOffset }: BatchHeader, position: number): void {
    const { offsets } = this;
    if (offsets === undefined || this.offsetAt >= offsets.count) return;
    const entry = offsets.entryAt(this.offsetAt);
    if (entry.position > position && entry.offset > lastOffset) return;
    if (entry.position !== position || entry.offset !== lastOffset) {
      const what = `offset ${entry.offset} at byte ${entry.position}, but the batch at ${position} ends at offset ${lastOffset}`;
      this.reportOffset(baseOffset, what);
      // Passes over what no batch will match any more.
      this.offsetAt = offsets.count;
      return;
    }
    this.offsetAt++;
  }

  private checkTimes({ lastOffset, baseOffset, maxTimestamp }: BatchHeader): void {
    const { times } = this;
    if (times === undefined || this.timeAt >= times.count) return;
    const entry = times.entryAt(this.timeAt);
    if (entry.offset > lastOffset) return;
    if (
      entry.offset !== lastOffset ||
      entry.timestamp !== maxTimestamp ||
      maxTimestamp !== this.maxTimestamp
    ) {
      this.reportTime(
        baseOffset,
        `timestamp ${entry.timestamp} at offset ${entry.offset}, which the batches do not have`,
      );
      this.timeAt = times.count;
      return;
    }
    this.timeAt++;
  }

  private reportOffset(offset: Offset, reason: string): void {
    const position = this.offsetAt * OFFSET_ENTRY_BYTES;
    this.problems.push({ file: this.files.offsets, position, offset, reason });
  }

  private reportTime(offset: Offset, reason: string): void {
    const position = this.timeAt * TIME_ENTRY_BYTES;
    this.problems.push({ file: this.files.times, position, offset, reason });
  }
}
