// Blocks of segments read from disk, shared by all readers of all partitions and bounded in bytes. Readers that want the
// same block at the same time wait for one read. What is in here was verified when it was loaded.
import { LRUCache } from 'lru-cache';
import type { Offset } from '../types.js';

/** Whole batches as they stand in a segment. */
export interface Block {
  readonly buffer: Buffer;
  readonly firstOffset: Offset;
  readonly endOffset: Offset;
  /** Start of each batch in `buffer`, and its base offset. */
  readonly positions: readonly number[];
  readonly offsets: readonly Offset[];
}

/** What a batch's two array entries and the map entry of a block cost, about. */
const BYTES_PER_BATCH = 16;
const BYTES_PER_BLOCK = 256;

export class BlockCache {
  private readonly blocks: LRUCache<string, Block>;
  private readonly loading = new Map<string, Promise<Block>>();
  /** Loads so far: what readers cost the disk. */
  loads = 0;

  constructor(limitBytes: number) {
    this.blocks = new LRUCache<string, Block>({
      maxSize: Math.max(limitBytes, 1),
      sizeCalculation: ({ buffer, positions }) =>
        buffer.length + positions.length * BYTES_PER_BATCH + BYTES_PER_BLOCK,
    });
  }

  get(key: string): Block | undefined {
    return this.blocks.get(key);
  }

  /** From memory, from a load under way, or by `load`, whose failure is everybody's and is not remembered. */
  getOrLoad(key: string, load: () => Promise<Block>): Promise<Block> {
    const known = this.blocks.get(key);
    if (known !== undefined) return Promise.resolve(known);
    const underWay = this.loading.get(key);
    if (underWay !== undefined) return underWay;
    this.loads++;
    const loaded = load()
      .then((block) => {
        this.blocks.set(key, block);
        return block;
      })
      .finally(() => this.loading.delete(key));
    this.loading.set(key, loaded);
    return loaded;
  }
}
