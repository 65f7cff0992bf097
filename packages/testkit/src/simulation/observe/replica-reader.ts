// Reads the logs of all replicas, from inside the brokers, when a run has come to rest.
import type { Partition } from '@zhumq/broker';
import { batchSizeAt, decodeRecords, isControlBatch, readBatchHeader } from '@zhumq/model';
import type { Unstamped } from '../../history/events.js';
import type { Recorder } from '../../history/history.js';
import { valueOf } from '../programs/producer-program.js';
import type { ServerSlot } from '../simulated-cluster.js';
import type { TopicPlan } from '../simulation-options.js';
import type { World } from '../world/world.js';

type StoredRecord = readonly [offset: number, epoch: number, value: string | null];

const READ_BYTES = 1024 * 1024;
const READ_BOUND_MS = 60_000;

/** Returns the first broker that can not read what it has; nothing is recorded then. */
export async function recordReplicas(
  brokers: readonly ServerSlot[],
  topics: readonly TopicPlan[],
  world: World,
  history: Recorder,
): Promise<ServerSlot | undefined> {
  const names = new Set(topics.map(({ topic }) => topic));
  const found: Unstamped[] = [];
  for (const slot of brokers) {
    for (const partition of slot.broker?.partitions ?? []) {
      if (!names.has(partition.name.topic)) continue;
      const records = await readInTime(world, partition);
      if (records === undefined) return slot;
      const { topic, partition: number, generation } = partition.name;
      const { highWatermark, log, replicator } = partition;
      found.push({
        ...{ kind: 'replica', topic, partition: number, broker: slot.id, mode: replicator.mode },
        ...{ generation, logStart: log.logStart, highWatermark, records },
      });
    }
  }
  for (const event of found) history.record(event);
  return undefined;
}

/** Cold reads take the time of the device. */
async function readInTime(
  { scheduler, logs }: World,
  partition: Partition,
): Promise<StoredRecord[] | undefined> {
  let records: StoredRecord[] | undefined;
  let isOver = false;
  readAll(partition).then(
    (all) => {
      records = all;
      isOver = true;
    },
    (error: unknown) => {
      const { topic, partition: number } = partition.name;
      logs.fault(`${topic}-${number}`, `can not be read: ${(error as Error).message}`);
      isOver = true;
    },
  );
  await scheduler.runUntil(scheduler.nowMs + READ_BOUND_MS, () => isOver);
  return records;
}

async function readAll({ log, highWatermark }: Partition): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (let offset = log.logStart; offset < highWatermark;) {
    const { buffers, endOffset } = await log.read(offset, highWatermark, READ_BYTES);
    addRecords(records, Buffer.concat(buffers));
    if (endOffset <= offset) throw new Error(`${offset} can not be read`);
    offset = endOffset;
  }
  return records;
}

function addRecords(records: StoredRecord[], batches: Buffer): void {
  for (let at = 0; at < batches.length;) {
    const bytes = batchSizeAt(batches, at);
    if (bytes === undefined) throw new Error('a batch is cut off');
    const batch = batches.subarray(at, at + bytes);
    const header = readBatchHeader(batch);
    if (isControlBatch(header)) {
      for (let offset = header.baseOffset; offset <= header.lastOffset; offset++)
        records.push([offset, header.epoch, null]);
    } else {
      for (const { offset, value } of decodeRecords(batch, { maxDecompressedBytes: READ_BYTES }))
        records.push([offset, header.epoch, valueOf(value)]);
    }
    at += bytes;
  }
}
