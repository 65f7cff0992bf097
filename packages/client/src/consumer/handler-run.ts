// run(): hands messages to a handler, several at a time, in the order that was asked for; ends when it is told to, or with
// the first handler that throws. The positions stay before what is not handled.
import type { RecordSource, SourceItem } from './record-source.js';
import { sharedSignal } from '../shared-signal.js';

/** So many messages in a row without a promise to wait for, and then the event loop gets its turn. */
const YIELD_EVERY = 256;

export interface HandlerRunOptions {
  readonly concurrency: number;
  /** One message of a partition at a time. */
  readonly inOrder: boolean;
  readonly stopped: readonly AbortSignal[];
  readonly handle: (item: SourceItem, signal: AbortSignal) => unknown;
  /** A message was taken: there may be room to pull more. */
  readonly taken: () => void;
}

export class HandlerRun {
  private active = 0;
  private failure: { readonly error: unknown } | undefined;
  private readonly signal: AbortSignal;
  private readonly failing = new AbortController();

  constructor(
    private readonly source: RecordSource,
    private readonly options: HandlerRunOptions,
  ) {
    this.signal = sharedSignal(AbortSignal.any([...options.stopped, this.failing.signal]));
  }

  /** Rejects with what a handler threw, or what reading ended with; handlers that run are waited for first. */
  async untilStopped(): Promise<void> {
    const wake = (): void => this.source.notify();
    this.signal.addEventListener('abort', wake, { once: true });
    try {
      await this.loop();
    } finally {
      while (this.active > 0) await this.source.wait();
      this.signal.removeEventListener('abort', wake);
      // What was handed out and not handled is to be read again.
      for (const reader of this.source.readers) if (reader.unfinished) reader.rewind();
    }
    if (this.failure !== undefined) throw this.failure.error;
  }

  private async loop(): Promise<void> {
    const { concurrency, inOrder, taken } = this.options;
    let inARow = 0;
    while (!this.signal.aborted) {
      const item =
        this.active < concurrency
          ? this.source.next((reader) => !inOrder || reader.handling === 0)
          : undefined;
      if (item === undefined) {
        inARow = 0;
        await this.source.wait();
        continue;
      }
      const done = item.reader.handOut(item.record);
      taken();
      this.start(item, done);
      if (++inARow % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private start(item: SourceItem, done: (handled: boolean) => void): void {
    let result: unknown;
    this.active++;
    try {
      result = this.options.handle(item, this.signal);
    } catch (error) {
      return this.fail(done, error);
    }
    if (!(result instanceof Promise) && !isThenable(result)) {
      this.active--;
      return done(true);
    }
    Promise.resolve(result).then(
      () => {
        this.active--;
        done(true);
        this.source.notify();
      },
      (error: unknown) => this.fail(done, error),
    );
  }

  private fail(done: (handled: boolean) => void, error: unknown): void {
    this.active--;
    done(false);
    this.failure ??= { error };
    this.failing.abort(error);
    this.source.notify();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
