// The records that a member was given and has not acknowledged: what they are called and how many they are, not what is
// in them. Kept by partition, because they go together when the partition is lost.
import type { Handling } from '@zhumq/client';
import type { RecordId } from '@zhumq/rpc';

export interface Outstanding {
  readonly id: RecordId;
  readonly bytes: number;
  readonly handling: Handling;
}

interface OfPartition {
  readonly byOffset: Map<number, Outstanding>;
  /** Behind the last record that was given: what is before it and not here was acknowledged. */
  end: number;
}

export class Unacknowledged {
  count = 0;
  bytes = 0;
  private readonly partitions = new Map<string, OfPartition>();

  add(outstanding: Outstanding): void {
    const { id, bytes } = outstanding;
    const name = nameOf(id);
    let partition = this.partitions.get(name);
    if (partition === undefined) {
      partition = { byOffset: new Map(), end: 0 };
      this.partitions.set(name, partition);
    }
    const before = partition.byOffset.get(id.offset);
    if (before !== undefined) this.remove(before);
    partition.byOffset.set(id.offset, outstanding);
    partition.end = Math.max(partition.end, id.offset + 1);
    this.count++;
    this.bytes += bytes;
  }

  find(id: RecordId): Outstanding | undefined {
    return this.partitions.get(nameOf(id))?.byOffset.get(id.offset);
  }

  /** Whether the member has the partition still and is through with the record. */
  isAcknowledged(id: RecordId): boolean {
    const partition = this.partitions.get(nameOf(id));
    return (
      partition !== undefined && id.offset < partition.end && !partition.byOffset.has(id.offset)
    );
  }

  remove({ id, bytes }: Outstanding): void {
    if (this.partitions.get(nameOf(id))?.byOffset.delete(id.offset) !== true) return;
    this.count--;
    this.bytes -= bytes;
  }

  /** The partition is not this member's any more. */
  forget(topic: string, partition: number): void {
    const name = nameOf({ topic, partition });
    for (const { bytes } of this.partitions.get(name)?.byOffset.values() ?? []) {
      this.count--;
      this.bytes -= bytes;
    }
    this.partitions.delete(name);
  }

  *all(): Iterable<Outstanding> {
    for (const { byOffset } of this.partitions.values()) yield* byOffset.values();
  }
}

function nameOf({ topic, partition }: Pick<RecordId, 'topic' | 'partition'>): string {
  return `${topic}-${partition}`;
}
