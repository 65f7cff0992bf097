// Requests that wait until a watermark passes their offset. Offsets are given out in order, so the queue is sorted by
// itself and settling costs nothing per waiter that is not due.

export interface OffsetWaiter {
  /** Offset that the watermark must pass. */
  readonly lastOffset: number;
  /** Monotonic time at which waiting ends, in milliseconds. */
  readonly deadlineMs: number;
  settle(error: Error | undefined): void;
}

export class OffsetWaiters {
  private queue: OffsetWaiter[] = [];
  private head = 0;

  get size(): number {
    return this.queue.length - this.head;
  }

  /** Offsets may only grow, but for a duplicate, which waits for its original offset. */
  add(waiter: OffsetWaiter): void {
    const last = this.queue.at(-1);
    this.queue.push(waiter);
    if (last !== undefined && this.size > 1 && last.lastOffset > waiter.lastOffset) {
      this.queue = this.queue.slice(this.head).sort((a, b) => a.lastOffset - b.lastOffset);
      this.head = 0;
    }
  }

  /** Settles everything below `end` (exclusive) with success. */
  passed(end: number): void {
    while (this.head < this.queue.length && this.queue[this.head].lastOffset < end) {
      this.queue[this.head++].settle(undefined);
    }
    this.compact();
  }

  /** Settles with an error what waits for `from` or more. */
  failFrom(from: number, error: Error): void {
    const waiting = this.queue.slice(this.head);
    this.queue = waiting.filter((waiter) => waiter.lastOffset < from);
    this.head = 0;
    for (const waiter of waiting) if (waiter.lastOffset >= from) waiter.settle(error);
  }

  /** Settles with an error whose time is over. */
  expire(nowMs: number, errorOf: (waiter: OffsetWaiter) => Error): void {
    if (this.size === 0) return;
    const waiting = this.queue.slice(this.head);
    const expired = waiting.filter((waiter) => waiter.deadlineMs <= nowMs);
    if (expired.length === 0) return;
    this.queue = waiting.filter((waiter) => waiter.deadlineMs > nowMs);
    this.head = 0;
    for (const waiter of expired) waiter.settle(errorOf(waiter));
  }

  private compact(): void {
    if (this.head === this.queue.length) {
      this.queue.length = 0;
      this.head = 0;
    } else if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
  }
}
