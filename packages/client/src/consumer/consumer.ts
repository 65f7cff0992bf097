// The consumer that programs hold: one way of reading at a time, positions, events. What is read comes from the source,
// which the assignment keeps filled.
import { Deadline } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { CallOptions } from '../api/client.js';
import type {
  Consumer,
  ConsumerEvents,
  FetchOptions,
  Lag,
  Position,
  RunOptions,
  StartPosition,
} from '../api/consumer.js';
import type { Message } from '../api/message.js';
import type { Topic } from '../api/topic.js';
import type { Cluster } from '../cluster/cluster.js';
import { LATEST, listOffsets } from '../cluster/list-offsets.js';
import { abortedError, closedError } from '../errors.js';
import { durationOption, integerOption } from '../option-values.js';
import { settleWithin } from '../retry.js';
import { Assignment } from './assignment.js';
import { consumedMessage } from './consumed-message.js';
import type { ConsumerSettings } from './consumer-settings.js';
import { startOf } from './consumer-settings.js';
import { HandlerRun } from './handler-run.js';
import { RecordSource } from './record-source.js';
import type { SourceItem } from './record-source.js';
import { sharedController, sharedSignal } from '../shared-signal.js';

const FETCH_MAX = 500;
const FETCH_WAIT = '1s';
const CLOSE_TIMEOUT = '30s';
const LAG_TIMEOUT = '30s';
/** So many messages in a row, and then the event loop gets its turn. */
const YIELD_EVERY = 256;

type Listener = (details: never) => void;

export class ZhumqConsumer<K, V> implements Consumer<K, V> {
  private readonly source = new RecordSource();
  private readonly assignment: Assignment;
  private readonly stopped = sharedController();
  private readonly listeners = new Map<keyof ConsumerEvents, Set<Listener>>();
  private reading: string | undefined;
  private running: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly cluster: Cluster,
    private readonly topic: string,
    private readonly codecs: Topic<unknown, unknown, K, V> | undefined,
    settings: ConsumerSettings,
    private readonly onClosed: (consumer: ZhumqConsumer<K, V>) => void,
  ) {
    this.assignment = new Assignment(
      cluster,
      topic,
      settings,
      this.source,
      this.stopped.signal,
      (event, details) => this.emit(event, details),
    );
    // 'latest' is now, not when reading begins. What fails here fails again, and is told, when it is used.
    this.assignment.open().catch(() => undefined);
  }

  // ---- three ways to read -----------------------------------------------------------------------------------------

  run(
    handler: (message: Message<K, V>, context: { readonly signal: AbortSignal }) => unknown,
    options: RunOptions = {},
  ): Promise<void> {
    this.running = this.runUntilStopped(handler, options);
    return this.running;
  }

  async fetch(options: FetchOptions = {}): Promise<Message<K, V>[]> {
    const max = integerOption('max', options.max, FETCH_MAX, { min: 1, max: 1_000_000 });
    const waitMs = durationOption('wait', options.wait, FETCH_WAIT);
    const { clock } = this.cluster.options;
    const deadline = Deadline.after(clock, waitMs);
    this.begin('fetch()');
    const timer = clock.after(waitMs, () => this.source.notify());
    const wake = (): void => this.source.notify();
    if (options.signal !== undefined) {
      sharedSignal(options.signal).addEventListener('abort', wake, { once: true });
    }
    try {
      await settleWithin(this.assignment.open(), clock, { signal: options.signal }, 'fetch()');
      for (;;) {
        if (options.signal?.aborted) throw abortedError('fetch()', options.signal);
        this.checkOpen();
        const messages = this.takeUpTo(max);
        if (messages.length > 0 || deadline.expired) return messages;
        await this.source.wait();
      }
    } finally {
      this.reading = undefined;
      timer.cancel();
      options.signal?.removeEventListener('abort', wake);
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Message<K, V>> {
    this.begin('for await');
    let taken = 0;
    let done = false;
    const next = async (): Promise<IteratorResult<Message<K, V>>> => {
      try {
        await this.assignment.open();
        if (++taken % YIELD_EVERY === 0) await yieldToEvents();
        while (!this.stopped.signal.aborted && !done) {
          const message = this.takeOne();
          if (message !== undefined) return { done: false, value: message };
          await this.source.wait();
        }
      } catch (error) {
        this.reading = undefined;
        if (this.stopped.signal.aborted) return { done: true, value: undefined };
        throw error;
      }
      this.reading = undefined;
      return { done: true, value: undefined };
    };
    const end = (): Promise<IteratorResult<Message<K, V>>> => {
      done = true;
      this.reading = undefined;
      this.source.notify();
      return Promise.resolve({ done: true, value: undefined });
    };
    return { next, return: end };
  }

  private async runUntilStopped(
    handler: (message: Message<K, V>, context: { readonly signal: AbortSignal }) => unknown,
    options: RunOptions,
  ): Promise<void> {
    const range = { min: 1, max: 10_000 };
    const concurrency = integerOption('concurrency', options.concurrency, 1, range);
    this.begin('run()');
    try {
      await settleWithin(this.assignment.open(), this.cluster.options.clock, options, 'run()');
      const run = new HandlerRun(this.source, {
        concurrency,
        inOrder: (options.order ?? 'partition') === 'partition',
        stopped: [this.stopped.signal, ...(options.signal === undefined ? [] : [options.signal])],
        handle: (item, signal) => handler(this.messageOf(item), { signal }),
        taken: () => this.assignment.puller.wake(),
      });
      await run.untilStopped();
    } catch (error) {
      const stopped = this.stopped.signal.aborted || (options.signal?.aborted ?? false);
      if (!stopped || !isStop(error)) throw error;
    } finally {
      this.reading = undefined;
    }
  }

  private takeUpTo(max: number): Message<K, V>[] {
    const messages: Message<K, V>[] = [];
    try {
      while (messages.length < max) {
        const message = this.takeOne();
        if (message === undefined) break;
        messages.push(message);
      }
    } catch (error) {
      // Told by the next call: what was taken must not be lost.
      if (messages.length === 0) throw error;
    }
    return messages;
  }

  private takeOne(): Message<K, V> | undefined {
    const item = this.source.next();
    if (item === undefined) return undefined;
    const message = this.messageOf(item);
    const { reader, record } = item;
    const before = reader.bufferedBytes;
    reader.advance(record);
    if (reader.bufferedBytes < before) this.assignment.puller.wake();
    return message;
  }

  private messageOf({ reader, record }: SourceItem): Message<K, V> {
    return consumedMessage(this.topic, this.codecs, reader.partition, record);
  }

  private begin(way: string): void {
    this.checkOpen();
    if (this.reading !== undefined) {
      const text = `this consumer is being read by ${this.reading}; ${way} must wait until that has ended`;
      throw zhumqError('INVALID_REQUEST', text);
    }
    this.reading = way;
  }

  // ---- positions --------------------------------------------------------------------------------------------------

  async ready(options: CallOptions = {}): Promise<void> {
    const { clock } = this.cluster.options;
    await settleWithin(this.locate(), clock, options, 'ready()');
  }

  position(): readonly Position[] {
    return this.source.readers
      .filter((reader) => reader.started)
      .map((reader) => reader.position());
  }

  async seek(to: StartPosition, partitions?: readonly number[]): Promise<void> {
    const start = startOf(to);
    this.checkOpen();
    await this.assignment.open();
    const readers = this.assignment.seek(start, partitions && new Set(partitions));
    await this.assignment.located(readers);
    this.checkOpen();
  }

  pause(partitions?: readonly number[]): void {
    this.setPaused(partitions, true);
  }

  resume(partitions?: readonly number[]): void {
    this.setPaused(partitions, false);
  }

  async lag(options: CallOptions = {}): Promise<Lag> {
    const { clock, random } = this.cluster.options;
    const timeoutMs = durationOption('timeout', options.timeout, LAG_TIMEOUT);
    await this.ready({ ...options, timeout: timeoutMs });
    const positions = this.position();
    const queries = positions.map(({ partition }) => ({ partition, timestamp: LATEST }));
    const deadline = Deadline.after(clock, timeoutMs);
    const limits = { clock, random, deadline, signal: options.signal };
    const ends = await listOffsets(this.cluster, this.topic, queries, limits);
    const partitions = positions.map(({ partition, offset }) => {
      const end = ends.get(partition)?.offset ?? offset;
      return { partition, messages: Math.max(0, end - offset) };
    });
    return { messages: partitions.reduce((sum, { messages }) => sum + messages, 0), partitions };
  }

  private async locate(): Promise<void> {
    this.checkOpen();
    await this.assignment.open();
    await this.assignment.located(this.source.readers);
    this.checkOpen();
  }

  private setPaused(partitions: readonly number[] | undefined, paused: boolean): void {
    for (const reader of this.source.readers) {
      if (partitions?.includes(reader.partition) ?? true) reader.paused = paused;
    }
    this.source.notify();
    this.assignment.puller.wake();
  }

  // ---- events and end ---------------------------------------------------------------------------------------------

  on<E extends keyof ConsumerEvents>(
    event: E,
    listener: (details: ConsumerEvents[E]) => void,
  ): () => void {
    let listeners = this.listeners.get(event);
    if (listeners === undefined) this.listeners.set(event, (listeners = new Set()));
    listeners.add(listener as Listener);
    return () => void listeners.delete(listener as Listener);
  }

  private emit<E extends keyof ConsumerEvents>(event: E, details: ConsumerEvents[E]): void {
    for (const listener of this.listeners.get(event) ?? []) {
      try {
        listener(details as never);
      } catch (error) {
        this.cluster.options.logger.error({ err: error, event }, 'a listener threw');
      }
    }
  }

  close(options: CallOptions = {}): Promise<void> {
    this.closing ??= this.closeOnce(options);
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async closeOnce({ timeout = CLOSE_TIMEOUT, signal }: CallOptions): Promise<void> {
    this.stopped.abort();
    this.assignment.stop();
    this.source.notify();
    const { clock } = this.cluster.options;
    const running = (this.running ?? Promise.resolve()).catch(() => undefined);
    await settleWithin(running, clock, { timeout, signal }, 'close()').catch(() => undefined);
    this.onClosed(this);
  }

  private checkOpen(): void {
    if (this.stopped.signal.aborted) throw closedError('consumer');
  }
}

/** What a handler, or a call, ends with because it was told to. */
function isStop(error: unknown): boolean {
  if (isError(error, 'ABORTED') || isError(error, 'CLOSED')) return true;
  return (error as { name?: unknown } | undefined)?.name === 'AbortError';
}

function yieldToEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
