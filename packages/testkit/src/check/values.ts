// A value that was sent is there once or not at all; nothing else is there.
import type { HistoryIndex } from './history-index.js';
import type { PartitionIndex, Written } from './partition-index.js';
import { UNKNOWN } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

export function* nothingTwice({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    for (const written of partition.written.values()) {
      if (written.send?.idempotent === false) continue;
      const seen = offsetsOf(partition, written);
      if (seen.size < 2) continue;
      const offsets = [...seen.keys()].sort((one, other) => one - other);
      const sentence = `${written.value} is at offsets ${offsets.join(' and ')}`;
      yield violation('duplicate', partition, [...seen.values()], sentence, offsets[1]);
    }
  }
}

/** With the line that tells so. */
function offsetsOf(partition: PartitionIndex, { send, places }: Written): Map<number, number> {
  const seen = new Map<number, number>();
  for (const place of places)
    if (!seen.has(place.offset) && !partition.isGone(place)) seen.set(place.offset, place.line);
  if (send?.outcome === 'ok' && send.offset !== UNKNOWN && !seen.has(send.offset))
    if (!partition.isSendGone(send)) seen.set(send.offset, send.answerLine);
  return seen;
}

export function* onlyWhatWasSent({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    for (const { value, send, places } of partition.written.values()) {
      const [place] = places;
      if (place === undefined) continue;
      if (send === undefined) {
        const sentence = `${value}, read at offset ${place.offset}, was never sent`;
        yield violation('unsent-read', partition, [place.line], sentence, place.offset);
      } else if (send.outcome === 'fail') {
        const sentence = `${value} was refused, and is there at offset ${place.offset}`;
        const lines = [send.line, send.answerLine, place.line];
        yield violation('aborted-read', partition, lines, sentence, place.offset);
      }
    }
  }
}
