// How long each partition acknowledged nothing.
import { monotonicUs } from '../payload.js';
import type { PartitionGap } from './jobs.js';

export class AckGaps {
  private readonly lastUs = new Map<number, number>();
  private readonly longestUs = new Map<number, number>();
  private sinceUs: number;

  constructor(private readonly nowUs: () => number = monotonicUs) {
    this.sinceUs = nowUs();
  }

  acknowledged(partition: number): void {
    const now = this.nowUs();
    this.longestUs.set(partition, this.longest(partition, now));
    this.lastUs.set(partition, now);
  }

  /** Of partitions that ever acknowledged. */
  get gaps(): PartitionGap[] {
    const now = this.nowUs();
    return [...this.lastUs].map(([partition, lastAckUs]) => ({
      ...{ partition, lastAckUs },
      longestMs: this.longest(partition, now) / 1e3,
    }));
  }

  /** Forgets the gaps until now; one that lasts counts from now on. */
  begin(): void {
    this.longestUs.clear();
    this.sinceUs = this.nowUs();
  }

  /** Also with the gap that ends now. */
  private longest(partition: number, now: number): number {
    const from = Math.max(this.lastUs.get(partition) ?? this.sinceUs, this.sinceUs);
    return Math.max(this.longestUs.get(partition) ?? 0, now - from);
  }
}

/** As several processes saw them: the longest, and the last acknowledgement of all. */
export function mergeGaps(all: readonly (readonly PartitionGap[])[]): PartitionGap[] {
  const merged = new Map<number, PartitionGap>();
  for (const { partition, longestMs, lastAckUs } of all.flat()) {
    const before = merged.get(partition);
    merged.set(partition, {
      partition,
      longestMs: Math.max(longestMs, before?.longestMs ?? 0),
      lastAckUs: Math.max(lastAckUs, before?.lastAckUs ?? 0),
    });
  }
  return [...merged.values()].sort((one, other) => one.partition - other.partition);
}
