// Reads that the tail can not answer: blocks of segment files through the shared cache. A block is what the index finds
// between two multiples of `blockBytes`, so that all readers agree on its bounds. It is verified when it is loaded:
// structure, checksum, chain, and the epoch of each batch against the epoch list (rule 22). What fails is never served.
import { batchSizeAt, checkStoredBatch } from '@zhumq/model';
import type { Epoch, LogSlice, Offset } from '../types.js';
import { batchesWithin } from './batch-run.js';
import { MAX_BATCH_BYTES } from './batch-scan.js';
import type { Block } from './block-cache.js';
import type { LogState } from './log-state.js';
import type { Segment } from './segment.js';

/** A cell that an index is too sparse to divide is read in pieces of so many times its size. */
const LARGEST_CELLS = 16;

/** What a block should have held. */
export class BlockFault extends Error {
  constructor(
    readonly segment: Segment,
    readonly position: number,
    readonly offset: Offset,
    readonly reason: string,
  ) {
    super(`${segment.path}, byte ${position}: ${reason}`);
  }
}

/** The log was cut or shortened while a block was read; the read is to be done again. */
class Overtaken extends Error {}

interface Bounds {
  readonly start: number;
  readonly end: number;
  /** Where the cell ends; behind `end` when the index is too sparse for blocks of whole cells. */
  readonly cellEnd: number;
  /** Of the batch at `start`, as the index knows it. */
  readonly lastOffset: Offset | undefined;
}

export class LogReader {
  constructor(private readonly state: LogState) {}

  /** Whole batches from the one that holds `from`; ends where the files do, the rest is the tail's. */
  async read(from: Offset, end: Offset, maxBytes: number): Promise<LogSlice> {
    const buffers: Buffer[] = [];
    let bytes = 0;
    let firstOffset = from;
    let endOffset = from;
    while (endOffset < end && bytes < maxBytes) {
      const block = await this.blockHolding(endOffset);
      if (block === undefined) break;
      const isFirst = buffers.length === 0;
      const run = batchesWithin(block.buffer.subarray(startIn(block, endOffset)), endOffset, {
        end,
        maxBytes: maxBytes - bytes,
        atLeastOne: isFirst,
      });
      if (run === undefined) break;
      if (isFirst) firstOffset = run.firstOffset;
      buffers.push(run.buffer);
      bytes += run.buffer.length;
      endOffset = run.endOffset;
      if (endOffset < block.endOffset) break;
    }
    return { buffers, bytes, firstOffset, endOffset };
  }

  /** The block with the batch that holds `offset`; undefined when the tail has it, or nobody. Throws BlockFault. */
  async blockHolding(offset: Offset): Promise<Block | undefined> {
    for (;;) {
      const { segments, tail } = this.state;
      const segment = segments.holding(offset);
      if (segment === undefined || offset >= segment.endOffset) return undefined;
      // Bytes that are not in the file yet are in the tail.
      if (tail.find(offset) !== undefined) return undefined;
      try {
        const block = await this.loadBlock(segment, offset);
        return block.endOffset > offset ? block : undefined;
      } catch (error) {
        if (error instanceof Overtaken) continue;
        if (this.isOvertaken(segment, segment.contentId)) continue;
        throw error;
      }
    }
  }

  private async loadBlock(segment: Segment, offset: Offset): Promise<Block> {
    const { contentId } = segment;
    const load = async (): Promise<Block> => {
      let bounds = this.boundsAt(segment, this.state.indexesOf(segment).offsets.floor(offset));
      for (;;) {
        const { start, end, cellEnd } = bounds;
        const block = await this.state.resources.blocks.getOrLoad(
          `${contentId}:${start}:${end}`,
          () => this.readBlock(segment, bounds),
        );
        const next = start + block.buffer.length;
        const isEnd = block.buffer.length === 0 || next >= this.state.writer.writtenBytes(segment);
        if (block.endOffset > offset || isEnd) return block;
        // The entry before the batch is the last of its cell, or the cell is read in pieces.
        bounds =
          next < cellEnd
            ? { start: next, end: this.pieceEnd(next, cellEnd), cellEnd, lastOffset: undefined }
            : this.boundsAt(segment, next);
      }
    };
    try {
      const block = await load();
      if (this.isOvertaken(segment, contentId)) throw new Overtaken();
      return block;
    } catch (error) {
      if (this.isOvertaken(segment, contentId)) throw new Overtaken();
      if (!(error instanceof BlockFault) || segment.indexes !== undefined) throw error;
      // The index is derived: before the segment is blamed it is made again.
      this.state.rebuildIndexes(segment);
      return load();
    }
  }

  /** Bounds of the block with the indexed batch at `floor`. */
  private boundsAt(segment: Segment, floor: number): Bounds {
    const { offsets } = this.state.indexesOf(segment);
    const written = this.state.writer.writtenBytes(segment);
    const { blockBytes } = this.state.resources;
    const cell = Math.floor(floor / blockBytes);
    const cellStart = cell === 0 ? 0 : (offsets.ceiling(cell * blockBytes) ?? floor);
    const cellEnd = Math.min(offsets.ceiling((cell + 1) * blockBytes) ?? written, written);
    // So sparse an index would make a block of any size; then it begins at the entry and is read in pieces.
    const start = cellEnd - cellStart > blockBytes * LARGEST_CELLS ? floor : cellStart;
    return {
      start,
      end: this.pieceEnd(start, cellEnd),
      cellEnd,
      lastOffset: offsets.lastOffsetAt(start),
    };
  }

  private async readBlock(segment: Segment, bounds: Bounds): Promise<Block> {
    const { files } = this.state.resources;
    const { start, end, cellEnd } = bounds;
    const buffer = Buffer.allocUnsafe(end - start);
    const count = await files.useAsync(segment.path, 'read', (file) => file.read(buffer, start));
    const size = batchSizeAt(buffer, 0) ?? 0;
    if (size > buffer.length && size <= Math.min(cellEnd - start, MAX_BATCH_BYTES)) {
      return this.readBlock(segment, { ...bounds, end: start + size });
    }
    if (count < buffer.length) {
      const reason = `the file ends at byte ${start + count}, the log knows ${end} bytes`;
      throw this.fault(segment, start + count, segment.base, reason);
    }
    return this.verify(segment, bounds, buffer);
  }

  private verify(segment: Segment, bounds: Bounds, buffer: Buffer): Block {
    const positions: number[] = [];
    const offsets: Offset[] = [];
    let nextOffset = bounds.start === 0 ? segment.base : undefined;
    let minEpoch: Epoch | undefined;
    for (let position = 0; position < buffer.length;) {
      const found = checkStoredBatch(buffer, position, {
        nextOffset,
        minEpoch,
        maxBytes: MAX_BATCH_BYTES,
      });
      const at = bounds.start + position;
      if (found.kind === 'incomplete' && position > 0 && bounds.end < bounds.cellEnd) {
        return blockOf(buffer.subarray(0, position), positions, offsets, nextOffset);
      }
      if (found.kind !== 'batch') {
        const reason = found.kind === 'invalid' ? found.reason : 'a batch that crosses its block';
        throw this.fault(segment, at, nextOffset, reason);
      }
      const { baseOffset, lastOffset, epoch, sizeBytes } = found.header;
      if (position === 0 && bounds.lastOffset !== undefined && bounds.lastOffset !== lastOffset) {
        throw this.fault(
          segment,
          at,
          undefined,
          `offset ${lastOffset} where the index has ${bounds.lastOffset}`,
        );
      }
      const known = this.state.epochs.at(baseOffset);
      if (epoch !== known) {
        throw this.fault(segment, at, baseOffset, `epoch ${epoch}, the epoch list has ${known}`);
      }
      positions.push(position);
      offsets.push(baseOffset);
      nextOffset = lastOffset + 1;
      minEpoch = epoch;
      position += sizeBytes;
    }
    return blockOf(buffer, positions, offsets, nextOffset);
  }

  private fault(
    segment: Segment,
    position: number,
    offset: Offset | undefined,
    reason: string,
  ): BlockFault {
    return new BlockFault(segment, position, offset ?? segment.base, reason);
  }

  private pieceEnd(start: number, cellEnd: number): number {
    return Math.min(cellEnd, start + this.state.resources.blockBytes * LARGEST_CELLS);
  }

  private isOvertaken(segment: Segment, contentId: number): boolean {
    return segment.contentId !== contentId || !this.state.segments.has(segment);
  }
}

function blockOf(
  buffer: Buffer,
  positions: readonly number[],
  offsets: readonly Offset[],
  endOffset: Offset | undefined,
): Block {
  return { buffer, firstOffset: offsets[0] ?? -1, endOffset: endOffset ?? -1, positions, offsets };
}

/** Where in the block the batch that holds `offset` begins. */
function startIn(block: Block, offset: Offset): number {
  let low = 0;
  let high = block.offsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (block.offsets[middle] <= offset) low = middle + 1;
    else high = middle;
  }
  return block.positions[Math.max(low - 1, 0)];
}
