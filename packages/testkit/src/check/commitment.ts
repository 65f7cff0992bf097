// What is given to consumers, or acknowledged to acks all, is committed; what is committed stays so.
import type { HistoryIndex } from './history-index.js';
import type { Lined, PartitionIndex } from './partition-index.js';
import { violation } from './violation.js';
import type { Violation } from './violation.js';

export function* onlyCommittedLeaves({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    for (const { what, offset, value, highWatermark, line } of partition.early) {
      const sentence = `${value} was ${what === 'read' ? 'given to a consumer' : 'acknowledged'} at offset ${offset}; the high watermark was ${highWatermark}`;
      const anomaly = what === 'read' ? 'uncommitted-read' : 'uncommitted-ack';
      yield violation(anomaly, partition, [line], sentence, offset);
    }
  }
}

export function* highWatermarksRise({ partitions }: HistoryIndex): Iterable<Violation> {
  for (const partition of partitions.values()) {
    yield* replicasRise(partition);
    yield* leadersRise(partition);
    for (const { consumer, from, to, lines } of partition.consumerFalls) {
      if (partition.losses.frees(from)) continue;
      const sentence = `${consumer} was told the high watermark ${to} after ${from}`;
      yield violation('high-watermark-fell', partition, lines, sentence, to);
    }
  }
}

/** Within one start of a broker. */
function* replicasRise(partition: PartitionIndex): Iterable<Violation> {
  const tops = new Map<string, Top>();
  for (const seen of partition.watermarks) {
    if (seen.incarnation === undefined) continue;
    const life = `${seen.broker}/${seen.incarnation}`;
    let top = tops.get(life);
    if (top === undefined) tops.set(life, (top = new Top()));
    yield* top.compare(partition, seen, `broker ${seen.broker}`);
  }
}

/** From leader to leader; one that is deposed and does not know it may lag behind. */
function* leadersRise(partition: PartitionIndex): Iterable<Violation> {
  const top = new Top();
  for (const seen of partition.watermarks)
    if (seen.role === 'leader')
      yield* top.compare(partition, seen, `broker ${seen.broker}, leader of epoch ${seen.epoch},`);
}

class Top {
  /** Each higher than the one before. */
  private readonly tops: Lined<'watermark'>[] = [];

  *compare(partition: PartitionIndex, seen: Lined<'watermark'>, who: string): Iterable<Violation> {
    const before = this.highestBefore(seen);
    if (before !== undefined && seen.highWatermark < before.highWatermark) {
      if (partition.losses.frees(before.highWatermark, seen.epoch)) this.tops.length = 0;
      else {
        const sentence = `${who} has the high watermark ${seen.highWatermark}; broker ${before.broker} had ${before.highWatermark} before`;
        const lines = [before.line, seen.line];
        yield violation('high-watermark-fell', partition, lines, sentence, seen.highWatermark);
      }
    }
    const highest = this.tops.at(-1);
    if (highest === undefined || highest.highWatermark < seen.highWatermark) this.tops.push(seen);
  }

  /** Told before this one was asked for, by nobody who is newer. */
  private highestBefore({ epoch, invokedAt }: Lined<'watermark'>): Lined<'watermark'> | undefined {
    return this.tops.findLast(
      (top) => top.epoch <= epoch && (invokedAt === undefined || top.at < invokedAt),
    );
  }
}
