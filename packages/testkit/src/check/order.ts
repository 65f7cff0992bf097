// Order within a partition: that of each producer's sends, and that in which each consumer is given records, with no hole.
import type { HistoryIndex } from './history-index.js';
import type { PartitionIndex, Place, PollStep, Written } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

export function* sendsKeepOrder({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values())
    for (const [producer, sends] of partition.sends)
      yield* producerKeepsOrder(partition, producer, sends);
}

function* producerKeepsOrder(
  partition: PartitionIndex,
  producer: string,
  sends: readonly Written[],
): Iterable<Violation> {
  let before: { readonly written: Written; readonly offset: number } | undefined;
  for (const written of sends) {
    if (written.send?.idempotent === false) continue;
    const offset = offsetOf(partition, written);
    if (offset === undefined) continue;
    if (before !== undefined && offset <= before.offset) {
      const sentence = `${producer} sent ${before.written.value} before ${written.value}; they are at offsets ${before.offset} and ${offset}`;
      const lines = [before.written.send?.line ?? 0, written.send?.line ?? 0];
      yield violation('nonmonotonic-send', partition, lines, sentence, offset);
    }
    before = { written, offset };
  }
}

/** What only its leader acknowledged, and nobody read, has no place. */
function offsetOf(partition: PartitionIndex, written: Written): number | undefined {
  const place = partition.placeOf(written);
  if (place !== undefined) return place.offset;
  const { send } = written;
  const isPromised = send?.outcome === 'ok' && send.acks === 'all' && send.offset >= 0;
  return isPromised && !partition.isSendGone(send) ? send.offset : undefined;
}

export function* readsKeepOrder({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    for (const step of partition.steps) {
      const { consumer, from, to, isWithinPoll, fromLine, line } = step;
      if (to <= from) {
        const anomaly = isWithinPoll ? 'int-nonmonotonic-poll' : 'nonmonotonic-poll';
        const sentence = `${consumer} was given offset ${to} after ${from}`;
        yield violation(anomaly, partition, [fromLine, line], sentence, to);
        continue;
      }
      const skipped = firstSkipped(partition, step);
      if (skipped === undefined) continue;
      const sentence = `${consumer} was given offset ${to} right after ${from}; ${skipped.written.value} is at ${skipped.offset}`;
      const anomaly = isWithinPoll ? 'int-poll-skip' : 'poll-skip';
      const lines = [fromLine, line, skipped.line];
      yield violation(anomaly, partition, lines, sentence, skipped.offset);
    }
  }
}

function firstSkipped(partition: PartitionIndex, { from, to, since }: PollStep): Place | undefined {
  const offsets = partition.readOffsets();
  for (let at = firstAbove(offsets, from); at < offsets.length && offsets[at] < to; at += 1) {
    if (offsets[at] < partition.logStart) continue;
    for (let place = partition.placesAt.get(offsets[at]); place !== undefined; place = place.next)
      if (!partition.isGone(place) && !partition.losses.since(place.offset, since)) return place;
  }
  return undefined;
}

/** Index of the first one above `offset`. */
function firstAbove(offsets: readonly number[], offset: number): number {
  let low = 0;
  for (let high = offsets.length; low < high;) {
    const middle = (low + high) >> 1;
    if (offsets[middle] <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
