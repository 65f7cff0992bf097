// A shared pool of bytes: who wants to hold memory reserves it first and waits when others hold it all. This is the
// back-pressure of producers, fetches and deliveries.
import { assert } from './assert.js';

/** A reservation that could not be queued: it would never fit, or too many wait already. */
export class BudgetRefused extends Error {
  override readonly name = 'BudgetRefused';

  constructor(
    readonly reason: 'too-large' | 'too-many-waiters',
    message: string,
  ) {
    super(message);
  }
}

export interface ByteBudgetLimits {
  readonly maxBytes: number;
  /** How many reservations may wait. */
  readonly maxWaiters: number;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
}

export class ByteBudget {
  /** Invariant: 0 <= used <= maxBytes. */
  private reserved = 0;
  /** In order of arrival; the first one is served first even if a later, smaller one would fit. */
  private readonly waiters = new Set<Waiter>();

  constructor(private readonly limits: ByteBudgetLimits) {
    assert(limits.maxBytes > 0, 'a budget needs bytes');
  }

  get used(): number {
    return this.reserved;
  }

  get available(): number {
    return this.limits.maxBytes - this.reserved;
  }

  get waiting(): number {
    return this.waiters.size;
  }

  /** False when there is no room, or others wait for it already. */
  tryReserve(bytes: number): boolean {
    assertBytes(bytes);
    if (this.waiters.size > 0 || bytes > this.available) return false;
    this.reserved += bytes;
    return true;
  }

  /**
   * Resolves when the bytes are the caller's, who must give them back by `release`. Rejects with BudgetRefused, or with
   * the signal's reason; nothing is held then.
   */
  reserve(bytes: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    if (this.tryReserve(bytes)) return Promise.resolve();
    const refused = this.refuse(bytes);
    return refused === undefined ? this.wait(bytes, signal) : Promise.reject(refused);
  }

  release(bytes: number): void {
    assertBytes(bytes);
    assert(bytes <= this.reserved, `released ${bytes} bytes, but only ${this.reserved} are held`);
    this.reserved -= bytes;
    this.serve();
  }

  private refuse(bytes: number): BudgetRefused | undefined {
    const { maxBytes, maxWaiters } = this.limits;
    if (bytes > maxBytes) {
      const message = `${bytes} bytes never fit into a budget of ${maxBytes}`;
      return new BudgetRefused('too-large', message);
    }
    if (this.waiters.size < maxWaiters) return undefined;
    const message = `${maxWaiters} reservations wait already`;
    return new BudgetRefused('too-many-waiters', message);
  }

  private wait(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.waiters.delete(waiter);
        reject(signal?.reason as Error);
        // It may have been the first, and those behind it smaller.
        this.serve();
      };
      const grant = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const waiter = { bytes, grant };
      this.waiters.add(waiter);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  private serve(): void {
    for (const waiter of this.waiters) {
      if (waiter.bytes > this.available) return;
      this.waiters.delete(waiter);
      this.reserved += waiter.bytes;
      waiter.grant();
    }
  }
}

function assertBytes(bytes: number): void {
  assert(Number.isSafeInteger(bytes) && bytes >= 0, `${bytes} is no count of bytes`);
}
