// The index files of sealed segments: written at the roll, read when a reader or a truncation needs them, made again from
// the batches when missing or damaged. They are derived, so nothing waits for them to be on disk.
import type { FileSystem } from '../file-system/file-system.js';
import { readSmallFile } from '../file-system/small-file.js';
import { scanBatches } from './batch-scan.js';
import { segmentFile } from './file-names.js';
import { OffsetIndex } from './offset-index.js';
import type { PartitionResources } from './partition-resources.js';
import { Segment } from './segment.js';
import type { SegmentIndexes } from './segment.js';
import { TimeIndex } from './time-index.js';

/** Of any segment: the active one has them in memory, those of the others are cached. */
export function indexesOf(
  resources: PartitionResources,
  segment: Segment,
  indexIntervalBytes: number,
): SegmentIndexes {
  if (segment.indexes !== undefined) return segment.indexes;
  const cached = resources.indexes.get(segment.contentId);
  if (cached !== undefined) return cached;
  const loaded =
    readIndexes(resources.fileSystem, segment) ??
    rebuildIndexes(resources, segment, indexIntervalBytes);
  resources.indexes.set(segment.contentId, loaded);
  segment.maxTimestamp ??= loaded.times.last()?.timestamp;
  return loaded;
}

/** From the files; undefined when one of them is missing or can not belong to the segment. */
export function readIndexes(fileSystem: FileSystem, segment: Segment): SegmentIndexes | undefined {
  const { base, directory } = segment;
  const offsetBytes = readSmallFile(fileSystem, segmentFile(directory, base, '.index'));
  const timeBytes = readSmallFile(fileSystem, segmentFile(directory, base, '.timeindex'));
  if (offsetBytes === undefined || timeBytes === undefined) return undefined;
  const offsets = OffsetIndex.decode(base, offsetBytes, segment.bytes);
  const times = TimeIndex.decode(base, timeBytes, segment.endOffset);
  // A segment with a batch has a time entry once it is sealed.
  if (offsets === undefined || times === undefined || times.count === 0) return undefined;
  return { offsets, times };
}

/** Not synced; a torn one is noticed when it is read. Returns the paths. */
export function writeIndexes(
  fileSystem: FileSystem,
  segment: Segment,
  indexes: SegmentIndexes,
): readonly string[] {
  const contents = [
    [segmentFile(segment.directory, segment.base, '.index'), indexes.offsets.encode()],
    [segmentFile(segment.directory, segment.base, '.timeindex'), indexes.times.encode()],
  ] as const;
  for (const [path, content] of contents) {
    const file = fileSystem.openSync(path, 'write');
    try {
      file.truncateSync(0);
      file.writeSync([content], 0);
    } finally {
      file.closeSync();
    }
  }
  return contents.map(([path]) => path);
}

/** From the headers of the batches, and back to the files. */
export function rebuildIndexes(
  resources: PartitionResources,
  segment: Segment,
  indexIntervalBytes: number,
): SegmentIndexes {
  const scratch = Segment.fresh(segment.directory, segment.base);
  resources.files.use(segment.path, 'read', (file) => {
    const scan = { position: 0, end: segment.bytes, verify: false };
    for (const { header } of scanBatches(file, scan)) {
      scratch.add(header, header.lastOffset, indexIntervalBytes);
    }
  });
  const indexes = scratch.seal() as SegmentIndexes;
  resources.indexes.set(segment.contentId, indexes);
  writeIndexes(resources.fileSystem, segment, indexes);
  return indexes;
}
