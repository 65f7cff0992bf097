// At rest all replicas hold the same bytes below their high watermarks, without a hole.
import type { HistoryIndex } from './history-index.js';
import type { Lined, PartitionIndex } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

type Replica = Lined<'replica'>;

export function* replicasAreEqual({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    yield* digestsAgree(partition);
    yield* recordsAgree(partition);
    for (const replica of partition.replicas) yield* hasNoHole(partition, replica);
  }
}

/** Of equal ranges. */
function* digestsAgree(partition: PartitionIndex): Iterable<Violation> {
  const first = new Map<string, { readonly digest: string; readonly replica: Replica }>();
  for (const replica of partition.replicas) {
    for (const [from, to, digest] of replica.digests ?? []) {
      const range = `[${from}, ${to})`;
      const known = first.get(range);
      if (known === undefined) first.set(range, { digest, replica });
      else if (known.digest !== digest) {
        const sentence = `brokers ${known.replica.broker} and ${replica.broker} differ in ${range}`;
        const lines = [known.replica.line, replica.line];
        yield violation('unequal-replicas', partition, lines, sentence, from);
      }
    }
  }
}

function* recordsAgree(partition: PartitionIndex): Iterable<Violation> {
  const first = new Map<number, { readonly text: string; readonly replica: Replica }>();
  for (const replica of partition.replicas) {
    for (const [offset, epoch, value] of replica.records ?? []) {
      if (offset >= replica.highWatermark) continue;
      const text = `${value ?? 'a control record'} (epoch ${epoch})`;
      const known = first.get(offset);
      if (known === undefined) first.set(offset, { text, replica });
      else if (known.text !== text) {
        const sentence = `offset ${offset} is ${known.text} on broker ${known.replica.broker}, ${text} on broker ${replica.broker}`;
        const lines = [known.replica.line, replica.line];
        yield violation('unequal-replicas', partition, lines, sentence, offset);
      }
    }
  }
}

function* hasNoHole(partition: PartitionIndex, replica: Replica): Iterable<Violation> {
  const { records, logStart, highWatermark, broker, line } = replica;
  if (records === undefined) return;
  const here = new Set(records.map(([offset]) => offset));
  for (let offset = logStart; offset < highWatermark; offset += 1) {
    if (here.has(offset)) continue;
    const sentence = `broker ${broker} has no offset ${offset} in [${logStart}, ${highWatermark})`;
    yield violation('log-hole', partition, [line], sentence, offset);
    return;
  }
}
