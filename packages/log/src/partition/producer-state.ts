// What a log remembers of idempotent producers: per producer the last five batches with their offsets, so that a retry is
// recognised and answered with the offsets of the original, after restart and on a new leader alike. A pure function
// of the records before the log end: a truncation brings back exactly what was known at the cut. For that, batches at
// or above the high watermark are all kept, and the five before it; below it only a reported loss truncates, and then
// fewer than five may be left, and a retry of one that is not is refused as out of order.
// Leaders ask `check` first; followers and recovery only `append`, and take gaps as they are.
import type { BatchHeader } from '@zhumq/model';
import type { Offset, ProducerVerdict } from '../types.js';
import { LogTime } from './log-time.js';

/** As many batches as a producer may have in flight. */
export const PRODUCER_WINDOW = 5;
const LAST_SEQUENCE = 0x7fffffff;

export interface RememberedBatch {
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly firstOffset: Offset;
  readonly lastOffset: Offset;
  /** Log time when it was appended. */
  readonly timestamp: number;
  /** Does not continue the batch before it: another epoch, or the producer had expired. */
  readonly fresh: boolean;
}

/** The state at an offset, as it is stored. */
export interface ProducerTable {
  /** Offset after the last record that it covers. */
  readonly offset: Offset;
  readonly maxTimestamp: number;
  readonly producers: readonly {
    readonly producerId: number;
    readonly batches: readonly RememberedBatch[];
  }[];
}

/** Sequence number after `sequence`; they wrap at 2^31 - 1. */
export function nextSequence(sequence: number, by = 1): number {
  return (sequence + by) % (LAST_SEQUENCE + 1);
}

export class ProducerState {
  /** Batches oldest first. */
  private readonly producers = new Map<number, RememberedBatch[]>();
  private readonly time: LogTime;

  constructor(table?: ProducerTable) {
    this.time = new LogTime(table?.maxTimestamp);
    for (const { producerId, batches } of table?.producers ?? []) {
      this.producers.set(producerId, [...batches]);
    }
  }

  get count(): number {
    return this.producers.size;
  }

  check(header: BatchHeader, expirationMs: number): ProducerVerdict {
    if (header.producerId < 0) return { kind: 'append' };
    const batches = this.living(header.producerId, expirationMs);
    if (batches === undefined) {
      return header.baseSequence === 0
        ? { kind: 'append' }
        : { kind: 'unknownProducer', expectedSequence: 0 };
    }
    const last = batches[batches.length - 1];
    const expectedSequence = nextSequence(last.lastSequence);
    if (header.producerEpoch < last.producerEpoch) return { kind: 'fenced', expectedSequence };
    if (header.producerEpoch > last.producerEpoch) {
      return header.baseSequence === 0
        ? { kind: 'append' }
        : { kind: 'outOfOrder', expectedSequence: 0 };
    }
    if (header.baseSequence === expectedSequence) return { kind: 'append' };
    const original = findOriginal(batches, header);
    return original === undefined
      ? { kind: 'outOfOrder', expectedSequence }
      : { kind: 'duplicate', baseOffset: original.firstOffset, lastOffset: original.lastOffset };
  }

  /** A batch was appended at `baseOffset`. Nothing below `stableEnd` (the high watermark) is ever truncated. */
  append(header: BatchHeader, baseOffset: Offset, stableEnd: Offset, expirationMs: number): void {
    const { producerId, producerEpoch, baseSequence, maxTimestamp } = header;
    const lastOffset = baseOffset + header.lastOffsetDelta;
    if (producerId >= 0) {
      const last = this.living(producerId, expirationMs)?.at(-1);
      const continues =
        last?.producerEpoch === producerEpoch && baseSequence === nextSequence(last.lastSequence);
      const batches = this.producers.get(producerId) ?? [];
      batches.push({
        producerEpoch,
        firstSequence: baseSequence,
        lastSequence: nextSequence(baseSequence, header.lastOffsetDelta),
        firstOffset: baseOffset,
        lastOffset,
        // Not its own: who writes old records would be idle since then, although he writes now.
        timestamp: Math.max(this.time.now, maxTimestamp),
        fresh: !continues,
      });
      while (batches.length > PRODUCER_WINDOW && batches[PRODUCER_WINDOW].lastOffset < stableEnd) {
        batches.shift();
      }
      this.producers.set(producerId, batches);
    }
    this.time.add(lastOffset, maxTimestamp, stableEnd);
  }

  /** The log was cut: forgets what lies at or above `from`. */
  cut(from: Offset): void {
    this.time.cut(from);
    for (const [producerId, batches] of this.producers) {
      while (batches.length > 0 && batches[batches.length - 1].lastOffset >= from) batches.pop();
      if (batches.length === 0) this.producers.delete(producerId);
    }
  }

  /** The state before `offset`, which must not lie below the high watermark to be complete. Leaves out who expired. */
  asOf(offset: Offset, expirationMs: number): ProducerTable {
    const maxTimestamp = this.time.asOf(offset);
    const producers = [];
    for (const [producerId, all] of this.producers) {
      const batches = currentWindow(all.filter((batch) => batch.lastOffset < offset));
      const last = batches.at(-1);
      if (last === undefined || last.timestamp < maxTimestamp - expirationMs) continue;
      producers.push({ producerId, batches });
    }
    return { offset, maxTimestamp, producers };
  }

  /** Gives back the memory of producers that expired for every offset to which a truncation may still lead. */
  forgetExpired(stableEnd: Offset, expirationMs: number): void {
    const horizon = this.time.asOf(stableEnd) - expirationMs;
    for (const [producerId, batches] of this.producers) {
      const last = batches[batches.length - 1];
      if (last.lastOffset < stableEnd && last.timestamp < horizon)
        this.producers.delete(producerId);
    }
  }

  /** The producer's batches unless it expired in log time. */
  private living(producerId: number, expirationMs: number): readonly RememberedBatch[] | undefined {
    const batches = this.producers.get(producerId);
    if (batches === undefined) return undefined;
    return batches[batches.length - 1].timestamp < this.time.now - expirationMs
      ? undefined
      : batches;
  }
}

function findOriginal(
  batches: readonly RememberedBatch[],
  header: BatchHeader,
): RememberedBatch | undefined {
  const lastSequence = nextSequence(header.baseSequence, header.lastOffsetDelta);
  return currentWindow(batches).find(
    (batch) => batch.firstSequence === header.baseSequence && batch.lastSequence === lastSequence,
  );
}

/** The last five batches, none before the newest that made a fresh start. */
function currentWindow(batches: readonly RememberedBatch[]): readonly RememberedBatch[] {
  let first = Math.max(0, batches.length - PRODUCER_WINDOW);
  for (let at = batches.length - 1; at > first; at--) if (batches[at].fresh) first = at;
  return batches.slice(first);
}
