// Sends messages without waiting for each, within a window; counts what was acknowledged. The first failure stops it:
// what follows in the input might depend on the message that is missing.
import type { OutgoingMessage, Producer, Receipt } from '@zhumq/client';

/** Messages and bytes under way at most: memory stays small whatever the input. */
const WINDOW_MESSAGES = 20_000;
const WINDOW_BYTES = 32 * 2 ** 20;

export interface Failure {
  /** Counted from 1; 0 when the input could not be read. */
  readonly line: number;
  readonly error: unknown;
}

export class LineSender {
  /** Given to the producer. */
  sent = 0;
  acknowledged = 0;
  private firstFailure: Failure | undefined;
  private readonly failing = new AbortController();
  private pending = 0;
  private pendingBytes = 0;
  private wake: () => void = () => undefined;

  constructor(
    private readonly producer: Pick<Producer, 'send'>,
    private readonly topic: string,
    private readonly onReceipt: (line: number, receipt: Receipt) => void = () => undefined,
  ) {}

  /** The failure of the first line that failed. */
  get failure(): Failure | undefined {
    return this.firstFailure;
  }

  /** Aborted by the first failure. */
  get failed(): AbortSignal {
    return this.failing.signal;
  }

  get underWay(): number {
    return this.pending;
  }

  get roomLeft(): boolean {
    return this.pending < WINDOW_MESSAGES && this.pendingBytes < WINDOW_BYTES;
  }

  /** Call only while there is room. */
  send(line: number, message: OutgoingMessage, bytes: number): void {
    this.sent += 1;
    this.pending += 1;
    this.pendingBytes += bytes;
    const settled = (): void => {
      this.pending -= 1;
      this.pendingBytes -= bytes;
      this.wake();
    };
    this.producer.send(this.topic, message).then(
      (receipt) => {
        this.acknowledged += 1;
        this.onReceipt(line, receipt);
        settled();
      },
      (error: unknown) => {
        this.fail(line, error);
        settled();
      },
    );
  }

  fail(line: number, error: unknown): void {
    if (this.firstFailure === undefined || line < this.firstFailure.line)
      this.firstFailure = { line, error };
    this.failing.abort();
  }

  /** Resolves when `reached` says so after something settled, or `signal` is aborted. */
  async until(reached: () => boolean, signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!reached() && !signal.aborted)
        await new Promise<void>((resolve) => (this.wake = resolve));
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
