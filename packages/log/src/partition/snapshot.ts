// What a peer behind the log start copies: segments up to an end, and the state that the segments alone do not tell.
import { assert } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { Offset, SegmentSummary, SnapshotState } from '../types.js';
import { encodeProducers } from './derived-files.js';
import { cutAt } from './cut-at.js';
import type { LogState } from './log-state.js';

/** `end` is the high watermark, or an offset after it, and the end of a batch. */
export function describeSnapshot(
  state: LogState,
  end: Offset,
): { state: SnapshotState; segments: readonly SegmentSummary[] } {
  assert(
    end >= state.logStart && end <= state.logEnd,
    `snapshot up to ${end} of [${state.logStart}, ${state.logEnd})`,
  );
  const segments = state.segments.all
    .filter(({ base, bytes }) => base < end && bytes > 0)
    .map((segment) => {
      const whole = segment.endOffset <= end;
      const { baseOffset, bytes, endOffset } = whole
        ? { baseOffset: segment.base, bytes: segment.bytes, endOffset: segment.endOffset }
        : partOf(state, segment.base, end);
      return { baseOffset, bytes, endOffset };
    });
  const table = state.producers.asOf(end, state.config.producerExpirationMs);
  return {
    state: {
      logStart: segments[0]?.baseOffset ?? end,
      epochBeforeStart: state.epochs.at((segments[0]?.baseOffset ?? end) - 1) ?? 0,
      endOffset: end,
      epochs: state.epochs.entries.filter(({ startOffset }) => startOffset < end),
      producers: encodeProducers(table),
    },
    segments,
  };
}

/** Bytes of a segment from `position` on; fewer than asked for at its end. */
export async function readSegment(
  state: LogState,
  baseOffset: Offset,
  position: number,
  maxBytes: number,
): Promise<Buffer> {
  const segment = state.segments.holding(baseOffset);
  if (segment?.base !== baseOffset) {
    throw zhumqError('OFFSET_OUT_OF_RANGE', `there is no segment ${baseOffset} (any more)`, {
      baseOffset,
      logStart: state.logStart,
    });
  }
  // What is gathered and not written yet is written at the end of the tick; the peer asks again.
  const bytes = Math.min(maxBytes, state.writer.writtenBytes(segment) - position);
  if (bytes <= 0) return Buffer.alloc(0);
  const piece = Buffer.allocUnsafe(bytes);
  const { files } = state.resources;
  const count = await files.useAsync(segment.path, 'read', (file) => file.read(piece, position));
  return piece.subarray(0, count);
}

function partOf(state: LogState, base: Offset, end: Offset): SegmentSummary {
  const segment = state.segments.holding(base);
  assert(segment !== undefined, `no segment at ${base}`);
  const { position: bytes } = cutAt(state, segment, end);
  return { baseOffset: base, bytes, endOffset: end };
}
