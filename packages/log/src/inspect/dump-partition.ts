// `zhumq log dump`: one value per batch of a partition's folder, in order; the records only when asked for.
import { codecOf, decodeRecordsElsewhere, isControlBatch, parseControlBatch } from '@zhumq/model';
import type { BatchHeader, ControlRecord, DecodedRecord } from '@zhumq/model';
import type { FileSystem } from '../file-system/file-system.js';
import { scanBatches } from '../partition/batch-scan.js';
import { listOffsets, segmentFile } from '../partition/file-names.js';
import type { Offset } from '../types.js';
import { unreadable } from './unreadable.js';

/** Most bytes that one batch may unpack to. */
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;

export interface DumpedBatch {
  readonly kind: 'batch';
  readonly file: string;
  readonly position: number;
  readonly header: BatchHeader;
  readonly codec: string;
  /** What a control batch says. */
  readonly control: ControlRecord | undefined;
  /** undefined unless asked for, and for control batches. */
  readonly records: readonly DecodedRecord[] | undefined;
}

/** Where a segment can not be read on; the next segment follows. */
export interface DumpedFault {
  readonly kind: 'fault';
  readonly file: string;
  readonly position: number;
  readonly offset: Offset;
  readonly reason: string;
}

export interface DumpOptions {
  readonly records?: boolean;
  /** Begins with the segment that holds it, at the batch that does. */
  readonly fromOffset?: Offset;
}

/** Throws DISK_FAILED when files can not be read at all. */
export async function* dumpPartition(
  directory: string,
  fileSystem: FileSystem,
  options: DumpOptions = {},
): AsyncGenerator<DumpedBatch | DumpedFault> {
  try {
    yield* dump(directory, fileSystem, options);
  } catch (error) {
    throw unreadable(directory, error);
  }
}

async function* dump(
  directory: string,
  fileSystem: FileSystem,
  options: DumpOptions,
): AsyncGenerator<DumpedBatch | DumpedFault> {
  const { fromOffset = 0, records = false } = options;
  const bases = listOffsets(fileSystem, directory, '.log');
  for (const [at, base] of bases.entries()) {
    const next = bases.at(at + 1);
    if (next !== undefined && next <= fromOffset) continue;
    const path = segmentFile(directory, base, '.log');
    const file = fileSystem.openSync(path, 'read');
    try {
      const batches = scanBatches(file, { position: 0, end: file.sizeSync(), verify: true });
      let step = batches.next();
      for (; step.done !== true; step = batches.next()) {
        const { header, position, piece, start } = step.value;
        if (header.lastOffset < fromOffset) continue;
        const bytes = piece.subarray(start, start + header.sizeBytes);
        yield {
          kind: 'batch',
          file: path,
          position,
          header,
          ...(await contentOf(bytes, header, records)),
        };
      }
      const { kind, position, nextOffset = base, reason } = step.value;
      if (kind !== 'end') yield { kind: 'fault', file: path, position, offset: nextOffset, reason };
    } finally {
      file.closeSync();
    }
  }
}

async function contentOf(
  bytes: Buffer,
  header: BatchHeader,
  wantsRecords: boolean,
): Promise<Pick<DumpedBatch, 'codec' | 'control' | 'records'>> {
  const codec = codecOf(header.attributes) ?? `unknown (${header.attributes & 7})`;
  if (isControlBatch(header))
    return { codec, control: parseControlBatch(bytes), records: undefined };
  if (!wantsRecords) return { codec, control: undefined, records: undefined };
  const limits = { maxDecompressedBytes: MAX_UNPACKED_BYTES, checkCrc: false };
  return { codec, control: undefined, records: await decodeRecordsElsewhere(bytes, limits) };
}
