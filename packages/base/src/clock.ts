// Time as a port: the simulator supplies another one. Only this file touches the timers of Node.js.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970; may jump. For timestamps of records only. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start; never goes back. For all waiting and measuring. */
  monotonicMs(): number;
  /** Calls once after at least `delayMs`. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls again and again, `periodMs` apart, until cancelled. */
  every(periodMs: number, callback: () => void): Timer;
}

/** The longest delay setTimeout takes: 2^31 - 1. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** The machine's clock. */
export class SystemClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  after(delayMs: number, callback: () => void): Timer {
    const dueMs = performance.now() + delayMs;
    const fire = (): void => {
      // setTimeout may fire a fraction of a millisecond early, and at once for more than 24.8 days.
      const leftMs = dueMs - performance.now();
      if (leftMs > 0) handle = setTimeout(fire, Math.min(Math.ceil(leftMs), MAX_TIMEOUT_MS));
      else callback();
    };
    // Node warns of negative delays.
    let handle = setTimeout(fire, Math.max(0, Math.min(delayMs, MAX_TIMEOUT_MS)));
    return { cancel: () => clearTimeout(handle) };
  }

  every(periodMs: number, callback: () => void): Timer {
    const again = (): void => {
      timer = this.after(periodMs, again);
      callback();
    };
    let timer = this.after(periodMs, again);
    return { cancel: () => timer.cancel() };
  }
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
