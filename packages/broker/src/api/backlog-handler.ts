// Serves backlogs: how much is unread from a position on, and since when. The time is that of the batch which holds the
// first unread record, from its header: the broker never looks into records. Costs one read through the caches per
// partition, whatever the backlog is.
import { isControlBatch, readBatchHeader, zhumqError } from '@zhumq/model';
import { failureOf } from '@zhumq/rpc';
import type { PartitionBacklog, PartitionPosition } from '@zhumq/rpc';
import type { Partition } from '../partition/partition.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import { ITEMS_PER_TURN, nextTurn } from './turns.js';

interface Unread {
  readonly unreadFrom: number;
  readonly timestamp: number;
}

export class BacklogHandler {
  constructor(private readonly registry: PartitionRegistry) {}

  async backlogs(positions: readonly PartitionPosition[]): Promise<PartitionBacklog[]> {
    if (positions.length > MAX_POSITIONS) {
      const text = `backlogs takes at most ${MAX_POSITIONS} positions, not ${positions.length}`;
      throw zhumqError('INVALID_REQUEST', text);
    }
    const answers: PartitionBacklog[] = [];
    // A few at a time: each may load a block from disk.
    for (let from = 0; from < positions.length; from += AT_A_TIME) {
      if (from > 0 && from % ITEMS_PER_TURN === 0) await nextTurn();
      const some = positions.slice(from, from + AT_A_TIME);
      answers.push(...(await Promise.all(some.map((one) => this.answer(one)))));
    }
    return answers;
  }

  private async answer(position: PartitionPosition): Promise<PartitionBacklog> {
    const { topic, partition: number, offset } = position;
    const about = { topic, partition: number };
    try {
      const partition = this.registry.get(topic, number);
      partition.checkLeads();
      // As a quorum has just confirmed: what was acknowledged before the question is below it.
      const highWatermark = (await partition.replicator.confirmLeadership()) + 1;
      const { logStart } = partition.log;
      const from = Math.max(offset, logStart);
      const unread = await firstUnread(partition, from, highWatermark);
      return { ...about, logStart, highWatermark, ...unread };
    } catch (error) {
      const unknown = { logStart: -1, highWatermark: -1, unreadFrom: -1, timestamp: -1 };
      return { ...about, ...unknown, failure: failureOf(error) };
    }
  }
}

/** Positions in one request. */
const MAX_POSITIONS = 10_000;
const AT_A_TIME = 32;
/** Control batches in a row that are looked over; there are a few after each election, no more. */
const MAX_READS = 16;

/** Goes over the control batches at `from`, which are no messages to anybody. */
async function firstUnread(partition: Partition, from: number, end: number): Promise<Unread> {
  let offset = from;
  for (let reads = 0; offset < end && reads < MAX_READS; reads++) {
    const read = partition.log.read(offset, end, ONE_BATCH);
    const slice = read instanceof Promise ? await read : read;
    if (slice.bytes === 0) break;
    const header = readBatchHeader(slice.buffers[0]);
    const { baseOffset, lastOffset, baseTimestamp } = header;
    if (!isControlBatch(header)) {
      return { unreadFrom: Math.max(offset, baseOffset), timestamp: baseTimestamp };
    }
    offset = lastOffset + 1;
  }
  return { unreadFrom: Math.min(offset, end), timestamp: -1 };
}

/** The least that can be asked for: the batch that holds the offset comes whole. */
const ONE_BATCH = 1;
