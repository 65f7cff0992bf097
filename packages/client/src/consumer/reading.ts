// What all ways of assignment share: keeps the readers of a consumer filled, finds the offsets where they begin, and decides
// what a failure means: wait, go on elsewhere, or tell the program.
import { Deadline } from '@zhumq/base';
import type { ZhumqError } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import type { StartPosition } from '../api/consumer.js';
import type { Cluster } from '../cluster/cluster.js';
import { EARLIEST, LATEST, listOffsets } from '../cluster/list-offsets.js';
import { asZhumqError } from '../errors.js';
import type { Emit } from './assignment.js';
import type { ConsumerSettings } from './consumer-settings.js';
import type { PartitionReader, Start } from './partition-reader.js';
import { Puller } from './puller.js';
import { Pusher } from './pusher.js';
import type { RecordSource } from './record-source.js';

const STALLED_AFTER_MS = 2000;
/** So long a topic that was there may be missing before it counts as deleted. */
const DELETED_AFTER_MS = 10_000;

export class Reading {
  /** When a broker answered last, with messages or without. */
  heardMs: number;
  private wokenMs = -Infinity;
  private readonly puller: Puller | Pusher;

  constructor(
    private readonly cluster: Cluster,
    private readonly settings: ConsumerSettings,
    private readonly source: RecordSource,
    private readonly stopping: AbortSignal,
    private readonly emit: Emit,
  ) {
    this.heardMs = cluster.options.clock.monotonicMs();
    const Way = settings.delivery === 'push' ? Pusher : Puller;
    this.puller = new Way(cluster, source.readers, settings, {
      filled: () => {
        this.heardMs = cluster.options.clock.monotonicMs();
        source.notify();
      },
      failed: (reader, error) => this.failed(reader, error),
      troubled: (reader, error) => this.troubled(reader, error),
      well: (reader, broker) => this.well(reader, broker),
      locate: (readers) => this.locateByTopic(readers),
    });
  }

  /** Since when a broker should have answered, if only that there is nothing. */
  get silentSinceMs(): number {
    const patienceMs = this.settings.delivery === 'pull' ? this.settings.maxWaitMs : 0;
    return Math.max(this.heardMs, this.wokenMs) + patienceMs;
  }

  /** A reader has room, or another place to read from. */
  wake(): void {
    this.wokenMs = this.cluster.options.clock.monotonicMs();
    this.puller.wake();
  }

  /** Who waits for a leader may have one. */
  leadersChanged(): void {
    this.puller.leadersChanged();
  }

  stop(): void {
    this.puller.stop();
  }

  /** Resolves when all of them know where they begin. */
  async located(readers: readonly PartitionReader[]): Promise<void> {
    while (!this.stopping.aborted) {
      const here = readers.filter(({ gone }) => !gone.aborted);
      const failure = here.find((reader) => reader.failure !== undefined)?.failure;
      if (failure !== undefined) throw failure;
      if (here.every((reader) => reader.started)) return;
      await this.source.wait();
    }
  }

  seek(to: StartPosition, partitions: ReadonlySet<number> | undefined): readonly PartitionReader[] {
    const readers = this.source.readers.filter(
      ({ partition }) => partitions === undefined || partitions.has(partition),
    );
    for (const reader of readers) {
      if (!Array.isArray(to)) place(reader, to as Exclude<StartPosition, readonly unknown[]>);
      else {
        const own = to.find(
          ({ topic, partition }) =>
            partition === reader.partition && (topic ?? reader.topic) === reader.topic,
        );
        if (own !== undefined) reader.seek(own.offset, own.lastEpoch);
      }
    }
    this.wake();
    return readers;
  }

  /** No offset of this topic means anything any more. */
  failTopic(topic: string, error: ZhumqError): void {
    for (const reader of this.source.readers) if (reader.topic === topic) reader.failure = error;
    this.source.notify();
  }

  // ---- starting offsets -------------------------------------------------------------------------------------------

  private locateByTopic(readers: readonly PartitionReader[]): void {
    for (const topic of new Set(readers.map((reader) => reader.topic))) {
      void this.locate(
        topic,
        readers.filter((reader) => reader.topic === topic),
      );
    }
  }

  private async locate(topic: string, readers: readonly PartitionReader[]): Promise<void> {
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
      await listOffsets(this.cluster, topic, queries, {
        clock,
        random,
        deadline: Deadline.after(clock, Infinity),
        signal: this.stopping,
        onFound: ({ partition, offset }) => {
          // Nothing was read before it, so there is no epoch to compare.
          current(partition)?.seek(offset, -1);
          this.source.notify();
          this.wake();
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
    const { topic, partition, fetchOffset } = reader;
    const lost = isError(error, 'TRUNCATED');
    const outside = isError(error, 'OFFSET_OUT_OF_RANGE');
    const ahead = outside && fetchOffset > Number(error.context.highWatermark ?? Infinity);
    // What was pulled ahead and is not with the program yet may be what was lost: it is pulled again.
    if ((lost || ahead) && reader.ahead) return reader.refetch();
    const { onTruncated, onOutOfRange } = this.settings;
    if (lost && onTruncated === 'resume') {
      const resumedAt = Number(error.context.agreed ?? fetchOffset);
      reader.seek(Math.min(resumedAt, fetchOffset), -1);
      this.emit('truncated', { topic, partition, offset: fetchOffset, resumedAt });
    } else if (outside && onOutOfRange !== 'error') {
      if (reader.bufferedBytes > 0) return this.failLater(reader, error);
      reader.seekStart(onOutOfRange, (resumedAt) =>
        this.emit('outOfRange', { topic, partition, offset: fetchOffset, resumedAt }),
      );
    } else reader.failure = error;
    this.source.notify();
  }

  /** What was pulled before is still good; the next pull fails again, and then there is nothing left to lose. */
  private failLater(reader: PartitionReader, error: ZhumqError): void {
    const { clock } = this.cluster.options;
    reader.notBeforeMs = clock.monotonicMs() + reader.schedule.nextMs(error.code);
    this.cluster.options.logger.debug(
      { topic: reader.topic, partition: reader.partition, code: error.code },
      error.message,
    );
  }

  private troubled(reader: PartitionReader, error: ZhumqError): void {
    const { topic, partition } = reader;
    const forMs = this.cluster.options.clock.monotonicMs() - (reader.failingSinceMs ?? Infinity);
    const { logger } = this.cluster.options;
    logger.debug({ topic, partition, code: error.code }, error.message);
    if (forMs >= DELETED_AFTER_MS && this.cluster.view.topic(topic) === undefined) {
      const text = `topic ${topic} does not exist any more`;
      reader.failure = zhumqError('UNKNOWN_TOPIC', text, { topic }, error);
      this.source.notify();
    } else if (forMs >= STALLED_AFTER_MS && !reader.stalled) {
      reader.stalled = true;
      logger.warn({ topic, partition, err: error }, 'can not be read');
      this.emit('stalled', { topic, partition, error });
    }
  }

  private well(reader: PartitionReader, broker: string): void {
    reader.failingSinceMs = undefined;
    if (!reader.stalled) return;
    reader.stalled = false;
    this.emit('reconnected', { topic: reader.topic, partition: reader.partition, broker });
  }
}

/** Sends a reader to where its reading begins. */
export function place(reader: PartitionReader, start: Start | number): void {
  if (typeof start === 'number') reader.seek(start, -1);
  else reader.seekStart(start);
}

function timestampOf(start: Start): number {
  return start === 'earliest' ? EARLIEST : start === 'latest' ? LATEST : start.getTime();
}
