// Where the messages of one topic go: the partition that was asked for, that of the key, or for a batch's length the same
// one; and how large they may be.
import { ZhumqError } from '@zhumq/base';
import type { Random } from '@zhumq/base';
import { BATCH_HEADER_BYTES, keyHash, singleBatchBytes, zhumqError } from '@zhumq/model';
import type { TopicView } from '../cluster/topic-view.js';
import type { OutgoingRecord } from './outgoing-record.js';
import type { PartitionQueue } from './partition-queue.js';
import type { PendingSend } from './pending-send.js';

/** More than a record adds to its key, value and headers (varints; the cost has 100 bytes on top already). */
const SLACK_BYTES = BATCH_HEADER_BYTES + 64;

export class TopicWriter {
  private readonly queues: PartitionQueue[] = [];
  private sticky: number;

  constructor(
    private view: TopicView,
    private readonly options: {
      readonly batchBytes: number;
      readonly compressed: boolean;
      readonly random: Random;
      readonly queue: (topic: string, partition: number) => PartitionQueue;
      readonly wake: (queue: PartitionQueue) => void;
    },
  ) {
    this.sticky = options.random.below(Math.max(1, view.partitions.length));
  }

  update(view: TopicView): void {
    this.view = view;
  }

  /** Throws UNKNOWN_PARTITION, MESSAGE_TOO_LARGE and INVALID_REQUEST (timestamp); nothing was enqueued then. */
  append(record: OutgoingRecord, send: PendingSend, slot: number, nowMs: number): void {
    const { maxMessageBytes } = this.view;
    if (record.costBytes + SLACK_BYTES > maxMessageBytes) this.checkSize(record, maxMessageBytes);
    const queue = this.queueFor(record);
    const limit = Math.min(this.options.batchBytes, maxMessageBytes);
    if (queue.append(record, send, slot, limit, nowMs)) this.options.wake(queue);
  }

  private queueFor(record: OutgoingRecord): PartitionQueue {
    const count = this.view.partitions.length;
    if (record.partition !== undefined) {
      if (Number.isInteger(record.partition) && record.partition >= 0 && record.partition < count) {
        return this.queue(record.partition);
      }
      throw noSuchPartition(this.view.name, record.partition, count);
    }
    if (record.key !== null) return this.queue(keyHash(record.key) % count);
    return this.stickyQueue(count);
  }

  /** Another partition for each batch, and one that works where there is any. */
  private stickyQueue(count: number): PartitionQueue {
    const present = this.queues[this.sticky] as PartitionQueue | undefined;
    if (present?.hasDraft && present.healthy && this.sticky < count) return present;
    let next = this.sticky;
    for (let step = 1; step <= count; step++) {
      next = (this.sticky + step) % count;
      if (this.view.partitions[next].leader >= 0 && this.queue(next).healthy) break;
    }
    this.sticky = next % count;
    return this.queue(this.sticky);
  }

  private queue(partition: number): PartitionQueue {
    return (this.queues[partition] ??= this.options.queue(this.view.name, partition));
  }

  /** What is compressed may become small enough; the broker will tell. */
  private checkSize(record: OutgoingRecord, limit: number): void {
    if (this.options.compressed) return;
    const bytes = singleBatchBytes(record);
    if (bytes <= limit) return;
    const { name } = this.view;
    throw zhumqError(
      'MESSAGE_TOO_LARGE',
      `a message for topic ${name} has ${bytes} bytes; max.message.bytes of the topic is ${limit}`,
      { topic: name, bytes, limit },
    );
  }
}

function noSuchPartition(topic: string, partition: number, count: number): ZhumqError {
  const { kind } = zhumqError('UNKNOWN_PARTITION', '');
  return new ZhumqError(
    { ...kind, retriable: false },
    `topic ${topic} has no partition ${partition}; it has ${count}, from 0`,
    { topic, partition, partitions: count },
  );
}
