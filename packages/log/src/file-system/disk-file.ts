// One file of FaultyFileSystem: its bytes as processes see them, its bytes on disk, and the writes in between.
import type { Random } from '@zhumq/base';

/** Bytes written or, without content, a new length, filled with zeros; not yet on disk. */
interface Change {
  readonly position: number;
  readonly content: Buffer | undefined;
}

const SECTOR_BYTES = 512;

export class DiskFile {
  private seen = new GrowingBytes();
  private disk = new GrowingBytes();
  private unsynced: Change[] = [];

  get bytes(): number {
    return this.seen.length;
  }

  read(): Buffer {
    return Buffer.from(this.seen.view());
  }

  readInto(buffer: Buffer, position: number): number {
    return this.seen.view().copy(buffer, 0, position, position + buffer.length);
  }

  /** Keeps `content`: it must not change any more. */
  write(content: Buffer, position: number): void {
    this.seen.write(content, position);
    this.unsynced.push({ position, content });
  }

  /** To a length, of zeros from the present end on. */
  truncate(bytes: number): void {
    this.seen.resize(bytes);
    this.unsynced.push({ position: bytes, content: undefined });
  }

  /** What a sync that begins now will make durable. */
  beginSync(): readonly Change[] {
    return [...this.unsynced];
  }

  endSync(covered: readonly Change[]): void {
    const done = new Set(covered);
    // A crash, or a sync that dropped its pages, may have taken some of them meanwhile.
    for (const change of this.unsynced) if (done.has(change)) this.disk.apply(change);
    this.unsynced = this.unsynced.filter((change) => !done.has(change));
  }

  /** The kernel gives the pages up: seen until the machine stops, never on disk. */
  dropPages(): void {
    this.unsynced = [];
  }

  /** The same file on a copy of the machine. */
  fork(): DiskFile {
    const copy = new DiskFile();
    copy.seen = this.seen.clone();
    copy.disk = this.disk.clone();
    copy.unsynced = [...this.unsynced];
    return copy;
  }

  /** Returns how many unsynced writes survived in part. */
  crash(random: Random): number {
    let torn = 0;
    for (const change of this.unsynced) {
      let bytes = 0;
      for (const part of survivors(change, this.disk.length, random)) {
        this.disk.apply(part);
        bytes += part.content?.length ?? 0;
      }
      if (bytes > 0 && bytes < (change.content?.length ?? 0)) torn++;
    }
    this.unsynced = [];
    this.seen = this.disk.clone();
    return torn;
  }

  flipBit(position: number, bit: number): void {
    this.seen.flipBit(position, bit);
    this.disk.flipBit(position, bit);
  }

  replace(content: Buffer): void {
    for (const bytes of [this.seen, this.disk]) {
      bytes.resize(0);
      bytes.write(content, 0);
    }
    this.unsynced = [];
  }
}

/**
 * The parts of an unsynced change that reach the disk: none, all, a prefix, or any of its sectors; of a new length
 * beyond what the disk has, any length in between.
 */
function survivors(change: Change, diskBytes: number, random: Random): Change[] {
  const { content, position } = change;
  const fate = random.below(4);
  if (fate === 0) return [];
  if (fate === 1 || (content === undefined && position <= diskBytes)) return [change];
  if (content === undefined)
    return [{ position: diskBytes + random.below(position - diskBytes), content }];
  if (fate === 2)
    return [{ position, content: content.subarray(0, random.below(content.length + 1)) }];
  const parts: Change[] = [];
  for (let at = 0; at < content.length;) {
    const end = Math.min(content.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
    if (random.below(2) === 0) {
      parts.push({ position: position + at, content: content.subarray(at, end) });
    }
    at = end;
  }
  return parts;
}

/** Bytes that grow at the end at little cost. Copies share them until one of the two changes. */
class GrowingBytes {
  length = 0;
  private store: Buffer = Buffer.alloc(0);
  private isShared = false;

  view(): Buffer {
    return this.store.subarray(0, this.length);
  }

  write(content: Buffer, position: number): void {
    const end = position + content.length;
    if (end > this.length) this.resize(end);
    this.own();
    content.copy(this.store, position);
  }

  flipBit(position: number, bit: number): void {
    this.own();
    this.view()[position] ^= 1 << bit;
  }

  resize(length: number): void {
    if (length > this.store.length) {
      this.copyTo(Buffer.alloc(Math.max(length, this.store.length * 2, 1024)));
    }
    this.own();
    if (length < this.length) this.store.fill(0, length, this.length);
    this.length = length;
  }

  apply(change: Change): void {
    if (change.content === undefined) this.resize(change.position);
    else if (change.content.length > 0) this.write(change.content, change.position);
  }

  clone(): GrowingBytes {
    const copy = new GrowingBytes();
    copy.store = this.store;
    copy.length = this.length;
    copy.isShared = true;
    this.isShared = true;
    return copy;
  }

  private own(): void {
    if (this.isShared) this.copyTo(Buffer.alloc(this.store.length));
  }

  private copyTo(store: Buffer): void {
    this.view().copy(store);
    this.store = store;
    this.isShared = false;
  }
}
