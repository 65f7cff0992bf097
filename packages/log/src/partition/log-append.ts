// Appends. A batch is touched once: a leader's was checked by its caller and is only stamped here, a follower's is
// checked here. The bytes stay where they are; the write-ahead frame, the segment and the tail share them.
import { assert } from '@zhumq/base';
import {
  BATCH_HEADER_BYTES,
  MAX_EPOCH,
  checkStoredBatch,
  crc32c,
  stampBatch,
  zhumqError,
} from '@zhumq/model';
import type { BatchHeader } from '@zhumq/model';
import type { Epoch, Offset } from '../types.js';
import type { LogState } from './log-state.js';
import { Segment } from './segment.js';

/** How an append differs from that of a replica in service. */
export interface AppendMode {
  /** A copied segment: the bytes go to the segment only, which is synced before the copy counts. */
  readonly bulk?: boolean;
}

interface Run {
  readonly bytes: Buffer;
  readonly firstOffset: Offset;
  readonly endOffset: Offset;
  readonly epoch: Epoch;
  readonly crc: number;
}

export class LogAppender {
  /**
   * What this replica wrote as a leader, at most. Invariant: an (epoch, offset) is written once (rule 4); a leader that
   * appended, truncated and appended again in one epoch would break log matching.
   */
  private spent: { readonly epoch: Epoch; readonly end: Offset } = { epoch: -1, end: 0 };

  constructor(private readonly state: LogState) {}

  leader(
    batch: Buffer,
    header: BatchHeader,
    epoch: Epoch,
  ): { readonly baseOffset: Offset; readonly lastOffset: Offset } {
    const { state } = this;
    state.checkService();
    const baseOffset = state.logEnd;
    const lastOffset = baseOffset + header.lastOffsetDelta;
    assert(
      epoch >= state.lastEpoch && epoch <= MAX_EPOCH,
      `epoch ${epoch} after ${state.lastEpoch}`,
    );
    assert(
      batch.length === header.sizeBytes,
      `a batch of ${header.sizeBytes} in ${batch.length} bytes`,
    );
    assert(
      epoch !== this.spent.epoch || baseOffset >= this.spent.end,
      `offset ${baseOffset} of epoch ${epoch} was written before`,
    );
    this.spent = { epoch, end: lastOffset + 1 };
    stampBatch(batch, 0, baseOffset, epoch);
    const segment = this.segmentFor(batch.length, lastOffset + 1, header.maxTimestamp);
    const position = segment.bytes;
    this.count(segment, header, baseOffset, epoch);
    const crc = this.direct ? crc32c(batch, 0, 0, BATCH_HEADER_BYTES) : 0;
    this.gather(segment, position, {
      bytes: batch,
      firstOffset: baseOffset,
      endOffset: lastOffset + 1,
      epoch,
      crc,
    });
    return { baseOffset, lastOffset };
  }

  /** Whole batches. Throws INVALID_BATCH or CORRUPT_BATCH before anything is appended. */
  follower(batches: Buffer, mode: AppendMode = {}): void {
    const { state } = this;
    state.checkService();
    if (batches.length === 0) return;
    const headers = this.check(batches);
    const last = headers[headers.length - 1];
    const endOffset = last.lastOffset + 1;
    const segment = this.segmentFor(batches.length, endOffset, headers[0].maxTimestamp, mode);
    const position = segment.bytes;
    const direct = mode.bulk === true || this.direct;
    let crc = 0;
    let start = 0;
    for (const header of headers) {
      this.count(segment, header, header.baseOffset, header.epoch);
      if (direct) crc = crc32c(batches, crc, start, start + BATCH_HEADER_BYTES);
      start += header.sizeBytes;
    }
    const firstOffset = headers[0].baseOffset;
    this.gather(
      segment,
      position,
      { bytes: batches, firstOffset, endOffset, epoch: last.epoch, crc },
      mode,
    );
  }

  /** The batches that follow go to a segment that begins here, as in the log that they are copied from. */
  startSegment(): Segment {
    const { state } = this;
    const active = state.segments.active;
    if (active?.base === state.logEnd) return active;
    const indexes = active?.seal();
    if (active !== undefined && indexes !== undefined) state.writer.seal(active, indexes);
    const segment = Segment.fresh(state.seat.directory, state.logEnd);
    state.segments.push(segment);
    return segment;
  }

  /** Bytes go to the segment only. Not while a cut waits: what it removes is accounted for until its frame is on disk. */
  private get direct(): boolean {
    return this.state.config.flush !== 'fsync' && !this.state.writer.hasCut;
  }

  private check(batches: Buffer): readonly BatchHeader[] {
    const headers: BatchHeader[] = [];
    let nextOffset = this.state.logEnd;
    let minEpoch = this.state.lastEpoch;
    for (let position = 0; position < batches.length;) {
      const found = checkStoredBatch(batches, position, { nextOffset, minEpoch });
      if (found.kind !== 'batch') {
        const what = found.kind === 'invalid' ? found.reason : `${found.bytes} bytes announced`;
        throw zhumqError(
          found.kind === 'invalid' ? 'CORRUPT_BATCH' : 'INVALID_BATCH',
          `byte ${position} of ${batches.length} from the leader: ${what}`,
          { position, offset: nextOffset },
        );
      }
      headers.push(found.header);
      nextOffset = found.header.lastOffset + 1;
      minEpoch = found.header.epoch;
      position += found.header.sizeBytes;
    }
    return headers;
  }

  private segmentFor(
    bytes: number,
    endOffset: Offset,
    timestamp: number,
    mode: AppendMode = {},
  ): Segment {
    const { segments, config } = this.state;
    const active = segments.active;
    if (active === undefined) return this.startSegment();
    // A copy rolls where its original did.
    if (mode.bulk === true || !active.isFullFor(bytes, endOffset, timestamp, config)) return active;
    return this.startSegment();
  }

  private count(segment: Segment, header: BatchHeader, baseOffset: Offset, epoch: Epoch): void {
    const { state } = this;
    const { config } = state;
    segment.add(header, baseOffset + header.lastOffsetDelta, config.indexIntervalBytes);
    state.epochs.add(epoch, baseOffset);
    state.producers.append(header, baseOffset, state.stableEnd, config.producerExpirationMs);
  }

  private gather(segment: Segment, position: number, run: Run, mode: AppendMode = {}): void {
    const { state } = this;
    const { bytes, firstOffset, endOffset, epoch, crc } = run;
    const direct = mode.bulk === true || this.direct;
    const sequence = state.nextSequence();
    state.logEnd = endOffset;
    state.bytesSinceDerived += bytes.length;
    // First the tail: what is gathered for a segment is in memory until it is written.
    state.tail.append({
      buffer: bytes,
      firstOffset,
      endOffset,
      segmentBase: segment.base,
      position,
    });
    state.writer.append(segment, position, bytes, endOffset);
    state.durability.append(sequence, firstOffset, endOffset, direct);
    state.seat.wal.write({
      kind: 'append',
      sequence,
      segmentBase: segment.base,
      position,
      firstOffset,
      endOffset,
      epoch,
      bytes: bytes.length,
      crc: direct ? crc : 0,
      payload: direct ? undefined : [bytes],
    });
    // A copy that breaks off is synced all the same, or nothing behind it would ever count.
    const isSynced = state.config.flush === 'interval' || mode.bulk === true;
    if (direct && isSynced && !state.syncAsked) {
      state.syncAsked = true;
      state.seat.wal.syncWithin(state.config.flushIntervalMs);
    }
  }
}
