// run(): hands messages to a handler, several at a time, in the order that was asked for; ends when it is told to, or with
// the first handler that throws. The positions stay before what is not handled.
import { KeyLanes } from './key-lanes.js';
import type { Taken } from './key-lanes.js';
import type { PartitionReader } from './partition-reader.js';
import type { RecordSource, SourceItem } from './record-source.js';
import { sharedSignal } from '../shared-signal.js';

/** So many messages in a row without a promise to wait for, and then the event loop gets its turn. */
const YIELD_EVERY = 256;

export interface HandlerRunOptions {
  readonly concurrency: number;
  /** One message of a partition, or of a key, at a time; or any. */
  readonly order: 'partition' | 'key' | 'none';
  readonly stopped: readonly AbortSignal[];
  readonly handle: (item: SourceItem, signal: AbortSignal) => unknown;
  /** A message was taken: there may be room to pull more. */
  readonly taken: () => void;
  /** A message was handled. */
  readonly handled: () => void;
  /** A handler failed whose partition had been lost meanwhile: the message is another consumer's business. */
  readonly failedAfterLoss: (item: SourceItem, error: unknown) => void;
}

export class HandlerRun {
  private active = 0;
  private failure: { readonly error: unknown } | undefined;
  private readonly lanes = new KeyLanes();
  /** First of their lanes by now. */
  private ready: Taken[] = [];
  private readonly signal: AbortSignal;
  private readonly failing = new AbortController();
  private readonly signals = new WeakMap<PartitionReader, AbortSignal>();

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
      this.dropWaiting(() => true);
      while (this.active > 0) await this.source.wait();
      this.signal.removeEventListener('abort', wake);
      // What was handed out and not handled is to be read again.
      for (const reader of this.source.readers) {
        if (reader.unfinished && !reader.leaving) reader.rewind();
      }
    }
    if (this.failure !== undefined) throw this.failure.error;
  }

  private async loop(): Promise<void> {
    let inARow = 0;
    while (!this.signal.aborted) {
      if (this.options.order === 'key') {
        this.dropWaiting((reader) => reader.leaving || reader.gone.aborted);
      }
      const taken = this.active < this.options.concurrency ? this.take() : undefined;
      if (taken === undefined) {
        inARow = 0;
        await this.source.wait();
        continue;
      }
      if (taken !== 'waits') this.start(taken);
      if (++inARow % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  private take(): Taken | 'waits' | undefined {
    if (this.ready.length > 0 && this.source.open()) return this.ready.shift();
    const item = this.source.next((reader) => this.mayTake(reader));
    if (item === undefined) return undefined;
    const taken: Taken = { item, done: item.reader.handOut(item.record) };
    this.options.taken();
    return this.options.order !== 'key' || this.lanes.enter(taken) ? taken : 'waits';
  }

  private dropWaiting(which: (reader: PartitionReader) => boolean): void {
    this.lanes.drop(which);
    const { ready } = this;
    this.ready = ready.filter(({ item }) => !which(item.reader));
    for (const taken of ready) {
      if (this.ready.includes(taken)) continue;
      taken.done(false);
      this.lanes.leave(taken);
    }
  }

  private mayTake(reader: PartitionReader): boolean {
    const { order } = this.options;
    return order === 'partition' ? reader.handling === 0 : order === 'none' || this.lanes.hasRoom;
  }

  private start(taken: Taken): void {
    let result: unknown;
    this.active++;
    try {
      result = this.options.handle(taken.item, this.signalFor(taken.item.reader));
    } catch (error) {
      return this.fail(taken, error);
    }
    if (!(result instanceof Promise) && !isThenable(result)) return this.succeed(taken);
    Promise.resolve(result).then(
      () => {
        this.succeed(taken);
        this.source.notify();
      },
      (error: unknown) => this.fail(taken, error),
    );
  }

  /** Aborted when run() ends, and when the partition is lost. */
  private signalFor(reader: PartitionReader): AbortSignal {
    let signal = this.signals.get(reader);
    if (signal === undefined) {
      signal = sharedSignal(AbortSignal.any([this.signal, reader.gone]));
      this.signals.set(reader, signal);
    }
    return signal;
  }

  private succeed(taken: Taken): void {
    this.active--;
    taken.done(true);
    this.options.handled();
    this.endLane(taken);
  }

  private fail(taken: Taken, error: unknown): void {
    this.active--;
    taken.done(false);
    if (taken.item.reader.gone.aborted) {
      this.options.failedAfterLoss(taken.item, error);
      this.endLane(taken);
    } else {
      this.failure ??= { error };
      this.failing.abort(error);
    }
    this.source.notify();
  }

  private endLane(taken: Taken): void {
    if (this.options.order !== 'key') return;
    const next = this.lanes.leave(taken);
    if (next !== undefined) this.ready.push(next);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
