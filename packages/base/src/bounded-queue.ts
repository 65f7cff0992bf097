// First in, first out, with a limit in items and in bytes. "Full" is an answer, not an error: the caller pushes back.
import { assert } from './assert.js';

export interface BoundedQueueLimits {
  readonly maxCount: number;
  readonly maxBytes: number;
}

/** `too-large`: the item alone is over the byte limit, so waiting for room would never end. */
export type Offer = 'taken' | 'full' | 'too-large';

interface Entry<T> {
  readonly item: T;
  readonly bytes: number;
}

export class BoundedQueue<T> {
  /** Entries before `head` have left; they are cut off when they are the larger half. */
  private entries: (Entry<T> | undefined)[] = [];
  private head = 0;
  private held = 0;

  constructor(private readonly limits: BoundedQueueLimits) {
    assert(limits.maxCount > 0 && limits.maxBytes > 0, 'a queue needs room for something');
  }

  get count(): number {
    return this.entries.length - this.head;
  }

  get bytes(): number {
    return this.held;
  }

  offer(item: T, bytes: number): Offer {
    assert(bytes >= 0, `an item can not have ${bytes} bytes`);
    if (bytes > this.limits.maxBytes) return 'too-large';
    if (this.count >= this.limits.maxCount) return 'full';
    if (this.held + bytes > this.limits.maxBytes) return 'full';
    this.entries.push({ item, bytes });
    this.held += bytes;
    return 'taken';
  }

  /** The oldest item, which stays. */
  peek(): T | undefined {
    return this.entries[this.head]?.item;
  }

  /** The oldest item, which leaves. */
  poll(): T | undefined {
    const entry = this.entries[this.head];
    if (entry === undefined) return undefined;
    this.entries[this.head++] = undefined;
    this.held -= entry.bytes;
    if (this.head * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
    return entry.item;
  }

  /** Empties the queue and returns what was in it, oldest first. */
  drain(): T[] {
    const items: T[] = [];
    while (this.count > 0) items.push(this.poll() as T);
    return items;
  }
}
