// An offset holds one value, for ever; a loss that was reported may free it for a higher epoch (rule 29).
import type { HistoryIndex } from './history-index.js';
import type { PartitionIndex, Place, Send, Written } from './partition-index.js';
import { UNKNOWN } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

export function* offsetsAgree({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    for (const first of partition.placesAt.values())
      if (first.next !== undefined) yield* placesAgree(partition, first);
    for (const written of partition.written.values()) yield* receiptAgrees(partition, written);
  }
}

function* placesAgree(partition: PartitionIndex, first: Place): Iterable<Violation> {
  const places: Place[] = [];
  for (let place: Place | undefined = first; place !== undefined; place = place.next)
    places.push(place);
  places.sort((one, other) => one.epoch - other.epoch || one.line - other.line);
  for (let index = 1; index < places.length; index += 1) {
    const [older, newer] = [places[index - 1], places[index]];
    // It survived the loss, or was sent again and came to the same place.
    if (older.written === newer.written) continue;
    const both = `offset ${older.offset} held ${shown(older)} and ${shown(newer)}`;
    const lines = [older.line, newer.line];
    const loss = partition.losses.of(older);
    if (loss === undefined) {
      yield violation('inconsistent-offset', partition, lines, both, older.offset);
    } else if (newer.epoch !== UNKNOWN && newer.epoch < loss.epoch) {
      const sentence = `${both}; the loss reported in line ${loss.line} frees it from epoch ${loss.epoch} on`;
      yield violation('reused-offset', partition, [...lines, loss.line], sentence, older.offset);
    }
  }
}

function* receiptAgrees(
  partition: PartitionIndex,
  { value, send, places }: Written,
): Iterable<Violation> {
  if (!isPromised(send) || partition.isSendGone(send)) return;
  let there = partition.placesAt.get(send.offset);
  while (there !== undefined && partition.isGone(there)) there = there.next;
  if (there === undefined || places.some(({ offset }) => offset === send.offset)) return;
  const sentence = `${value} was acknowledged at offset ${send.offset}, where ${shown(there)} is read`;
  const lines = [send.line, send.answerLine, there.line];
  yield violation('inconsistent-offset', partition, lines, sentence, send.offset);
}

function isPromised(send: Send | undefined): send is Send {
  return send?.outcome === 'ok' && send.acks === 'all' && send.offset !== UNKNOWN;
}

function shown({ written, epoch }: Place): string {
  return epoch === UNKNOWN ? written.value : `${written.value} (epoch ${epoch})`;
}
