// One attachment: pushes what its partitions commit, as soon as it is committed, as far as credit goes. Partitions take
// turns of one chunk each; batches go by reference, and no more of them wait for the socket than delivery-buffer.ts says: then
// nothing is read until the consumer's side has taken them. A read of files is waited for beside the others.
import { ZhumqError } from '@zhumq/base';
import type { ByteBudget, Clock, Logger } from '@zhumq/base';
import type { LogSlice } from '@zhumq/log';
import { isError, zhumqError } from '@zhumq/model';
import { consumerClient, failureOf } from '@zhumq/rpc';
import type {
  CallContext,
  ConsumerClient,
  PartitionAttach,
  PartitionAttachResult,
  PartitionCredit,
} from '@zhumq/rpc';
import type { Partition } from '../partition/partition.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import { AttachedPartition } from './attached-partition.js';
import { DeliveryBuffer } from './delivery-buffer.js';

/** What a partition gives before the next one has its turn. */
const CHUNK_BYTES = 128 * 1024;
/** After so much the event loop gets its turn. */
const TURN_BYTES = 1024 * 1024;
/** With so many under way, partitions of which nothing is known queue with those that are read from files. */
const MAX_UNFORESEEN_COLD_READS = 4;
/** A peer that was silent for so many heartbeats is taken for dead. */
const SILENT_HEARTBEATS = 3;

export interface DeliverySessionOptions {
  readonly attachment: number;
  readonly context: CallContext;
  readonly registry: PartitionRegistry;
  readonly clock: Clock;
  /** Bytes that may wait for the socket, */
  readonly maxBufferedBytes: number;
  /** and for the sockets of all sessions together. */
  readonly buffers: ByteBudget;
  /** Bytes that all reads of files for deliveries may hold. */
  readonly coldReads: ByteBudget;
  readonly logger: Logger;
  readonly pushed: (bytes: number) => void;
}

export class DeliverySession {
  private readonly partitions = new Map<string, AttachedPartition>();
  /** Those that may have something to read, in the order of their turns. */
  private readonly due = new Set<AttachedPartition>();
  private readonly consumer: ConsumerClient;
  private readonly buffer: DeliveryBuffer;
  /** Those that wait for their read of files. */
  private readonly coldQueue = new Set<AttachedPartition>();
  private readsCold = false;
  /** Reads under way that turned out to go to the files. */
  private unforeseenColdReads = 0;
  private scheduled = false;
  private draining = false;
  private ended = false;
  private silentHeartbeats = 0;
  private readonly wake = (partition: AttachedPartition): void => this.makeDue(partition);

  constructor(private readonly options: DeliverySessionOptions) {
    this.consumer = consumerClient(options.context.peer);
    this.buffer = new DeliveryBuffer(options.context, options.maxBufferedBytes, options.buffers);
  }

  get partitionCount(): number {
    return this.partitions.size;
  }

  /** Something is to be read and the consumer does not let it come. */
  get stalled(): boolean {
    if (this.draining) return true;
    for (const partition of this.partitions.values()) {
      if (this.isBehind(partition) && !partition.hasCredit) return true;
    }
    return false;
  }

  // ---- what the consumer says -------------------------------------------------------------------------------------

  add(wanted: PartitionAttach): PartitionAttachResult {
    const { topic, partition: number } = wanted;
    this.remove(topic, number);
    const found = this.options.registry.find(topic, number);
    const [highWatermark, logStart] = [found?.highWatermark ?? -1, found?.log.logStart ?? -1];
    const result = { topic, partition: number, highWatermark, logStart };
    try {
      const partition = this.options.registry.get(topic, number, wanted.topicId);
      partition.checkReadable(wanted.offset, wanted.lastEpoch ?? -1);
    } catch (error) {
      // A new leader that does not know the high watermark yet: worth waiting for.
      if (!isError(error, 'NOT_COMMITTED_YET')) return { ...result, failure: failureOf(error) };
    }
    const attached = new AttachedPartition(found?.name.topicId ?? '', wanted, this.wake);
    this.partitions.set(nameOf(topic, number), attached);
    this.makeDue(attached);
    return result;
  }

  remove(topic: string, number: number): void {
    const attached = this.partitions.get(nameOf(topic, number));
    if (attached !== undefined) this.drop(attached);
  }

  grant(credits: readonly PartitionCredit[]): void {
    this.heard();
    for (const credit of credits) {
      const attached = this.partitions.get(nameOf(credit.topic, credit.partition));
      if (attached?.stretch !== credit.stretch) continue;
      attached.grant(credit);
      if (attached.hasCredit) this.makeDue(attached);
    }
  }

  // ---- life -------------------------------------------------------------------------------------------------------

  heard(): void {
    this.silentHeartbeats = 0;
  }

  /** Says that this side is alive, and ends the connection when the other one seems not to be. */
  beat(): void {
    const { context, attachment, clock } = this.options;
    if (this.silentHeartbeats++ < SILENT_HEARTBEATS) {
      // What waits for the socket says as much, and pings behind it would only become more.
      if (context.bufferedBytes === 0) this.consumer.ping(Math.round(clock.monotonicMs()));
      return;
    }
    const text = `nothing was heard of the consumer at ${context.remoteAddress} for ${SILENT_HEARTBEATS} heartbeats`;
    context.destroy(zhumqError('TIMEOUT', text, { attachment }));
  }

  /** Tells the consumer why, and ends. */
  close(reason: ZhumqError): void {
    if (this.ended) return;
    this.end();
    this.consumer.attachmentClosed(this.options.attachment, failureOf(reason));
  }

  end(): void {
    this.ended = true;
    for (const attached of this.partitions.values()) attached.end();
    this.partitions.clear();
    this.due.clear();
    this.coldQueue.clear();
  }

  // ---- turns ------------------------------------------------------------------------------------------------------

  private makeDue(attached: AttachedPartition): void {
    if (this.ended || attached.reading) return;
    this.due.add(attached);
    this.schedule();
  }

  /** At the end of what is being done now: a commit must have happened in full, and what it brought goes together. */
  private schedule(): void {
    if (this.scheduled || this.draining) return;
    this.scheduled = true;
    queueMicrotask(() => this.run());
  }

  private run(): void {
    let turnBytes = 0;
    // A Set is walked in the order of insertions: one that has more comes again, behind all others.
    for (const attached of this.due) {
      if (!this.buffer.hasRoom) return this.waitForDrain();
      if (turnBytes >= TURN_BYTES) return void setImmediate(() => this.run());
      this.due.delete(attached);
      if (!attached.hasCredit) continue;
      const mayBeCold = attached.cold ?? this.unforeseenColdReads >= MAX_UNFORESEEN_COLD_READS;
      if (mayBeCold) this.readLater(attached);
      else turnBytes += this.readNow(attached);
    }
    this.scheduled = false;
  }

  private waitForDrain(): void {
    this.scheduled = false;
    this.draining = true;
    this.options.context.written().then(
      () => {
        this.draining = false;
        if (!this.ended) this.schedule();
      },
      // The connection is gone, and with it this session.
      () => undefined,
    );
  }

  // ---- reads ------------------------------------------------------------------------------------------------------

  /** Bytes sent; none when the read turns out to go to the files. */
  private readNow(attached: AttachedPartition): number {
    const done = this.read(attached);
    if (typeof done === 'number') return done;
    this.unforeseenColdReads++;
    void done.then(() => this.unforeseenColdReads--);
    return 0;
  }

  /** What was read from files goes on from files: one read at a time here, and so much memory for all sessions. */
  private readLater(attached: AttachedPartition): void {
    attached.reading = true;
    this.coldQueue.add(attached);
    if (!this.readsCold) void this.readColdQueue();
  }

  private async readColdQueue(): Promise<void> {
    const { coldReads } = this.options;
    this.readsCold = true;
    for (const attached of this.coldQueue) {
      this.coldQueue.delete(attached);
      await coldReads.reserve(CHUNK_BYTES);
      attached.reading = false;
      if (this.buffer.hasRoom) await this.read(attached);
      else this.makeDue(attached);
      coldReads.release(CHUNK_BYTES);
    }
    this.readsCold = false;
  }

  private read(attached: AttachedPartition): number | Promise<number> {
    if (!this.isCurrent(attached)) return 0;
    try {
      const { topic, partition: number, offset, lastEpoch } = attached;
      const partition = this.options.registry.get(topic, number);
      if (partition.name.topicId !== attached.topicId) throw anotherTopic(attached);
      const maxBytes = Math.max(1, Math.min(CHUNK_BYTES, attached.creditBytes));
      const read = partition.read(offset, maxBytes, lastEpoch);
      attached.cold = read instanceof Promise;
      if (read instanceof Promise) return this.finish(attached, partition, read);
      if (read !== undefined) return this.push(attached, partition, read);
      attached.waitAt(partition.gate);
    } catch (error) {
      this.failed(attached, error);
    }
    return 0;
  }

  private async finish(
    attached: AttachedPartition,
    partition: Partition,
    read: Promise<LogSlice>,
  ): Promise<number> {
    attached.reading = true;
    try {
      const slice = await read;
      attached.reading = false;
      if (!this.isCurrent(attached)) return 0;
      // Meanwhile the partition may have lost its leader, its beginning or (reported) its end, or stand here anew.
      partition.checkReadable(attached.offset, attached.lastEpoch);
      const { topic, partition: number } = attached;
      const stands = this.options.registry.find(topic, number) === partition;
      const committed = slice.bytes > 0 && slice.endOffset <= partition.highWatermark;
      if (stands && committed && this.buffer.hasRoom) return this.push(attached, partition, slice);
      this.makeDue(attached);
    } catch (error) {
      attached.reading = false;
      this.failed(attached, error);
    }
    return 0;
  }

  private push(attached: AttachedPartition, partition: Partition, slice: LogSlice): number {
    const allowed = attached.allow(slice.buffers, this.buffer.roomFor(slice.bytes));
    // The next grant makes it due.
    if (allowed === undefined) return 0;
    const { topic, partition: number, stretch, offset } = attached;
    const { highWatermark } = partition;
    const sent = this.consumer.deliver({
      ...{ topic, partition: number, stretch, offset, highWatermark },
      batches: this.buffer.kept(allowed.buffers, attached.cold === true) as Buffer[],
      creditBytes: attached.creditBytes - allowed.bytes,
      attachment: this.options.attachment,
      logStart: partition.log.logStart,
    });
    // The connection has ended; its signal ends this session.
    if (!sent) return 0;
    attached.sent(allowed);
    this.options.pushed(allowed.bytes);
    if (attached.offset < highWatermark) this.makeDue(attached);
    else attached.waitAt(partition.gate);
    return allowed.bytes;
  }

  // ---- ends -------------------------------------------------------------------------------------------------------

  private failed(attached: AttachedPartition, error: unknown): void {
    if (!this.isCurrent(attached)) return;
    const { topic, partition: number, stretch } = attached;
    const partition = this.options.registry.find(topic, number);
    if (partition !== undefined && isError(error, 'NOT_COMMITTED_YET')) {
      return attached.waitAt(partition.gate);
    }
    if (!ZhumqError.is(error)) {
      const { logger } = this.options;
      logger.error(
        { topic, partition: number, err: error },
        'a delivery failed: nobody foresaw it',
      );
    }
    this.drop(attached);
    this.consumer.detach(topic, number, failureOf(error), this.options.attachment, stretch);
  }

  private drop(attached: AttachedPartition): void {
    attached.end();
    this.due.delete(attached);
    this.partitions.delete(nameOf(attached.topic, attached.partition));
  }

  private isCurrent(attached: AttachedPartition): boolean {
    return this.partitions.get(nameOf(attached.topic, attached.partition)) === attached;
  }

  private isBehind({ topic, partition: number, offset }: AttachedPartition): boolean {
    return offset < (this.options.registry.find(topic, number)?.highWatermark ?? -1);
  }
}

function anotherTopic({ topic, partition }: AttachedPartition): Error {
  const text = `the topic of partition ${topic}-${partition} was deleted and created again since this was attached`;
  return zhumqError('UNKNOWN_PARTITION', text, { topic, partition });
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
