// Keeps the readers filled: one pull for all partitions of a broker that have room and are not being pulled already, again
// as soon as it is answered. A partition that has much to tell is thereby never held up by one that has nothing.
import type { ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { errorOf } from '@zhumq/rpc';
import type { PartitionPullResult } from '@zhumq/rpc';
import type { Cluster } from '../cluster/cluster.js';
import type { BrokerAddress } from '../cluster/cluster-view.js';
import type { Watched } from '../cluster/silent-leaders.js';
import { asZhumqError } from '../errors.js';
import type { ConsumerSettings } from './consumer-settings.js';
import type { PartitionReader } from './partition-reader.js';
import { ReadRetries } from './read-retries.js';
import type { ReadEvents } from './read-retries.js';
import { sharedController } from '../shared-signal.js';

/** Pulls under way to one broker. */
const MAX_PULLS = 16;
/** Partitions in one pull. */
const MAX_PARTITIONS = 1000;
/** What an empty answer that came too early is taken for: a server that does not wait. */
const IDLE_WAIT_MS = 50;

export class Puller {
  private readonly pulls = new Map<number, number>();
  private scheduled = false;
  private readonly retries: ReadRetries;
  private readonly stopped = sharedController();

  constructor(
    private readonly cluster: Cluster,
    private readonly readers: readonly PartitionReader[],
    private readonly settings: ConsumerSettings,
    private readonly events: ReadEvents,
  ) {
    this.retries = new ReadRetries(cluster, readers, events, () => this.wake());
  }

  /** A reader has room, or another place to read from. */
  wake(): void {
    if (this.scheduled || this.stopped.signal.aborted) return;
    this.scheduled = true;
    setImmediate(() => this.drain());
  }

  leadersChanged(): void {
    this.retries.leadersChanged();
  }

  stop(): void {
    this.stopped.abort();
    this.retries.stop();
  }

  private drain(): void {
    this.scheduled = false;
    if (this.stopped.signal.aborted) return;
    const now = this.cluster.options.clock.monotonicMs();
    const loads = new Map<number, { broker: BrokerAddress; readers: PartitionReader[] }>();
    const lost: PartitionReader[] = [];
    for (const reader of this.readers) {
      if (reader.busy || reader.failure !== undefined) continue;
      if (!this.retries.isDue(reader, now)) continue;
      if (reader.start !== undefined) lost.push(reader);
      else if (this.hasRoom(reader)) {
        const broker = this.retries.leaderFor(reader);
        if (broker === undefined || this.isBusy(broker)) continue;
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

  private isBusy(broker: BrokerAddress): boolean {
    return (this.pulls.get(broker.id) ?? 0) >= MAX_PULLS;
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
      for (const reader of current) this.retries.failed(broker, reader, error);
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
    const partitions = readers.map(({ topic, topicId, partition, fetchOffset, fetchEpoch }) => ({
      topic,
      topicId,
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
        this.retries.failed(broker, reader, errorOf(result.failure));
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
      reader.schedule.reset();
      this.retries.well(broker, reader);
      return more;
    } catch (error) {
      this.retries.failed(broker, reader, asZhumqError(error));
      return true;
    }
  }

  private pauseBriefly(readers: readonly PartitionReader[]): void {
    const untilMs = this.cluster.options.clock.monotonicMs() + IDLE_WAIT_MS;
    for (const reader of readers) reader.notBeforeMs = Math.max(reader.notBeforeMs, untilMs);
  }
}

function nameOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}-${partition}`;
}
