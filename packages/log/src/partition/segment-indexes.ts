// The index files of sealed segments: written at the roll, read when a reader or a truncation needs them, made again from
// the batches when missing or damaged. They are derived, so nothing waits for them to be on disk; but they have no
// checksum, and a time index that lacks its end hides records. So files are synced before a checkpoint relies on their
// segment, or replaced as a whole.
import type { FileSystem } from '../file-system/file-system.js';
import { readSmallFile, replaceSmallFile } from '../file-system/small-file.js';
import { scanBatches } from './batch-scan.js';
import { segmentFile } from './file-names.js';
import { OffsetIndex } from './offset-index.js';
import type { PartitionResources } from './partition-resources.js';
import { Segment } from './segment.js';
import type { SegmentIndexes } from './segment.js';
import { TimeIndex } from './time-index.js';

/** Of any segment: the active one has them in memory, those of the others are cached. `onRebuilt`: the files lack them. */
export function indexesOf(
  resources: PartitionResources,
  segment: Segment,
  indexIntervalBytes: number,
  onRebuilt?: (indexes: SegmentIndexes) => void,
): SegmentIndexes {
  if (segment.indexes !== undefined) return segment.indexes;
  const cached = resources.indexes.get(segment.contentId);
  if (cached !== undefined) return cached;
  const read = readIndexes(resources.fileSystem, segment);
  const loaded = read ?? rebuildIndexes(resources, segment, indexIntervalBytes);
  if (read === undefined) onRebuilt?.(loaded);
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

/** Not synced, which is the caller's business. Returns the paths. */
export function writeIndexes(
  fileSystem: FileSystem,
  segment: Segment,
  indexes: SegmentIndexes,
): readonly string[] {
  const contents = contentsOf(segment, indexes);
  for (const [path, content] of contents) {
    const file = fileSystem.openSync(path, 'write');
    try {
      // The first entries are those that stand there already: a torn write leaves no less than that.
      file.writeSync([content], 0);
      file.truncateSync(content.length);
    } finally {
      file.closeSync();
    }
  }
  return contents.map(([path]) => path);
}

/** Durable, or as it was. While `isCurrent` does not hold any more nothing is replaced: the segment was cut, or is gone. */
export async function replaceIndexes(
  fileSystem: FileSystem,
  segment: Segment,
  indexes: SegmentIndexes,
  isCurrent: () => boolean,
): Promise<void> {
  for (const [path, content] of contentsOf(segment, indexes)) {
    await replaceSmallFile(fileSystem, path, content, isCurrent);
  }
}

function contentsOf(
  { directory, base }: Segment,
  { offsets, times }: SegmentIndexes,
): readonly (readonly [path: string, content: Buffer])[] {
  return [
    [segmentFile(directory, base, '.index'), offsets.encode()],
    [segmentFile(directory, base, '.timeindex'), times.encode()],
  ];
}

/** From the headers of the batches; into the cache, not into the files. */
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
  return indexes;
}
