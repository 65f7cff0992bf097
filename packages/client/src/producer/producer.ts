// send(), flush(), close(): messages in, promises out. Room and metadata are waited for here, in the order of sending;
// batches are the queues' business, the network the dispatcher's.
import { ByteBudget, Deadline, SerialExecutor } from '@zhumq/base';
import type { Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import type { CallOptions } from '../api/client.js';
import type { OutgoingMessage, Receipt } from '../api/message.js';
import type { Producer, ProducerHealth } from '../api/producer.js';
import type { Topic } from '../api/topic.js';
import type { Cluster } from '../cluster/cluster.js';
import { asZhumqError, closedError, errorWithOutcome } from '../errors.js';
import { durationOption } from '../option-values.js';
import { settleWithin } from '../retry.js';
import { Dispatcher } from './dispatcher.js';
import { IdentitySource } from './identity-source.js';
import { outgoingRecord } from './outgoing-record.js';
import type { OutgoingRecord } from './outgoing-record.js';
import { PartitionQueue } from './partition-queue.js';
import { PendingSend } from './pending-send.js';
import type { ProducerSettings } from './producer-settings.js';
import { TopicWriter } from './topic-writer.js';
import { sharedController } from '../shared-signal.js';

/** So many messages may wait for room or for metadata. */
const MAX_WAITING = 100_000;
const CLOSE_TIMEOUT = '30s';

type AnyTopic = string | Topic<unknown, unknown, unknown, unknown>;
type AnyMessage = OutgoingMessage<unknown, unknown>;

/** The messages of one topic that could not be enqueued at once. */
interface Entrance {
  writer: TopicWriter | undefined;
  /** Messages that came before this moment share the fate of the last look-up that failed. */
  failedAtMs: number;
  failure: Error | undefined;
  readonly line: SerialExecutor;
}

export class ZhumqProducer implements Producer {
  private readonly budget: ByteBudget;
  private readonly identities: IdentitySource | undefined;
  private readonly dispatcher: Dispatcher;
  private readonly entrances = new Map<string, Entrance>();
  private readonly queues: PartitionQueue[] = [];
  private readonly stopped = sharedController();
  private readonly stopListening: () => void;
  private flushing = 0;
  private closing: Promise<void> | undefined;
  private sweeper: Timer | undefined;

  constructor(
    private readonly cluster: Cluster,
    private readonly settings: ProducerSettings,
    private readonly onClosed: (producer: ZhumqProducer) => void,
  ) {
    this.budget = new ByteBudget({ maxBytes: settings.maxBufferedBytes, maxWaiters: MAX_WAITING });
    this.identities = settings.idempotent
      ? new IdentitySource(cluster, this.stopped.signal)
      : undefined;
    // Who waits for room waits for batches to leave, full or not.
    const hurry = (): boolean => this.flushing > 0 || this.budget.waiting > 0;
    this.dispatcher = new Dispatcher(cluster, this.identities, settings.acks, hurry);
    this.stopListening = cluster.onChange(() => this.afterMetadata());
  }

  get bufferedBytes(): number {
    return this.budget.used;
  }

  health(): ProducerHealth {
    const reasons = this.queues
      .map((queue) => this.reasonOf(queue))
      .filter((reason) => reason !== '');
    const closed = this.closing !== undefined;
    return { state: closed ? 'closed' : reasons.length > 0 ? 'stalled' : 'running', reasons };
  }

  private reasonOf(queue: PartitionQueue): string {
    const { topic, partition, empty, needsProducerId } = queue;
    const nameless = needsProducerId && !empty ? this.identities?.failure : undefined;
    const why = nameless || queue.trouble;
    const place = `${topic}-${partition}`;
    return why === '' || why.includes(place) ? why : `${place}: ${why}`;
  }

  send(topic: AnyTopic, message: AnyMessage, options?: CallOptions): Promise<Receipt>;
  send(topic: AnyTopic, messages: readonly AnyMessage[], options?: CallOptions): Promise<Receipt[]>;
  send(
    topic: AnyTopic,
    given: AnyMessage | readonly AnyMessage[],
    options?: CallOptions,
  ): Promise<Receipt | Receipt[]> {
    return new Promise((resolve, reject) => {
      if (this.closing !== undefined) throw closedError('producer');
      const many = Array.isArray(given);
      const messages = (many ? given : [given]) as readonly AnyMessage[];
      const now = this.cluster.options.clock.wallMs();
      // All of them, or none: what a codec refuses is found before anything is enqueued.
      const records = messages.map((message) => outgoingRecord(topic, message, now));
      if (records.length === 0) return resolve([]);
      const send = new PendingSend(resolve, reject, many ? records.length : undefined);
      if (options !== undefined) this.watch(send, options);
      const name = typeof topic === 'string' ? topic : topic.name;
      records.forEach((record, slot) => this.enter(name, record, send, slot));
    });
  }

  async flush(options: CallOptions = {}): Promise<void> {
    await settleWithin(this.flushAll(), this.cluster.options.clock, options, 'flush()');
  }

  close(options: CallOptions = {}): Promise<void> {
    this.closing ??= this.closeAfterFlush(options);
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private watch(send: PendingSend, { timeout, signal }: CallOptions): void {
    const timeoutMs = timeout === undefined ? undefined : durationOption('timeout', timeout, 0);
    if (timeoutMs !== undefined || signal !== undefined) {
      send.watch(this.cluster.options.clock, timeoutMs, signal);
    }
  }

  // ---- the way in -----------------------------------------------------------------------------------------------

  private enter(topic: string, record: OutgoingRecord, send: PendingSend, slot: number): void {
    const entrance = this.entranceOf(topic);
    const { costBytes } = record;
    const now = this.cluster.options.clock.monotonicMs();
    // Whoever comes while others wait waits behind them.
    const reserved =
      entrance.line.size === 0 || !this.settings.waitsWhenFull
        ? this.budget.tryReserve(costBytes)
        : false;
    if (!reserved && (!this.settings.waitsWhenFull || costBytes > this.settings.maxBufferedBytes)) {
      return send.fail(slot, this.full(topic, costBytes));
    }
    if (reserved && entrance.line.size === 0 && entrance.writer !== undefined) {
      return this.append(entrance.writer, record, send, slot, now);
    }
    const waiting = entrance.line.run(() =>
      this.enterLater(topic, entrance, record, send, slot, reserved, now),
    );
    if (waiting === undefined) {
      if (reserved) this.budget.release(costBytes);
      send.fail(slot, this.full(topic, costBytes));
    }
  }

  private async enterLater(
    topic: string,
    entrance: Entrance,
    record: OutgoingRecord,
    send: PendingSend,
    slot: number,
    reservedBefore: boolean,
    sinceMs: number,
  ): Promise<void> {
    let reserved = reservedBefore;
    const { clock } = this.cluster.options;
    try {
      if (!reserved) await this.budget.reserve(record.costBytes, this.stopped.signal);
      reserved = true;
      if (send.settled || this.stopped.signal.aborted) throw closedError('producer');
      if (entrance.writer === undefined && sinceMs <= entrance.failedAtMs)
        throw entrance.failure as Error;
      const leftMs = sinceMs + this.settings.deliveryTimeoutMs - clock.monotonicMs();
      if (leftMs <= 0) throw this.outOfTime(topic);
      entrance.writer ??= await this.open(topic, entrance, leftMs);
      this.append(entrance.writer, record, send, slot, sinceMs);
    } catch (caught) {
      if (reserved) this.budget.release(record.costBytes);
      send.fail(slot, this.stopped.signal.aborted ? closedError('producer') : asZhumqError(caught));
    } finally {
      // Names of topics that do not exist are not kept; this one is the last that waits.
      if (entrance.writer === undefined && entrance.line.size === 1) this.entrances.delete(topic);
    }
  }

  /** From here on the record's bytes are given back by its batch, unless this throws to its caller. */
  private append(
    writer: TopicWriter,
    record: OutgoingRecord,
    send: PendingSend,
    slot: number,
    nowMs: number,
  ): void {
    try {
      writer.append(record, send, slot, nowMs);
      send.enqueued = true;
      this.sweepLater();
    } catch (error) {
      this.budget.release(record.costBytes);
      send.fail(slot, asZhumqError(error));
    }
  }

  private async open(topic: string, entrance: Entrance, leftMs: number): Promise<TopicWriter> {
    const { clock, random } = this.cluster.options;
    const { batchBytes, codec } = this.settings;
    try {
      const deadline = Deadline.after(clock, leftMs);
      const view = await this.cluster.loadTopic(topic, deadline, this.stopped.signal);
      return new TopicWriter(view, {
        batchBytes,
        compressed: codec !== 'none',
        random,
        queue: (name, partition) => this.newQueue(name, partition),
        wake: (queue) => this.dispatcher.wake(queue),
      });
    } catch (error) {
      entrance.failedAtMs = clock.monotonicMs();
      entrance.failure = error as Error;
      throw error;
    }
  }

  private entranceOf(topic: string): Entrance {
    let entrance = this.entrances.get(topic);
    if (entrance === undefined) {
      const line = new SerialExecutor(MAX_WAITING);
      entrance = { writer: undefined, failedAtMs: -Infinity, failure: undefined, line };
      this.entrances.set(topic, entrance);
    }
    return entrance;
  }

  private newQueue(topic: string, partition: number): PartitionQueue {
    const release = (costBytes: number): void => this.budget.release(costBytes);
    const queue = new PartitionQueue(
      topic,
      partition,
      { ...this.settings, release },
      this.cluster.options.random,
    );
    this.queues.push(queue);
    return queue;
  }

  private full(topic: string, costBytes: number): ReturnType<typeof zhumqError> {
    const { maxBufferedBytes } = this.settings;
    const context = { topic, bytes: costBytes, limit: maxBufferedBytes };
    if (costBytes > maxBufferedBytes) {
      const text = `a message for topic ${topic} counts ${costBytes} bytes, more than maxBuffered (${maxBufferedBytes})`;
      return zhumqError('MESSAGE_TOO_LARGE', text, context);
    }
    const text = `the producer holds ${this.budget.used} of maxBuffered (${maxBufferedBytes}) bytes and can not take a message of ${costBytes} more; await send(), or raise maxBuffered`;
    return zhumqError('QUEUE_FULL', text, context);
  }

  private outOfTime(topic: string): Error {
    const text = `a message for topic ${topic} found no room in the producer's buffer within the delivery timeout`;
    return errorWithOutcome('rejected', 'TIMEOUT', text, { topic });
  }

  // ---- in the course of time --------------------------------------------------------------------------------------

  private afterMetadata(): void {
    for (const [topic, { writer }] of this.entrances) {
      const view = writer === undefined ? undefined : this.cluster.view.topic(topic);
      if (view !== undefined) writer?.update(view);
    }
    this.dispatcher.leadersChanged();
  }

  /** One timer for all deadlines, while there is anything to settle. */
  private sweepLater(): void {
    if (this.sweeper !== undefined) return;
    const periodMs = Math.min(1000, Math.max(5, this.settings.deliveryTimeoutMs / 10));
    this.sweeper = this.cluster.options.clock.after(periodMs, () => {
      this.sweeper = undefined;
      const now = this.cluster.options.clock.monotonicMs();
      let busy = false;
      for (const queue of this.queues) {
        if (queue.empty) continue;
        busy = true;
        queue.expire(now, this.identities?.failure);
      }
      if (busy) this.sweepLater();
    });
  }

  // ---- the end ----------------------------------------------------------------------------------------------------

  private async flushAll(): Promise<void> {
    this.flushing++;
    try {
      for (const queue of this.queues) if (queue.hasDraft) this.dispatcher.wake(queue);
      await Promise.all([...this.entrances.values()].map(({ line }) => line.drained()));
      const batches = this.queues.flatMap((queue) => [...queue.batches()]);
      for (const queue of this.queues) if (queue.hasDraft) this.dispatcher.wake(queue);
      await Promise.all(batches.map((batch) => batch.whenSettled()));
    } finally {
      this.flushing--;
    }
  }

  private async closeAfterFlush({ timeout = CLOSE_TIMEOUT, signal }: CallOptions): Promise<void> {
    const { clock } = this.cluster.options;
    await settleWithin(this.flushAll(), clock, { timeout, signal }, 'close()').catch(
      () => undefined,
    );
    this.stopped.abort();
    this.dispatcher.stop();
    this.sweeper?.cancel();
    for (const queue of this.queues) queue.abandon();
    this.stopListening();
    this.onClosed(this);
  }
}
