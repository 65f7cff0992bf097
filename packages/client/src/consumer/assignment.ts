// Which partitions a consumer reads and how each is kept readable: finds the topic and the starting offsets, takes in new
// partitions, and decides what a failure means: wait, go on elsewhere, or tell the program.
import { Deadline } from '@zhumq/base';
import type { ZhumqError } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { ConsumerEvents, StartPosition } from '../api/consumer.js';
import type { Cluster } from '../cluster/cluster.js';
import type { TopicView } from '../cluster/topic-view.js';
import { EARLIEST, LATEST, listOffsets } from '../cluster/list-offsets.js';
import { asZhumqError } from '../errors.js';
import type { ConsumerSettings } from './consumer-settings.js';
import { PartitionReader } from './partition-reader.js';
import type { Start } from './partition-reader.js';
import { Puller } from './puller.js';
import type { RecordSource } from './record-source.js';

const STALLED_AFTER_MS = 2000;
/** So long a topic that was there may be missing before it counts as deleted. */
const DELETED_AFTER_MS = 10_000;
const OPEN_TIMEOUT_MS = 30_000;

export type Emit = <E extends keyof ConsumerEvents>(event: E, details: ConsumerEvents[E]) => void;

export class Assignment {
  readonly puller: Puller;
  private opening: Promise<void> | undefined;
  private topicId: string | undefined;
  private readonly stopListening: () => void;

  constructor(
    private readonly cluster: Cluster,
    readonly topic: string,
    private readonly settings: ConsumerSettings,
    private readonly source: RecordSource,
    private readonly stopping: AbortSignal,
    private readonly emit: Emit,
  ) {
    this.puller = new Puller(cluster, topic, source.readers, settings, {
      filled: () => source.notify(),
      failed: (reader, error) => this.failed(reader, error),
      troubled: (reader, error) => this.troubled(reader, error),
      well: (reader, broker) => this.well(reader, broker),
      locate: (readers) => void this.locate(readers),
    });
    this.stopListening = cluster.onChange(() => this.afterMetadata());
  }

  /** Resolves when the topic was found; an attempt that failed is made again by the next call. */
  open(): Promise<void> {
    this.opening ??= this.findTopic().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  /** Resolves when all partitions know where they begin. */
  async located(readers: readonly PartitionReader[]): Promise<void> {
    const { source } = this;
    while (!this.stopping.aborted) {
      const failure = readers.find((reader) => reader.failure !== undefined)?.failure;
      if (failure !== undefined) throw failure;
      if (readers.every((reader) => reader.started)) return;
      await source.wait();
    }
  }

  seek(to: StartPosition, partitions: ReadonlySet<number> | undefined): readonly PartitionReader[] {
    const readers = this.source.readers.filter(
      ({ partition }) => partitions === undefined || partitions.has(partition),
    );
    for (const reader of readers) {
      if (!Array.isArray(to)) place(reader, to as Exclude<StartPosition, readonly unknown[]>);
      else {
        const own = to.find(({ partition }) => partition === reader.partition);
        if (own !== undefined) reader.seek(own.offset, own.lastEpoch);
      }
    }
    this.puller.wake();
    return readers;
  }

  stop(): void {
    this.stopListening();
    this.puller.stop();
  }

  // ---- partitions -------------------------------------------------------------------------------------------------

  private async findTopic(): Promise<void> {
    const deadline = Deadline.after(this.cluster.options.clock, OPEN_TIMEOUT_MS);
    const view = await this.cluster.loadTopic(this.topic, deadline, this.stopping);
    this.topicId = view.topicId;
    const { partitions, from } = this.settings;
    const count = view.partitions.length;
    const missing = partitions?.find((partition) => partition >= count);
    if (missing !== undefined) {
      const text = `topic ${this.topic} has no partition ${missing}; it has ${count}, from 0`;
      throw zhumqError('UNKNOWN_PARTITION', text, { topic: this.topic, partition: missing });
    }
    for (const partition of partitions ?? view.partitions.keys()) {
      const reader = new PartitionReader(partition, this.cluster.options.random);
      const own = Array.isArray(from)
        ? from.find((position) => position.partition === partition)
        : undefined;
      if (own !== undefined) reader.seek(own.offset, own.lastEpoch);
      else place(reader, Array.isArray(from) ? 'latest' : (from as Start | number));
      this.source.readers.push(reader);
    }
    this.puller.wake();
  }

  private afterMetadata(): void {
    if (this.topicId === undefined) return;
    const view = this.cluster.view.topic(this.topic);
    if (view !== undefined) {
      if (view.topicId !== this.topicId) return this.failAll(recreated(this.topic));
      if (this.settings.partitions === undefined) this.takeIn(view);
    }
    this.puller.leadersChanged();
  }

  /** What was sent to a new partition before it was noticed counts, too. */
  private takeIn(view: TopicView): void {
    const { readers } = this.source;
    const added: number[] = [];
    for (let partition = readers.length; partition < view.partitions.length; partition++) {
      const reader = new PartitionReader(partition, this.cluster.options.random);
      reader.seekStart('earliest');
      readers.push(reader);
      added.push(partition);
    }
    if (added.length > 0) this.emit('assigned', { partitions: added });
  }

  private failAll(error: ZhumqError): void {
    for (const reader of this.source.readers) reader.failure = error;
    this.source.notify();
  }

  // ---- starting offsets -------------------------------------------------------------------------------------------

  private async locate(readers: readonly PartitionReader[]): Promise<void> {
    const { clock, random } = this.cluster.options;
    const byPartition = new Map(readers.map((reader) => [reader.partition, reader]));
    const begun = new Map(readers.map((reader) => [reader, reader.begin()]));
    const queries = readers.map(({ partition, start }) => ({
      partition,
      timestamp: timestampOf(start as Start),
    }));
    /** The reader, if it has not been sent elsewhere since. */
    const current = (partition: number): PartitionReader | undefined => {
      const reader = byPartition.get(partition);
      return reader !== undefined && reader.seeks === begun.get(reader) ? reader : undefined;
    };
    try {
      await listOffsets(this.cluster, this.topic, queries, {
        clock,
        random,
        deadline: Deadline.after(clock, Infinity),
        signal: this.stopping,
        onFound: ({ partition, offset }) => {
          // Nothing was read before it, so there is no epoch to compare.
          current(partition)?.seek(offset, -1);
          this.source.notify();
          this.puller.wake();
        },
        onFailed: (partition, error) => {
          const reader = current(partition);
          if (reader === undefined || !error.retriable) return;
          reader.failingSinceMs ??= clock.monotonicMs();
          this.troubled(reader, error);
        },
      });
    } catch (error) {
      if (this.stopping.aborted) return;
      for (const { partition } of readers) {
        const reader = current(partition);
        if (reader === undefined) continue;
        reader.failure = asZhumqError(error);
        reader.end(reader.seeks);
      }
      this.source.notify();
    }
  }

  // ---- failures ---------------------------------------------------------------------------------------------------

  private failed(reader: PartitionReader, error: ZhumqError): void {
    const { partition, fetchOffset } = reader;
    const lost = isError(error, 'TRUNCATED');
    const outside = isError(error, 'OFFSET_OUT_OF_RANGE');
    const ahead = outside && fetchOffset > Number(error.context.highWatermark ?? Infinity);
    // What was pulled ahead and is not with the program yet may be what was lost: it is pulled again.
    if ((lost || ahead) && reader.ahead) return reader.refetch();
    const { onTruncated, onOutOfRange } = this.settings;
    if (lost && onTruncated === 'resume') {
      const resumedAt = Number(error.context.agreed ?? fetchOffset);
      reader.seek(Math.min(resumedAt, fetchOffset), -1);
      this.emit('truncated', { partition, offset: fetchOffset, resumedAt });
    } else if (outside && onOutOfRange !== 'error') {
      if (reader.bufferedBytes > 0) return this.failLater(reader, error);
      reader.seekStart(onOutOfRange, (resumedAt) =>
        this.emit('outOfRange', { partition, offset: fetchOffset, resumedAt }),
      );
    } else reader.failure = error;
    this.source.notify();
  }

  /** What was pulled before is still good; the next pull fails again, and then there is nothing left to lose. */
  private failLater(reader: PartitionReader, error: ZhumqError): void {
    const { clock } = this.cluster.options;
    reader.notBeforeMs = clock.monotonicMs() + reader.schedule.nextMs(error.code);
    this.cluster.options.logger.debug(
      { partition: reader.partition, code: error.code },
      error.message,
    );
  }

  private troubled(reader: PartitionReader, error: ZhumqError): void {
    const forMs = this.cluster.options.clock.monotonicMs() - (reader.failingSinceMs ?? Infinity);
    const { logger } = this.cluster.options;
    logger.debug(
      { topic: this.topic, partition: reader.partition, code: error.code },
      error.message,
    );
    if (forMs >= DELETED_AFTER_MS && this.cluster.view.topic(this.topic) === undefined) {
      const text = `topic ${this.topic} does not exist any more`;
      reader.failure = zhumqError('UNKNOWN_TOPIC', text, { topic: this.topic }, error);
      this.source.notify();
    } else if (forMs >= STALLED_AFTER_MS && !reader.stalled) {
      reader.stalled = true;
      logger.warn(
        { topic: this.topic, partition: reader.partition, err: error },
        'can not be read',
      );
      this.emit('stalled', { partition: reader.partition, error });
    }
  }

  private well(reader: PartitionReader, broker: string): void {
    reader.failingSinceMs = undefined;
    if (!reader.stalled) return;
    reader.stalled = false;
    this.emit('reconnected', { partition: reader.partition, broker });
  }
}

function place(reader: PartitionReader, start: Start | number): void {
  if (typeof start === 'number') reader.seek(start, -1);
  else reader.seekStart(start);
}

function timestampOf(start: Start): number {
  return start === 'earliest' ? EARLIEST : start === 'latest' ? LATEST : start.getTime();
}

function recreated(topic: string): ZhumqError {
  const text = `topic ${topic} was deleted and created again: its offsets mean other messages now; read it with a new consumer`;
  return zhumqError('UNKNOWN_TOPIC', text, { topic });
}
