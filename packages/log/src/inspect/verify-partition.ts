// `zhumq log verify`: holds every byte of a partition's folder against its checksums and against the other files. The
// broker may be stopped or running; nothing is written. A file is never held in memory.
import type { FileSystem } from '../file-system/file-system.js';
import { scanBatches } from '../partition/batch-scan.js';
import type { ScanEnd } from '../partition/batch-scan.js';
import { listOffsets, segmentFile } from '../partition/file-names.js';
import type { Epoch, Offset } from '../types.js';
import { EpochCheck } from './epoch-check.js';
import { IndexCheck } from './index-check.js';
import { ProducerCheck } from './producer-check.js';
import type { PartitionReport, Problem } from './report.js';
import { unreadable } from './unreadable.js';

/** Where the log stands between two segments. */
interface Chain {
  nextOffset: Offset | undefined;
  minEpoch: Epoch;
  batches: number;
  records: number;
  tailBytes: number;
}

/** Throws DISK_FAILED when files can not be read at all. */
export async function verifyPartition(
  directory: string,
  fileSystem: FileSystem,
): Promise<PartitionReport> {
  try {
    return await verify(directory, fileSystem);
  } catch (error) {
    throw unreadable(directory, error);
  }
}

async function verify(directory: string, fileSystem: FileSystem): Promise<PartitionReport> {
  const bases = listOffsets(fileSystem, directory, '.log');
  const problems: Problem[] = [];
  const derived: Problem[] = [];
  const producers = ProducerCheck.open(fileSystem, directory, derived);
  const epochs = EpochCheck.open(fileSystem, directory, producers.committedEnd, derived);
  const chain: Chain = { nextOffset: undefined, minEpoch: 0, batches: 0, records: 0, tailBytes: 0 };
  for (const [at, base] of bases.entries()) {
    const isLast = at + 1 === bases.length;
    const before = at === 0 ? undefined : segmentFile(directory, bases[at - 1], '.log');
    if (before !== undefined && chain.nextOffset !== undefined && chain.nextOffset !== base) {
      const position = fileSystem.statSync(before)?.bytes ?? 0;
      const reason = `the segment ends at offset ${chain.nextOffset}, the next one begins at ${base}`;
      problems.push({ file: before, position, offset: chain.nextOffset, reason });
    }
    const indexes = IndexCheck.open(fileSystem, directory, base, isLast, derived);
    const problem = verifySegment(
      fileSystem,
      segmentFile(directory, base, '.log'),
      base,
      isLast,
      chain,
      [producers, epochs, indexes],
    );
    if (problem !== undefined) problems.push(problem);
    else indexes.finish();
    // Reading is synchronous; a running process goes on between two segments.
    await Promise.resolve();
  }
  const endOffset = chain.nextOffset ?? bases.at(-1) ?? 0;
  if (problems.length === 0) producers.finish(endOffset);
  return {
    segments: bases.length,
    batches: chain.batches,
    records: chain.records,
    firstOffset: bases[0] ?? 0,
    endOffset,
    lastEpoch: chain.minEpoch,
    tailBytes: chain.tailBytes,
    problems: [...problems, ...derived],
  };
}

type BatchCheck = Pick<ProducerCheck, 'see'> | Pick<EpochCheck, 'see'> | Pick<IndexCheck, 'see'>;

/** Goes through one segment; returns its damage. */
function verifySegment(
  fileSystem: FileSystem,
  path: string,
  base: Offset,
  isLast: boolean,
  chain: Chain,
  checks: readonly [ProducerCheck, EpochCheck, ...BatchCheck[]],
): Problem | undefined {
  const committedEnd = checks[0].committedEnd;
  const file = fileSystem.openSync(path, 'read');
  try {
    const size = file.sizeSync();
    const { minEpoch } = chain;
    const batches = scanBatches(file, {
      position: 0,
      end: size,
      verify: true,
      nextOffset: base,
      minEpoch,
    });
    for (;;) {
      const step = batches.next();
      if (step.done === true) {
        const { nextOffset = base, position, kind, reason } = step.value;
        chain.nextOffset = nextOffset;
        if (kind === 'end') return undefined;
        const mayBeTail = isLast && nextOffset >= committedEnd;
        if (mayBeTail && isTail(step.value, (at, bytes) => readAt(file, at, bytes), size)) {
          chain.tailBytes = size - position;
          return undefined;
        }
        chain.nextOffset = undefined;
        return { file: path, position, offset: nextOffset, reason };
      }
      const { header, position } = step.value;
      for (const check of checks) {
        const reason = check.see(header, position);
        if (reason === undefined) continue;
        chain.nextOffset = undefined;
        return { file: path, position, offset: header.baseOffset, reason };
      }
      chain.batches++;
      chain.records += header.recordsCount;
      chain.minEpoch = header.epoch;
    }
  } finally {
    file.closeSync();
  }
}

/** Half a batch at the end, or nothing but zeros: what a write under way, or one that a power loss cut off, looks like. */
function isTail(
  end: ScanEnd,
  read: (position: number, bytes: number) => Buffer,
  size: number,
): boolean {
  if (end.kind === 'incomplete') return true;
  for (let position = end.position; position < size;) {
    const piece = read(position, Math.min(65536, size - position));
    if (piece.length === 0) return true;
    if (piece.some((byte) => byte !== 0)) return false;
    position += piece.length;
  }
  return true;
}

function readAt(
  file: { readSync(buffer: Buffer, position: number): number },
  position: number,
  bytes: number,
): Buffer {
  const piece = Buffer.allocUnsafe(bytes);
  return piece.subarray(0, file.readSync(piece, position));
}
