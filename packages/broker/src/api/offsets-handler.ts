// Serves listOffsets: earliest, latest, or the first record not older than a time. Latest is the high watermark of a
// leader whose leadership a quorum has just confirmed, so that what was acknowledged before the question is below it.
import { failureOf } from '@zhumq/rpc';
import type { PartitionOffset, PartitionTimestamp } from '@zhumq/rpc';
import { zhumqError } from '@zhumq/model';
import type { Partition } from '../partition/partition.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import { ITEMS_PER_TURN, nextTurn } from './turns.js';

const LATEST = -1;
const EARLIEST = -2;
const MAX_ITEMS = 10_000;

export class OffsetsHandler {
  constructor(private readonly registry: PartitionRegistry) {}

  async listOffsets(items: readonly PartitionTimestamp[]): Promise<PartitionOffset[]> {
    if (items.length > MAX_ITEMS) {
      const text = `listOffsets takes at most ${MAX_ITEMS} partitions, not ${items.length}`;
      throw zhumqError('INVALID_REQUEST', text);
    }
    const answers: Promise<PartitionOffset>[] = [];
    for (const item of items) {
      answers.push(this.answer(item));
      if (answers.length % ITEMS_PER_TURN === 0) await nextTurn();
    }
    return Promise.all(answers);
  }

  private async answer(item: PartitionTimestamp): Promise<PartitionOffset> {
    const { topic, partition: number } = item;
    try {
      const partition = this.registry.get(topic, number);
      partition.checkLeads();
      return { topic, partition: number, ...(await this.find(partition, item.timestamp)) };
    } catch (error) {
      return {
        topic,
        partition: number,
        failure: failureOf(error),
        offset: -1,
        timestamp: -1,
        epoch: -1,
      };
    }
  }

  private async find(
    partition: Partition,
    timestamp: number,
  ): Promise<{ offset: number; timestamp: number; epoch: number }> {
    if (timestamp === EARLIEST) return { offset: partition.log.logStart, timestamp: -1, epoch: -1 };
    const end = (await partition.replicator.confirmLeadership()) + 1;
    if (timestamp === LATEST) {
      return { offset: end, timestamp: -1, epoch: partition.log.epochAt(end - 1) ?? -1 };
    }
    if (timestamp < 0)
      throw zhumqError(
        'INVALID_REQUEST',
        `timestamp ${timestamp} is neither a time nor -1 (latest) nor -2 (earliest)`,
      );
    const found = await partition.log.offsetForTime(timestamp, end);
    return found ?? { offset: end, timestamp: -1, epoch: -1 };
  }
}
