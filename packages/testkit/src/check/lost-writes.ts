// What was acknowledged to acks all, and what anybody read, is there at the end.
import type { HistoryIndex } from './history-index.js';
import type { PartitionIndex, Place, Written } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

export function* nothingLost({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    for (const written of partition.written.values()) {
      yield* acknowledgedIsRead(partition, written);
      for (const place of written.places) yield* isReadFinally(partition, place);
    }
  }
}

function* acknowledgedIsRead(
  partition: PartitionIndex,
  { value, send, places }: Written,
): Iterable<Violation> {
  if (send?.outcome !== 'ok' || send.acks !== 'all' || places.length > 0) return;
  if (send.offset < partition.logStart || partition.isSendGone(send)) return;
  const isLost = send.offset <= partition.lastRead;
  const sentence = `${value} was acknowledged at offset ${send.offset} and never read; reads went to ${partition.lastRead}`;
  const lines = [send.line, send.answerLine];
  yield violation(isLost ? 'lost-write' : 'unseen', partition, lines, sentence, send.offset);
}

/** Whoever reads everything at the end reads this, too. */
function* isReadFinally(partition: PartitionIndex, place: Place): Iterable<Violation> {
  const { finalLine, logStart } = partition;
  if (place.line > finalLine || place.finalLine === finalLine) return;
  if (place.offset < logStart || partition.isGone(place)) return;
  const sentence = `${place.written.value} was read at offset ${place.offset}, and is not there in the end`;
  const lines = [place.line, finalLine];
  yield violation('lost-write', partition, lines, sentence, place.offset);
}
