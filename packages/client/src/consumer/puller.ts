// Keeps the readers filled: one pull for all partitions of a broker that have room and are not being pulled already, again
// as soon as it is answered. A partition that has much to tell is thereby never held up by one that has nothing.
import { formatHostPort } from '@zhumq/base';
import type { Timer, ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { errorOf } from '@zhumq/rpc';
import type { PartitionPullResult } from '@zhumq/rpc';
import type { Cluster } from '../cluster/cluster.js';
import type { BrokerAddress } from '../cluster/cluster-view.js';
import type { Watched } from '../cluster/silent-leaders.js';
import { asZhumqError } from '../errors.js';
import type { ConsumerSettings } from './consumer-settings.js';
import type { PartitionReader } from './partition-reader.js';
import { sharedController } from '../shared-signal.js';

/** Pulls under way to one broker. */
const MAX_PULLS = 16;
/** Partitions in one pull. */
const MAX_PARTITIONS = 1000;
/** What an empty answer that came too early is taken for: a server that does not wait. */
const IDLE_WAIT_MS = 50;

export interface PullerEvents {
  /** There may be more to read. */
  filled(): void;
  /** An error that is not merely waited out; the puller leaves the reader alone until it is changed. */
  failed(reader: PartitionReader, error: ZhumqError): void;
  /** An error that is waited out. */
  troubled(reader: PartitionReader, error: ZhumqError): void;
  /** The partition could be read. */
  well(reader: PartitionReader, broker: string): void;
  /** The offset where a reader is to begin is not known. */
  locate(readers: readonly PartitionReader[]): void;
}

export class Puller {
  private readonly pulls = new Map<number, number>();
  private scheduled = false;
  private timer: Timer | undefined;
  private timerDueMs = Infinity;
  private readonly stopped = sharedController();

  constructor(
    private readonly cluster: Cluster,
    private readonly readers: readonly PartitionReader[],
    private readonly settings: ConsumerSettings,
    private readonly events: PullerEvents,
  ) {}

  /** A reader has room, or another place to read from. */
  wake(): void {
    if (this.scheduled || this.stopped.signal.aborted) return;
    this.scheduled = true;
    setImmediate(() => this.drain());
  }

  /** Who waits for a leader may have one. */
  leadersChanged(): void {
    for (const reader of this.readers) {
      const leader = this.cluster.leaderOf(reader.topic, reader.partition);
      if (reader.failingSinceMs === undefined || leader === undefined) continue;
      if (leader.id !== reader.failedBroker) reader.notBeforeMs = -Infinity;
    }
    this.wake();
  }

  stop(): void {
    this.stopped.abort();
    this.timer?.cancel();
  }

  private drain(): void {
    this.scheduled = false;
    if (this.stopped.signal.aborted) return;
    const now = this.cluster.options.clock.monotonicMs();
    const loads = new Map<number, { broker: BrokerAddress; readers: PartitionReader[] }>();
    const lost: PartitionReader[] = [];
    for (const reader of this.readers) {
      if (reader.busy || reader.failure !== undefined) continue;
      if (reader.notBeforeMs > now) this.wakeAt(reader.notBeforeMs);
      else if (reader.start !== undefined) lost.push(reader);
      else if (this.hasRoom(reader)) {
        const broker = this.leaderFor(reader);
        if (broker === undefined) continue;
        const load = loads.get(broker.id);
        if (load === undefined) loads.set(broker.id, { broker, readers: [reader] });
        else load.readers.push(reader);
      }
    }
    if (lost.length > 0) this.events.locate(lost);
    for (const { broker, readers } of loads.values()) {
      for (let from = 0; from < readers.length; from += MAX_PARTITIONS) {
        void this.pull(broker, readers.slice(from, from + MAX_PARTITIONS));
      }
    }
  }

  /** Each partition has its share of the memory, so that none waits for room that another one holds. */
  private get shareBytes(): number {
    return Math.floor(this.settings.prefetchBytes / this.readers.length);
  }

  private get askBytes(): number {
    return Math.max(1, Math.min(this.settings.maxPartitionBytes, this.shareBytes >>> 1));
  }

  private hasRoom(reader: PartitionReader): boolean {
    if (reader.paused || reader.leaving || !reader.started) return false;
    return reader.bufferedBytes === 0 || reader.bufferedBytes + this.askBytes <= this.shareBytes;
  }

  private leaderFor(reader: PartitionReader): BrokerAddress | undefined {
    const { topic, partition } = reader;
    const leader = this.cluster.leaderOf(topic, partition);
    if (leader !== undefined) {
      return (this.pulls.get(leader.id) ?? 0) < MAX_PULLS ? leader : undefined;
    }
    this.cluster.refresh([topic]).catch(() => undefined);
    const text = `partition ${topic}-${partition} has no leader that is known`;
    this.trouble(reader, zhumqError('LEADER_NOT_AVAILABLE', text), false);
    return undefined;
  }

  private async pull(broker: BrokerAddress, readers: readonly PartitionReader[]): Promise<void> {
    const { clock } = this.cluster.options;
    const startedMs = clock.monotonicMs();
    const begun = readers.map((reader) => reader.begin());
    this.pulls.set(broker.id, (this.pulls.get(broker.id) ?? 0) + 1);
    const abandon = (index: number): void => {
      if (readers[index].end(begun[index])) this.wake();
    };
    let watched: Watched | undefined;
    let results: readonly PartitionPullResult[] | ZhumqError;
    try {
      watched = this.watch(broker, readers, abandon);
      results = await this.request(broker, readers);
    } catch (caught) {
      results = asZhumqError(caught);
    }
    if (watched !== undefined) this.cluster.requestEnded(watched);
    this.pulls.set(broker.id, (this.pulls.get(broker.id) ?? 1) - 1);
    if (this.stopped.signal.aborted) return;
    // One that was abandoned is perhaps being pulled again, from the next leader.
    const current = readers.filter(
      (reader, index) => watched?.abandoned.has(index) !== true && reader.end(begun[index]),
    );
    if (Array.isArray(results)) {
      const told = this.take(broker, current, results as readonly PartitionPullResult[]);
      const early = clock.monotonicMs() - startedMs < this.settings.maxWaitMs / 2;
      if (!told && early) this.pauseBriefly(current);
    } else {
      const error = results as ZhumqError;
      this.cluster.callFailed(broker, error, 'pull');
      for (const reader of current) this.failed(broker, reader, error);
    }
    this.wake();
  }

  private watch(
    broker: BrokerAddress,
    readers: readonly PartitionReader[],
    abandon: (index: number) => void,
  ): Watched {
    return this.cluster.watch({
      ...{ broker, channel: this.cluster.pullChannel(broker), reads: true, abandon },
      partitions: readers.map(({ topic, partition }) => ({ topic, partition })),
      patienceMs: this.settings.maxWaitMs,
    });
  }

  private async request(
    broker: BrokerAddress,
    readers: readonly PartitionReader[],
  ): Promise<readonly PartitionPullResult[]> {
    const { maxWaitMs, minBytes, maxBytes } = this.settings;
    const { askBytes } = this;
    const partitions = readers.map(({ topic, partition, fetchOffset, fetchEpoch }) => ({
      topic,
      partition,
      offset: fetchOffset,
      maxBytes: askBytes,
      lastEpoch: fetchEpoch,
    }));
    const timeoutMs = maxWaitMs + this.cluster.options.requestTimeoutMs;
    const response = await this.cluster
      .pullBroker(broker)
      .pull(
        { partitions, maxWaitMs, minBytes, maxBytes },
        { timeoutMs, signal: this.stopped.signal },
      );
    return response.partitions;
  }

  /** True when anybody was told anything. */
  private take(
    broker: BrokerAddress,
    readers: readonly PartitionReader[],
    results: readonly PartitionPullResult[],
  ): boolean {
    const byName = new Map(readers.map((reader) => [nameOf(reader), reader]));
    let told = false;
    for (const result of results) {
      const reader = byName.get(nameOf(result));
      if (reader === undefined) continue;
      if (result.failure !== undefined) {
        told = true;
        this.failed(broker, reader, errorOf(result.failure));
      } else if (this.accept(broker, reader, result.batches)) told = true;
    }
    this.events.filled();
    return told;
  }

  private accept(broker: BrokerAddress, reader: PartitionReader, batches: Buffer): boolean {
    try {
      const more = reader.accept(batches);
      if (!more && batches.length > 0) {
        const text = `partition ${nameOf(reader)} gave only batches before offset ${reader.fetchOffset}`;
        throw zhumqError('CORRUPT_BATCH', text);
      }
      reader.notBeforeMs = -Infinity;
      reader.failedBroker = -1;
      reader.schedule.reset();
      this.events.well(reader, formatHostPort(broker));
      return more;
    } catch (error) {
      this.failed(broker, reader, asZhumqError(error));
      return true;
    }
  }

  private failed(broker: BrokerAddress, reader: PartitionReader, error: ZhumqError): void {
    this.cluster.partitionFailed(reader.topic, reader.partition, broker, error);
    if (!error.retriable) return this.events.failed(reader, error);
    const leader = this.cluster.leaderOf(reader.topic, reader.partition);
    const moved = leader !== undefined && leader.id !== broker.id && reader.failedBroker < 0;
    reader.failedBroker = broker.id;
    this.trouble(reader, error, moved);
  }

  private trouble(reader: PartitionReader, error: ZhumqError, atOnce: boolean): void {
    const now = this.cluster.options.clock.monotonicMs();
    reader.failingSinceMs ??= now;
    reader.notBeforeMs = atOnce ? -Infinity : now + reader.schedule.nextMs(error.code);
    this.wakeAt(reader.notBeforeMs);
    this.events.troubled(reader, error);
  }

  private pauseBriefly(readers: readonly PartitionReader[]): void {
    const untilMs = this.cluster.options.clock.monotonicMs() + IDLE_WAIT_MS;
    for (const reader of readers) reader.notBeforeMs = Math.max(reader.notBeforeMs, untilMs);
  }

  private wakeAt(dueMs: number): void {
    if (dueMs >= this.timerDueMs) return;
    const { clock } = this.cluster.options;
    this.timer?.cancel();
    this.timerDueMs = dueMs;
    this.timer = clock.after(Math.max(0, dueMs - clock.monotonicMs()), () => {
      this.timerDueMs = Infinity;
      this.wake();
    });
  }
}

function nameOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}-${partition}`;
}
