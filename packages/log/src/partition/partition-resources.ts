// What all partition logs of a store share: the disk, the open files and the memory that caches may take.
import { LRUCache } from 'lru-cache';
import type { FileSystem } from '../file-system/file-system.js';
import { BlockCache } from './block-cache.js';
import { FileHandles } from './file-handles.js';
import type { SegmentIndexes } from './segment.js';
import { TailBudget } from './tail.js';

/** Far below the process limit of 20,000: connections and the write-ahead log need descriptors, too. */
const OPEN_FILES = 8192;
/** Indexes of sealed segments that are read: about 0.2 % of the segments they belong to. */
const INDEX_CACHE_BYTES = 64 * 1024 * 1024;

const BLOCK_BYTES = 256 * 1024;
/** A restart reads about so much of each log again, at a gigabyte a second. */
const DERIVE_AFTER_BYTES = 1024 * 1024;

export interface PartitionResources {
  readonly fileSystem: FileSystem;
  readonly files: FileHandles;
  readonly blocks: BlockCache;
  readonly tails: TailBudget;
  /** By `contentId` of the segment. */
  readonly indexes: LRUCache<number, SegmentIndexes>;
  /** Bytes appended to a log after which a sync writes its derived files again. */
  readonly deriveAfterBytes: number;
  /** What cold reads take from a segment at once, about. */
  readonly blockBytes: number;
}

export interface ResourceLimits {
  readonly blockCacheBytes: number;
  readonly tailBytes: number;
  readonly openFiles?: number;
  readonly deriveAfterBytes?: number;
  readonly blockBytes?: number;
}

export function makeResources(fileSystem: FileSystem, limits: ResourceLimits): PartitionResources {
  return {
    fileSystem,
    files: new FileHandles(fileSystem, limits.openFiles ?? OPEN_FILES),
    blocks: new BlockCache(limits.blockCacheBytes),
    deriveAfterBytes: limits.deriveAfterBytes ?? DERIVE_AFTER_BYTES,
    blockBytes: limits.blockBytes ?? BLOCK_BYTES,
    tails: new TailBudget(limits.tailBytes),
    indexes: new LRUCache<number, SegmentIndexes>({
      maxSize: INDEX_CACHE_BYTES,
      sizeCalculation: ({ offsets, times }) => offsets.sizeBytes + times.sizeBytes + 256,
    }),
  };
}
