// Verifies what an account says against the segment files, from the last producer snapshot on, and rebuilds what is
// derived from batches: epochs, producers, indexes. It verifies and never extends: it stops at the accounted end.
import { BATCH_HEADER_BYTES, crc32c } from '@zhumq/model';
import type { BatchHeader } from '@zhumq/model';
import type { Damage, LogConfig, Offset } from '../types.js';
import { scanBatches } from './batch-scan.js';
import type { ScannedBatch } from './batch-scan.js';
import { EpochList } from './epoch-list.js';
import type { PartitionResources } from './partition-resources.js';
import { ProducerState } from './producer-state.js';
import type { Extent, RecoveryAccount } from './recovery-account.js';
import { indexesOf, readIndexes, writeIndexes } from './segment-indexes.js';
import { Segment } from './segment.js';
import type { SegmentCut, SegmentIndexes } from './segment.js';

const PAUSE_AFTER_BYTES = 4 * 1024 * 1024;

/** What the scan begins with: true of everything below `from`. */
export interface ScanBase {
  readonly from: Offset;
  readonly epochs: EpochList;
  readonly producers: ProducerState;
  /** The epoch list as it was last written: true of what the checkpoint covers; undefined when it can not be read. */
  readonly written: EpochList | undefined;
}

/** Bytes that are not what the account says. */
interface Fault {
  readonly position: number;
  readonly offset: Offset;
  readonly reason: string;
}

/** Where in a segment to begin: at its start, or at a batch that its index knows. */
interface Start {
  readonly segment: Segment;
  readonly position: number;
  /** Of the batch there. */
  readonly lastOffset: Offset | undefined;
}

export class RecoveryScan {
  readonly segments: Segment[] = [];
  /** Indexes that were written: a torn one can not be told from one that is whole, so they are to be synced. */
  readonly indexFiles: string[] = [];
  /** Set when synced bytes do not verify. */
  damage: Damage | undefined;
  /** Where the log ends: that of the account, or where unsynced bytes are torn. */
  end: Offset;
  private extentAt = 0;
  private headersCrc = 0;
  /** Of the extent under way its first batch was seen, too. */
  private isWholeExtent = false;
  private bytesUntilPause = PAUSE_AFTER_BYTES;
  /** Below, neither a later truncation nor a torn write of this recovery cuts. */
  private readonly stableEnd: Offset;

  constructor(
    private readonly resources: PartitionResources,
    private readonly directory: string,
    private readonly config: LogConfig,
    private readonly account: RecoveryAccount,
    private readonly base: ScanBase,
    /** Everything ever written is still there. */
    private readonly keptAll: boolean,
  ) {
    this.end = account.end;
    const torn = account.extents.find((extent) => extent.mayBeTorn)?.firstOffset ?? Infinity;
    this.stableEnd = Math.min(account.highWatermark, torn);
  }

  async run(): Promise<void> {
    const { bases, indexedBelow } = this.account;
    for (const [at, base] of bases.entries()) {
      if (this.end <= base) return;
      const target = bases[at + 1] ?? this.account.end;
      const isLast = at + 1 === bases.length;
      const isToScan = target > this.base.from || isLast || base >= indexedBelow;
      if (this.damage === undefined && isToScan) {
        await this.scanSegment(base, target, isLast);
      } else {
        this.believeSegment(base, target);
      }
    }
  }

  private async scanSegment(base: Offset, target: Offset, isLast: boolean): Promise<void> {
    let start = this.startOf(base);
    let fault = await this.scanFrom(start, target);
    const isEarly =
      fault !== undefined && (fault.offset < this.base.from || fault.position === start.position);
    if (isEarly && start.position > 0) {
      // The index is derived, and after a power loss it may be one of what a cut has removed: before the segment is
      // blamed it is scanned from its start. Nothing was taken from it yet.
      start = { segment: Segment.fresh(this.directory, base), position: 0, lastOffset: undefined };
      fault = await this.scanFrom(start, target);
    }
    const { segment } = start;
    this.segments.push(segment);
    if (fault !== undefined) {
      this.judge(segment, fault, target);
    } else if (!isLast) {
      const indexes = segment.seal();
      if (indexes !== undefined) {
        this.indexFiles.push(...writeIndexes(this.resources.fileSystem, segment, indexes));
      }
      segment.indexes = undefined;
    }
  }

  /** Torn where only the page cache had the bytes; damage where they were synced. */
  private judge(segment: Segment, fault: Fault, target: Offset): void {
    const extent = this.account.extentHolding(fault.offset);
    if (extent === undefined || !this.isTorn(segment, extent)) {
      this.setDamage(segment, fault, target);
      return;
    }
    // All of the write goes: only as a whole it is known to be what was written, and not what was there before.
    const { firstOffset: offset, position } = extent;
    this.end = offset;
    this.base.epochs.cut(offset);
    this.base.producers.cut(offset);
    if (offset === segment.base) {
      this.segments.pop();
      this.reopenLast();
    } else if (segment.endOffset > offset && segment.indexes !== undefined) {
      const time = this.latestUpTo(segment, segment.indexes, offset, position);
      segment.cut({ endOffset: offset, position, ...time }, segment.indexes);
    }
  }

  /** It was sealed, and appends go on in it. */
  private reopenLast(): void {
    const segment = this.segments.at(-1);
    if (segment === undefined) return;
    const { bytes: position, endOffset } = segment;
    const indexes = indexesOf(this.resources, segment, this.config.indexIntervalBytes);
    const time = this.latestUpTo(segment, indexes, endOffset, position);
    segment.cut({ endOffset, position, ...time }, indexes);
  }

  /**
   * A power loss tears any of them. A process that was killed leaves the last of them unwritten, or written in part; when
   * the file has the bytes they were written, and acknowledged perhaps, unless they are those that a cut was to remove.
   */
  private isTorn(segment: Segment, { mayBeTorn, isBehindCut, position, bytes }: Extent): boolean {
    if (!mayBeTorn) return false;
    return !this.keptAll || isBehindCut || this.sizeOf(segment) < position + bytes;
  }

  /** The largest timestamp behind the last index entry below `offset`; the batches up to there are whole. */
  private latestUpTo(
    segment: Segment,
    { offsets }: SegmentIndexes,
    offset: Offset,
    end: number,
  ): Pick<SegmentCut, 'maxTimestamp' | 'maxTimestampOffset'> {
    let latest = { maxTimestamp: -1, maxTimestampOffset: -1 };
    this.resources.files.use(segment.path, 'read', (file) => {
      const bounds = { position: offsets.floor(offset - 1), end, verify: false };
      for (const { header } of scanBatches(file, bounds)) {
        const { lastOffset, maxTimestamp } = header;
        if (maxTimestamp > latest.maxTimestamp) {
          latest = { maxTimestamp, maxTimestampOffset: lastOffset };
        }
      }
    });
    return latest;
  }

  private setDamage(segment: Segment, fault: Fault, target: Offset): void {
    this.damage ??= { file: segment.path, ...fault };
    segment.endOffset = target;
    segment.bytes = Math.max(segment.bytes, this.sizeOf(segment));
  }

  /** Verified when it is read; here only that it ends where the next one begins. */
  private believeSegment(base: Offset, target: Offset): void {
    const segment = new Segment(this.directory, base);
    this.segments.push(segment);
    segment.endOffset = target;
    segment.bytes = this.sizeOf(segment);
    segment.isSealed = true;
    if (this.damage !== undefined) return;
    const indexes = readIndexes(this.resources.fileSystem, segment);
    const end = this.findEnd(segment, indexes?.offsets.floor(target - 1) ?? 0, target);
    if (end.offset !== target) {
      const reason = `the segment ends at offset ${end.offset}, the next one begins at ${target}`;
      this.setDamage(segment, { ...end, reason }, target);
    } else if (end.position < segment.bytes) {
      // A cut that its file had not seen yet; what is known of the times may be of batches behind it.
      segment.bytes = end.position;
    } else {
      segment.maxTimestamp = indexes?.times.last()?.timestamp;
    }
  }

  /** Where the batches from `position` on reach `target`, or end. */
  private findEnd(
    segment: Segment,
    position: number,
    target: Offset,
  ): { readonly position: number; readonly offset: Offset } {
    let found = { position, offset: segment.base };
    if (segment.bytes === 0) return found;
    return this.resources.files.use(segment.path, 'read', (file) => {
      const bounds = { position, end: segment.bytes, verify: false };
      for (const batch of scanBatches(file, bounds)) {
        const { lastOffset, sizeBytes } = batch.header;
        if (lastOffset >= target) break;
        found = { position: batch.position + sizeBytes, offset: lastOffset + 1 };
      }
      return found;
    });
  }

  /** The last indexed batch before `from`, so that a large segment is not read from its start. */
  private startOf(base: Offset): Start {
    const fresh = {
      segment: Segment.fresh(this.directory, base),
      position: 0,
      lastOffset: undefined,
    };
    if (this.base.from <= base) return fresh;
    const segment = new Segment(this.directory, base);
    segment.bytes = this.sizeOf(segment);
    segment.endOffset = Infinity;
    const indexes = readIndexes(this.resources.fileSystem, segment);
    const position = indexes?.offsets.floor(this.base.from - 1) ?? 0;
    const lastOffset = indexes?.offsets.lastOffsetAt(position);
    if (indexes === undefined || lastOffset === undefined) return fresh;
    const cut = { endOffset: lastOffset, position, maxTimestamp: -1, maxTimestampOffset: -1 };
    segment.cut(cut, indexes);
    return { segment, position, lastOffset };
  }

  private async scanFrom(start: Start, target: Offset): Promise<Fault | undefined> {
    const { segment, position, lastOffset } = start;
    const size = this.sizeOf(segment);
    const { base } = segment;
    if (size === 0) return { position: 0, offset: base, reason: 'the file is missing or empty' };
    const nextOffset = position === 0 ? base : undefined;
    return this.resources.files.useAsync(segment.path, 'read', async (file) => {
      const bounds = { position, end: size, verify: true, nextOffset };
      const batches = scanBatches(file, bounds);
      for (;;) {
        const step = batches.next();
        if (step.done === true) {
          const { position: at, nextOffset: offset = base, reason } = step.value;
          return { position: at, offset, reason: reason === '' ? 'the file ends' : reason };
        }
        const fault = this.take(segment, step.value, lastOffset, position, target);
        if (fault !== undefined) return fault;
        if (segment.endOffset === target) return undefined;
        this.bytesUntilPause -= step.value.header.sizeBytes;
        if (this.bytesUntilPause < 0) {
          this.bytesUntilPause = PAUSE_AFTER_BYTES;
          // A read through the thread pool lets the rest of the process go on.
          await file.read(Buffer.allocUnsafe(1), segment.bytes);
        }
      }
    });
  }

  private take(
    segment: Segment,
    batch: ScannedBatch,
    firstLastOffset: Offset | undefined,
    firstPosition: number,
    target: Offset,
  ): Fault | undefined {
    const { header, position } = batch;
    const { baseOffset, lastOffset, epoch } = header;
    const fault = (reason: string, offset = baseOffset, at = position): Fault => ({
      position: at,
      offset,
      reason,
    });
    if (
      position === firstPosition &&
      firstLastOffset !== undefined &&
      lastOffset !== firstLastOffset
    ) {
      return fault(`offset ${lastOffset} where the index has ${firstLastOffset}`);
    }
    if (lastOffset >= target)
      return fault(`a batch up to ${lastOffset} crosses the end at ${target}`);
    if (lastOffset >= this.base.from) {
      this.base.epochs.add(epoch, baseOffset);
      const known = this.base.epochs.at(baseOffset);
      if (known !== epoch) return fault(`epoch ${epoch}, the epoch list has ${known}`);
      const wrong = this.wrongEpoch(header);
      if (wrong !== undefined) return fault(wrong);
      const { producerExpirationMs } = this.config;
      this.base.producers.append(header, baseOffset, this.stableEnd, producerExpirationMs);
    }
    segment.add(header, lastOffset, this.config.indexIntervalBytes);
    return this.checkExtent(segment, batch, fault);
  }

  /**
   * The epoch lies outside the batch's checksum (rule 22): one flipped bit in the last batch would give this replica the
   * newest log of all. Checkpoint, frames and the written epoch list know better.
   */
  private wrongEpoch({ baseOffset, lastOffset, epoch }: BatchHeader): string | undefined {
    const { account, base } = this;
    if (lastOffset + 1 === account.end && epoch !== account.lastEpoch) {
      return `epoch ${epoch}, but the log ended in epoch ${account.lastEpoch}`;
    }
    const written = baseOffset < account.untouchedEnd ? base.written?.at(baseOffset) : undefined;
    if (written === undefined || written === epoch) return undefined;
    return `epoch ${epoch}, the written epoch list has ${written}`;
  }

  /** Whether the batch is the one that a frame wrote there. */
  private checkExtent(
    segment: Segment,
    { header, position, piece, start }: ScannedBatch,
    fault: (reason: string, offset?: Offset, position?: number) => Fault,
  ): Fault | undefined {
    const { extents } = this.account;
    while (
      this.extentAt < extents.length &&
      extents[this.extentAt].endOffset <= header.baseOffset
    ) {
      this.extentAt++;
      this.isWholeExtent = false;
    }
    const extent = extents.at(this.extentAt);
    if (extent === undefined || header.baseOffset < extent.firstOffset) return undefined;
    if (header.baseOffset === extent.firstOffset) {
      this.headersCrc = 0;
      this.isWholeExtent = true;
      if (segment.base !== extent.segmentBase || position !== extent.position) {
        return fault(
          `at byte ${position}, but it was written at ${extent.position} of segment ${extent.segmentBase}`,
        );
      }
    }
    if (header.lastOffset >= extent.endOffset) {
      const reason = `a batch up to ${header.lastOffset}, but the write ended before ${extent.endOffset}`;
      return fault(reason, extent.firstOffset, extent.position);
    }
    this.headersCrc = crc32c(piece, this.headersCrc, start, start + BATCH_HEADER_BYTES);
    if (extent.isCut || header.lastOffset + 1 !== extent.endOffset || !this.isWholeExtent)
      return undefined;
    if (header.epoch !== extent.epoch)
      return fault(`epoch ${header.epoch}, written with ${extent.epoch}`);
    if (extent.headersCrc === undefined || extent.headersCrc === this.headersCrc) return undefined;
    const reason = 'other batches than those that were written there';
    return fault(reason, extent.firstOffset, extent.position);
  }

  private sizeOf(segment: Segment): number {
    return this.resources.fileSystem.statSync(segment.path)?.bytes ?? 0;
  }
}
