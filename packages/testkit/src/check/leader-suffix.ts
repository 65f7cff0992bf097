// Acks leader: what a deposed leader alone had may be lost, and that is always the end of what it had in its epoch.
import type { HistoryIndex } from './history-index.js';
import type { Lined, PartitionIndex, Send, Written } from './partition-index.js';
import { UNKNOWN } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

type Faults = HistoryIndex['faults'];

export function* leadersLoseEnds({ partitions, faults }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    let kept: KeptEnds | undefined;
    for (const { value, send, places } of partition.written.values()) {
      if (send?.outcome !== 'ok' || send.acks !== 'leader' || places.length > 0) continue;
      if (send.offset < partition.logStart || partition.isSendGone(send)) continue;
      kept ??= new KeptEnds(partition);
      const why = reasonAgainst(partition, send, faults) ?? kept.behind(send);
      if (why === undefined) continue;
      const sentence = `${value} was acknowledged by its leader at offset ${send.offset} and never read; ${why.text}`;
      const lines = [send.line, send.answerLine, ...why.lines];
      yield violation('lost-leader-write', partition, lines, sentence, send.offset);
    }
  }
}

interface Reason {
  readonly text: string;
  readonly lines: readonly number[];
}

/** Nobody took over who may have lacked it. */
function reasonAgainst(
  { leaders }: PartitionIndex,
  send: Send,
  faults: Faults,
): Reason | undefined {
  if (leaders.length > 0 && send.epoch !== UNKNOWN) {
    const own = leaders.find(({ epoch }) => epoch === send.epoch);
    const isDeposed = leaders.some((later) => mayLack(later, own, send));
    const text = `no later leader began its epoch at or before it`;
    return isDeposed ? undefined : { text, lines: own === undefined ? [] : [own.line] };
  }
  // Who does not know the epoch can not tell when its leader went.
  const isDisturbed = leaders.length > 1 || faults.length > 0;
  return isDisturbed ? undefined : { text: 'its leader was left alone', lines: [] };
}

function mayLack(
  later: Lined<'leader'>,
  own: Lined<'leader'> | undefined,
  { epoch, offset }: Send,
): boolean {
  if (later.epoch <= epoch) return false;
  if (later.startOffset !== undefined) return later.startOffset <= offset;
  return own === undefined || later.broker !== own.broker || later.incarnation !== own.incarnation;
}

/** How far what is there goes in each epoch. */
class KeptEnds {
  private readonly ends = new Map<number, { offset: number; value: string; line: number }>();

  constructor(partition: PartitionIndex) {
    for (const written of partition.written.values()) {
      const place = partition.placeOf(written);
      if (place === undefined) continue;
      const epoch = epochOf(written, place.epoch);
      const known = this.ends.get(epoch);
      if (epoch !== UNKNOWN && (known === undefined || known.offset < place.offset))
        this.ends.set(epoch, { offset: place.offset, value: written.value, line: place.line });
    }
  }

  behind({ epoch, offset }: Send): Reason | undefined {
    const end = this.ends.get(epoch);
    if (end === undefined || end.offset <= offset) return undefined;
    const text = `${end.value} of the same epoch ${epoch} is there, at offset ${end.offset}`;
    return { text, lines: [end.line] };
  }
}

function epochOf({ send }: Written, placed: number): number {
  return placed === UNKNOWN && send?.outcome === 'ok' ? send.epoch : placed;
}
