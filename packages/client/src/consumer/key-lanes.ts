// Order 'key': one lane for each key of a partition; what is first in its lane may run, the rest waits its turn. Other keys
// go on meanwhile, so messages are taken ahead of those that wait: so many, and so many bytes, and no more.
import type { PartitionReader } from './partition-reader.js';
import type { SourceItem } from './record-source.js';

const MAX_WAITING = 1000;
const MAX_WAITING_BYTES = 1024 * 1024;

/** A message that was handed out, with what says whether it was handled. */
export interface Taken {
  readonly item: SourceItem;
  readonly done: (handled: boolean) => void;
}

export class KeyLanes {
  /** By partition and key; the first one of each runs. */
  private readonly lanes = new Map<PartitionReader, Map<string, Taken[]>>();
  private waiting = 0;
  private waitingBytes = 0;

  /** Whether another message may be taken although it might have to wait. */
  get hasRoom(): boolean {
    return this.waiting < MAX_WAITING && this.waitingBytes < MAX_WAITING_BYTES;
  }

  /** True when it may run now; else leave() of the one before it gives it later. Messages without a key wait for nobody. */
  enter(taken: Taken): boolean {
    const { reader, record } = taken.item;
    if (record.key === null) return true;
    let ofPartition = this.lanes.get(reader);
    if (ofPartition === undefined) this.lanes.set(reader, (ofPartition = new Map()));
    const key = record.key.toString('latin1');
    const lane = ofPartition.get(key);
    if (lane === undefined) {
      ofPartition.set(key, [taken]);
      return true;
    }
    lane.push(taken);
    this.count(taken, 1);
    return false;
  }

  /** The message is through; gives the next one of its lane. */
  leave({ item: { reader, record } }: Taken): Taken | undefined {
    const ofPartition = this.lanes.get(reader);
    if (ofPartition === undefined || record.key === null) return undefined;
    const key = record.key.toString('latin1');
    const lane = ofPartition.get(key);
    lane?.shift();
    const next = lane?.at(0);
    if (next !== undefined) this.count(next, -1);
    else {
      ofPartition.delete(key);
      if (ofPartition.size === 0) this.lanes.delete(reader);
    }
    return next;
  }

  /** Takes out what waits, of the partitions that are given up or of all; they are not handled. */
  drop(which: (reader: PartitionReader) => boolean): void {
    for (const [reader, ofPartition] of this.lanes) {
      if (!which(reader)) continue;
      for (const lane of ofPartition.values()) {
        for (const taken of lane.splice(1)) {
          this.count(taken, -1);
          taken.done(false);
        }
      }
    }
  }

  private count({ item: { record } }: Taken, by: 1 | -1): void {
    this.waiting += by;
    this.waitingBytes += by * ((record.value?.length ?? 0) + (record.key?.length ?? 0));
  }
}
