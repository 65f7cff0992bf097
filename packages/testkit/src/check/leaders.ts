// An epoch has one leader, which alone gives its offsets away; epochs never fall along the log.
import type { HistoryIndex } from './history-index.js';
import type { PartitionIndex, Place } from './partition-index.js';
import { UNKNOWN } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

export function* epochsHaveOneLeader({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    yield* leadersAreOne(partition);
    yield* entriesAreWrittenOnce(partition);
    yield* epochsRise(partition);
  }
}

interface Leader {
  readonly broker: number;
  readonly incarnation?: number | undefined;
  readonly line: number;
}

function* leadersAreOne(partition: PartitionIndex): Iterable<Violation> {
  const leaders = new Map<number, Leader>();
  const tellers: (Leader & { readonly epoch: number })[] = [...partition.leaders];
  for (const { send } of partition.written.values())
    if (send?.outcome === 'ok' && send.epoch !== UNKNOWN && send.broker !== UNKNOWN) {
      const { broker, epoch, answerLine: line } = send;
      tellers.push({ broker, epoch, line, incarnation: undefined });
    }
  for (const { broker, incarnation, epoch, line } of tellers) {
    const known = leaders.get(epoch);
    if (known === undefined) {
      leaders.set(epoch, { broker, incarnation, line });
    } else if (known.broker !== broker || !isSameLife(known.incarnation, incarnation)) {
      const sentence = `epoch ${epoch} had two leaders: ${shown(known)} and ${shown({ broker, incarnation, line })}`;
      yield violation('two-leaders', partition, [known.line, line], sentence);
    }
  }
}

/** An epoch belongs to one start of one broker (rule 3). */
function isSameLife(one: number | undefined, other: number | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

function shown({ broker, incarnation }: Leader): string {
  return incarnation === undefined ? `broker ${broker}` : `broker ${broker} (start ${incarnation})`;
}

function* entriesAreWrittenOnce(partition: PartitionIndex): Iterable<Violation> {
  for (const [first, second] of partition.rewrites) {
    const sentence = `epoch ${first.epoch} has two batches at offset ${first.offset}: on broker ${first.broker} and on broker ${second.broker}`;
    const lines = [first.line, second.line];
    yield violation('rewritten-entry', partition, lines, sentence, first.offset);
  }
}

function* epochsRise(partition: PartitionIndex): Iterable<Violation> {
  let before: Place | undefined;
  for (const offset of partition.readOffsets()) {
    for (let place = partition.placesAt.get(offset); place !== undefined; place = place.next) {
      if (place.epoch === UNKNOWN || partition.isGone(place)) continue;
      if (before !== undefined && place.offset > before.offset && place.epoch < before.epoch) {
        const sentence = `offset ${place.offset} is of epoch ${place.epoch}, offset ${before.offset} before it of epoch ${before.epoch}`;
        const lines = [before.line, place.line];
        yield violation('epoch-fell', partition, lines, sentence, place.offset);
      }
      before = place;
    }
  }
}
