// The consumer that programs hold: one way of reading at a time, positions, events. What is read comes from the source,
// which the assignment keeps filled.
import { Deadline } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { CallOptions } from '../api/client.js';
import type {
  BatchesOptions,
  Consumer,
  ConsumerEvents,
  ConsumerHealth,
  FetchOptions,
  Lag,
  MessageBatch,
  Position,
  RunOptions,
  StartPosition,
  TakenMessage,
  TakeOptions,
} from '../api/consumer.js';
import type { Message } from '../api/message.js';
import type { Topic } from '../api/topic.js';
import type { Cluster } from '../cluster/cluster.js';
import { abortedError, closedError } from '../errors.js';
import { choiceOption, durationOption, integerOption } from '../option-values.js';
import { settleWithin } from '../retry.js';
import type { Assignment, Emit } from './assignment.js';
import { batchesOf } from './message-batches.js';
import { consumedMessage } from './consumed-message.js';
import { lagOf } from './consumer-lag.js';
import { Listeners } from './listeners.js';
import { healthOf } from './consumer-health.js';
import { startOf } from './consumer-settings.js';
import { HandlerRun } from './handler-run.js';
import { RecordSource } from './record-source.js';
import type { SourceItem } from './record-source.js';
import { TakenMessages, upTo } from './taken-messages.js';
import { sharedController, sharedSignal } from '../shared-signal.js';

const FETCH_MAX = 500;
const FETCH_WAIT = '1s';
const BATCH_MAX = 500;
const BATCH_WAIT = '200ms';
/** How long the end of run() may wait for its commit. */
const SETTLE_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT = '30s';
/** To commit and to leave there is always so much time, also where handlers used up that of close(). */
const LAST_WORDS_MS = 1000;
const LAG_TIMEOUT = '30s';
/** So many messages in a row, and then the event loop gets its turn. */
const YIELD_EVERY = 256;

/** How the consumer comes by its partitions. */
export type MakeAssignment = (
  source: RecordSource,
  stopping: AbortSignal,
  emit: Emit,
) => Assignment;

export class ZhumqConsumer<K, V> implements Consumer<K, V> {
  private readonly source = new RecordSource();
  private readonly assignment: Assignment;
  private readonly stopped = sharedController();
  private readonly listeners: Listeners;
  private readonly taken: TakenMessages<K, V>;
  private reading: string | undefined;
  private handledMs: number;
  private running: Promise<void> | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly cluster: Cluster,
    private readonly topics: readonly string[],
    private readonly codecs: Topic<unknown, unknown, K, V> | undefined,
    makeAssignment: MakeAssignment,
    private readonly onClosed: (consumer: ZhumqConsumer<K, V>) => void,
  ) {
    this.listeners = new Listeners(cluster.options.logger);
    const emit: Emit = (event, details) => this.listeners.tell(event, details);
    this.assignment = makeAssignment(this.source, this.stopped.signal, emit);
    this.handledMs = cluster.options.clock.monotonicMs();
    const messageOf = (item: SourceItem): Message<K, V> => this.messageOf(item);
    const progress = (): void => this.progress();
    this.taken = new TakenMessages(this.source, this.assignment, messageOf, progress);
    // 'latest' is now, not when reading begins. What fails here fails again, and is told, when it is used.
    this.assignment.open().catch(() => undefined);
  }

  // ---- ways to read -----------------------------------------------------------------------------------------------

  run(
    handler: (message: Message<K, V>, context: { readonly signal: AbortSignal }) => unknown,
    options: RunOptions = {},
  ): Promise<void> {
    this.running = this.runUntilStopped(handler, options);
    return this.running;
  }

  fetch(options: FetchOptions = {}): Promise<Message<K, V>[]> {
    return this.collect('fetch()', options, (max) => upTo(max, () => this.taken.one()));
  }

  take(options: TakeOptions = {}): Promise<TakenMessage<K, V>[]> {
    const { maxBytes = Infinity } = options;
    return this.collect('take()', options, (max) => this.taken.several(max, maxBytes));
  }

  /** Waits until there is something, or the time is up. */
  private async collect<T>(
    way: string,
    options: FetchOptions,
    take: (max: number) => T[],
  ): Promise<T[]> {
    const max = integerOption('max', options.max, FETCH_MAX, { min: 1, max: 1_000_000 });
    const waitMs = durationOption('wait', options.wait, FETCH_WAIT);
    const { clock } = this.cluster.options;
    const deadline = Deadline.after(clock, waitMs);
    this.begin(way);
    let late: () => void = () => undefined;
    const timeUp = new Promise<void>((resolve) => (late = resolve));
    const timer = clock.after(waitMs, () => {
      late();
      this.source.notify();
    });
    const wake = (): void => this.source.notify();
    if (options.signal !== undefined) {
      sharedSignal(options.signal).addEventListener('abort', wake, { once: true });
    }
    try {
      const opened = this.opened();
      // To join a group may take longer than the program wants to wait.
      const soon = this.assignment.group === undefined ? opened : Promise.race([opened, timeUp]);
      await settleWithin(soon, clock, { signal: options.signal }, way);
      for (;;) {
        if (options.signal?.aborted) throw abortedError(way, options.signal);
        this.checkOpen();
        const messages = take(max);
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
        this.taken.settle();
        await this.opened();
        if (++taken % YIELD_EVERY === 0) await yieldToEvents();
        while (!this.stopped.signal.aborted && !done) {
          const message = this.taken.one();
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

  batches(options: BatchesOptions = {}): AsyncIterable<MessageBatch<K, V>> {
    const { clock } = this.cluster.options;
    const max = integerOption('max', options.max, BATCH_MAX, { min: 1, max: 1_000_000 });
    const waitMs = durationOption('wait', options.wait, BATCH_WAIT);
    return batchesOf<K, V>({
      ...{ clock, source: this.source, assignment: this.assignment, max, waitMs },
      ...{ signal: options.signal, stopped: this.stopped.signal },
      begin: () => this.begin('batches()'),
      take: () => this.taken.entrust(),
      progress: () => this.progress(),
      end: () => (this.reading = undefined),
    });
  }

  private async runUntilStopped(
    handler: (message: Message<K, V>, context: { readonly signal: AbortSignal }) => unknown,
    options: RunOptions,
  ): Promise<void> {
    const range = { min: 1, max: 10_000 };
    const concurrency = integerOption('concurrency', options.concurrency, 1, range);
    this.begin('run()');
    try {
      await settleWithin(this.opened(), this.cluster.options.clock, options, 'run()');
      const run = new HandlerRun(this.source, {
        concurrency,
        order: choiceOption('order', options.order, 'partition', ['partition', 'key', 'none']),
        stopped: [this.stopped.signal, ...(options.signal === undefined ? [] : [options.signal])],
        handle: (item, signal) => handler(this.messageOf(item), { signal }),
        taken: () => this.assignment.reading.wake(),
        handled: () => {
          this.progress();
          this.assignment.group?.handled(1);
        },
        failedAfterLoss: ({ reader: { topic, partition }, record: { offset } }, error) =>
          this.cluster.options.logger.debug(
            { err: error, topic, partition, offset },
            'a handler failed after its partition was lost',
          ),
      });
      try {
        await run.untilStopped();
      } finally {
        // What is to be read again is pulled at once.
        this.assignment.reading.wake();
        await this.assignment.group?.settle(SETTLE_TIMEOUT_MS);
      }
    } catch (error) {
      const stopped = this.stopped.signal.aborted || (options.signal?.aborted ?? false);
      if (!stopped || !isStop(error)) throw error;
    } finally {
      this.reading = undefined;
    }
  }

  private messageOf({ reader, record }: SourceItem): Message<K, V> {
    return consumedMessage(reader.topic, this.codecs, reader.partition, record);
  }

  private progress(): void {
    this.handledMs = this.cluster.options.clock.monotonicMs();
  }

  private begin(way: string): void {
    this.checkOpen();
    if (this.reading !== undefined) {
      const text = `this consumer is being read by ${this.reading}; ${way} must wait until that has ended`;
      throw zhumqError('INVALID_REQUEST', text);
    }
    this.reading = way;
    // Who asks for more has done with what was taken.
    this.taken.settle();
  }

  // ---- positions --------------------------------------------------------------------------------------------------

  async ready(options: CallOptions = {}): Promise<void> {
    const { clock } = this.cluster.options;
    await settleWithin(this.locate(), clock, options, 'ready()');
  }

  position(): readonly Position[] {
    return this.source.readers
      .filter((reader) => reader.started)
      .map((reader) => ({ ...this.topicOf(reader), ...reader.position() }));
  }

  async seek(to: StartPosition, partitions?: readonly number[]): Promise<void> {
    const start = startOf(to);
    this.checkOpen();
    await this.opened();
    const readers = this.assignment.reading.seek(start, partitions && new Set(partitions));
    await this.assignment.reading.located(readers);
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
    const deadline = Deadline.after(clock, timeoutMs);
    const limits = { clock, random, deadline, signal: options.signal };
    return lagOf(this.cluster, this.topics, this.assignment, this.source.readers, limits);
  }

  async commit(positions?: readonly Position[], options: CallOptions = {}): Promise<void> {
    this.checkOpen();
    const { group } = this.assignment;
    if (group === undefined) {
      const text =
        'this consumer has no group whose positions could be committed; keep position() yourself';
      throw zhumqError('INVALID_REQUEST', text);
    }
    if (positions === undefined) this.taken.settle();
    await group.commit(positions, options);
  }

  health(): ConsumerHealth {
    return healthOf(this.source.readers, this.assignment, {
      nowMs: this.cluster.options.clock.monotonicMs(),
      handledMs: this.handledMs,
      closed: this.stopped.signal.aborted,
      way: this.reading,
    });
  }

  private topicOf({ topic }: { readonly topic: string }): { readonly topic?: string } {
    return this.topics.length > 1 ? { topic } : {};
  }

  private async locate(): Promise<void> {
    this.checkOpen();
    await this.opened();
    await this.assignment.reading.located(this.source.readers);
    this.checkOpen();
  }

  private setPaused(partitions: readonly number[] | undefined, paused: boolean): void {
    for (const reader of this.source.readers) {
      if (partitions?.includes(reader.partition) ?? true) reader.paused = paused;
    }
    this.source.notify();
    this.assignment.reading.wake();
  }

  // ---- events and end ---------------------------------------------------------------------------------------------

  on<E extends keyof ConsumerEvents>(
    event: E,
    listener: (details: ConsumerEvents[E]) => void,
  ): () => void {
    return this.listeners.add(event, listener);
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
    const deadline = Deadline.after(clock, durationOption('timeout', timeout, CLOSE_TIMEOUT));
    const left = (): number => Math.max(LAST_WORDS_MS, deadline.remainingMs());
    const running = (this.running ?? Promise.resolve()).catch(() => undefined);
    const within = (work: Promise<void>, limits: CallOptions): Promise<void> =>
      settleWithin(work, clock, limits, 'close()').catch(() => undefined);
    await within(running, { timeout, signal });
    const { group } = this.assignment;
    if (group !== undefined) {
      // A commit may be under way that has more time than there is here.
      await within(group.settle(left()), { timeout: left() });
      await within(group.leave(left()), { timeout: left() });
    }
    this.onClosed(this);
  }

  /** What is waited for when the consumer is closed ends with CLOSED. */
  private async opened(): Promise<void> {
    try {
      await this.assignment.open();
    } catch (error) {
      this.checkOpen();
      throw error;
    }
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
