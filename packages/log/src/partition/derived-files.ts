// What can be made again from the batches but is kept so that a restart need not read them all: the epoch list
// (`leader-epoch-checkpoint`) and the producers as of the high watermark (`<offset>.producers`). Written at checkpoints
// only (rule 25). Each file is
//
//   0 u32  CRC-32C of what follows
//   4      EpochList or ProducerSnapshot of state.proto
import { join } from 'node:path';
import { epochListCodec, isError, producerSnapshotCodec } from '@zhumq/model';
import type { FileSystem } from '../file-system/file-system.js';
import { readSealedFile, replaceSmallFile, sealContent } from '../file-system/small-file.js';
import type { EpochStart, Offset } from '../types.js';
import { EpochList } from './epoch-list.js';
import { EPOCH_FILE, listOffsets, segmentFile } from './file-names.js';
import type { ProducerTable } from './producer-state.js';

export function writeEpochs(
  fileSystem: FileSystem,
  directory: string,
  epochs: readonly EpochStart[],
): Promise<void> {
  const body = epochListCodec.encode({ epochs });
  return replaceSmallFile(fileSystem, join(directory, EPOCH_FILE), sealContent(body));
}

/** undefined: missing, damaged or out of order. */
export function readEpochs(
  fileSystem: FileSystem,
  directory: string,
): readonly EpochStart[] | undefined {
  return readSealed(fileSystem, join(directory, EPOCH_FILE), (body) => {
    const { epochs } = epochListCodec.decode(body);
    return EpochList.isOrdered(epochs) ? epochs : undefined;
  });
}

export function encodeProducers(table: ProducerTable): Buffer {
  return producerSnapshotCodec.encode({
    offset: table.offset,
    maxTimestamp: table.maxTimestamp,
    producers: table.producers.map(({ producerId, batches }) => ({
      producerId,
      producerEpoch: batches[batches.length - 1].producerEpoch,
      batches,
    })),
  });
}

/** Throws DATA_CORRUPT. */
export function decodeProducers(bytes: Buffer): ProducerTable {
  const { offset, maxTimestamp, producers } = producerSnapshotCodec.decode(bytes);
  return {
    offset,
    maxTimestamp,
    producers: producers
      .filter(({ batches }) => batches.length > 0)
      .map(({ producerId, producerEpoch, batches }) => ({
        producerId,
        batches: batches.map((batch, at) => ({ ...batch, producerEpoch, fresh: at === 0 })),
      })),
  };
}

export function writeProducers(
  fileSystem: FileSystem,
  directory: string,
  table: ProducerTable,
): Promise<void> {
  const path = segmentFile(directory, table.offset, '.producers');
  return replaceSmallFile(fileSystem, path, sealContent(encodeProducers(table)));
}

/** undefined: missing or damaged. */
export function readProducers(
  fileSystem: FileSystem,
  directory: string,
  offset: Offset,
): ProducerTable | undefined {
  return readSealed(fileSystem, segmentFile(directory, offset, '.producers'), (body) => {
    const table = decodeProducers(body);
    return table.offset === offset ? table : undefined;
  });
}

/** Removes all snapshots but the newest two: if the newest is damaged, the one before it is read. */
export function dropOldProducers(fileSystem: FileSystem, directory: string): void {
  const kept = listOffsets(fileSystem, directory, '.producers').slice(-2);
  dropProducers(fileSystem, directory, (offset) => !kept.includes(offset));
}

export function dropProducers(
  fileSystem: FileSystem,
  directory: string,
  isDropped: (offset: Offset) => boolean,
): void {
  for (const offset of listOffsets(fileSystem, directory, '.producers').filter(isDropped)) {
    fileSystem.unlinkSync(segmentFile(directory, offset, '.producers'));
  }
}

function readSealed<T>(
  fileSystem: FileSystem,
  path: string,
  decode: (body: Buffer) => T | undefined,
): T | undefined {
  try {
    const body = readSealedFile(fileSystem, path);
    return body === undefined ? undefined : decode(body);
  } catch (error) {
    if (isError(error, 'DATA_CORRUPT')) return undefined;
    throw error;
  }
}
