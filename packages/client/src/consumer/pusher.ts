// Keeps the readers filled by push delivery: attaches each to the leader of its partition, takes what comes, gives credit
// back as the program takes messages, and attaches again, where the reader stands, after whatever ended it.
import { formatHostPort } from '@zhumq/base';
import type { Timer, ZhumqError } from '@zhumq/base';
import { isError, zhumqError } from '@zhumq/model';
import { errorOf } from '@zhumq/rpc';
import type {
  AttachedPartition,
  Delivery,
  PartitionAttach,
  PartitionAttachResult,
  PartitionCredit,
} from '@zhumq/rpc';
import type { Cluster } from '../cluster/cluster.js';
import type { BrokerAddress } from '../cluster/cluster-view.js';
import { asZhumqError } from '../errors.js';
import { sharedController } from '../shared-signal.js';
import type { ConsumerSettings } from './consumer-settings.js';
import { DeliveryLink } from './delivery-link.js';
import type { PartitionReader } from './partition-reader.js';
import { ReadRetries } from './read-retries.js';
import type { ReadEvents } from './read-retries.js';

/** Credit is given back when this part of the window was taken, */
const GRANT_PART = 4;
/** or so long after some was: a batch that is nearly as large as the window may wait for it. */
const GRANT_DELAY_MS = 20;

/** A reader that is attached. */
interface Attached {
  readonly reader: PartitionReader;
  readonly link: DeliveryLink;
  readonly stretch: number;
  /** Of the reader when it was attached: a seek since then makes this worthless. */
  readonly seeks: number;
  deliveredBytes: number;
  /** What the broker was told last. */
  takenBytes: number;
}

export class Pusher {
  /** By broker. */
  private readonly links = new Map<number, DeliveryLink>();
  private readonly attached = new Map<PartitionReader, Attached>();
  private readonly byStretch = new Map<number, Attached>();
  private stretches = 0;
  private scheduled = false;
  private readonly retries: ReadRetries;
  private granting: Timer | undefined;
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
    this.granting?.cancel();
    for (const link of this.links.values()) link.close();
    this.links.clear();
    this.attached.clear();
    this.byStretch.clear();
  }

  // ---- what is attached -------------------------------------------------------------------------------------------

  private drain(): void {
    this.scheduled = false;
    if (this.stopped.signal.aborted) return;
    const remove = this.detachTheUseless();
    const add = this.attachTheReady();
    for (const link of new Set([...remove.keys(), ...add.keys()])) {
      link.change(add.get(link) ?? [], remove.get(link) ?? []);
    }
    for (const link of this.links.values()) if (link.partitionCount === 0) this.forget(link);
    this.grant((window) => window / GRANT_PART);
  }

  private detachTheUseless(): Map<DeliveryLink, AttachedPartition[]> {
    const remove = new Map<DeliveryLink, AttachedPartition[]>();
    for (const attached of this.attached.values()) {
      const { reader, link, seeks } = attached;
      const { failure, leaving, gone } = reader;
      const useful = reader.seeks === seeks && failure === undefined && !leaving && !gone.aborted;
      if (useful) continue;
      this.drop(attached);
      put(remove, link, placeOf(reader));
    }
    return remove;
  }

  private attachTheReady(): Map<DeliveryLink, PartitionAttach[]> {
    const add = new Map<DeliveryLink, PartitionAttach[]>();
    const now = this.cluster.options.clock.monotonicMs();
    const lost: PartitionReader[] = [];
    for (const reader of this.readers) {
      if (this.attached.has(reader) || reader.busy || reader.failure !== undefined) continue;
      if (!this.retries.isDue(reader, now)) continue;
      if (reader.start !== undefined) lost.push(reader);
      else if (reader.started && !reader.paused && !reader.leaving) {
        const leader = this.retries.leaderFor(reader);
        if (leader === undefined) continue;
        const link = this.linkTo(leader);
        put(add, link, this.attach(reader, link));
      }
    }
    if (lost.length > 0) this.events.locate(lost);
    return add;
  }

  private attach(reader: PartitionReader, link: DeliveryLink): PartitionAttach {
    const { topicId, fetchOffset: offset, fetchEpoch: lastEpoch, seeks } = reader;
    const stretch = ++this.stretches;
    const attached = { reader, link, stretch, seeks, deliveredBytes: 0, takenBytes: 0 };
    this.attached.set(reader, attached);
    this.byStretch.set(stretch, attached);
    const windowBytes = this.windowOf(attached);
    return { ...placeOf(reader), topicId, stretch, offset, lastEpoch, windowBytes };
  }

  private linkTo(broker: BrokerAddress): DeliveryLink {
    const known = this.links.get(broker.id);
    if (known?.broker.host === broker.host && known.broker.port === broker.port) return known;
    const link = new DeliveryLink(this.cluster, broker, {
      attached: (wanted, result) => this.answered(link, wanted, result),
      delivered: (delivery) => this.delivered(link, delivery),
      detached: (place, stretch, error) => this.detached(link, place, stretch, error),
      moved: (place) => this.moved(link, place),
      heard: () => this.events.filled(),
      lost: (error) => this.lost(link, error),
    });
    this.links.set(broker.id, link);
    return link;
  }

  private forget(link: DeliveryLink): void {
    link.close();
    if (this.links.get(link.broker.id) === link) this.links.delete(link.broker.id);
  }

  // ---- credit -----------------------------------------------------------------------------------------------------

  /** Each partition has its share of the memory, so that none waits for room that another one holds. */
  private windowOf({ reader, deliveredBytes }: Attached): number {
    const share = Math.floor(this.settings.prefetchBytes / this.readers.length);
    const before = Math.max(0, reader.bufferedBytes - deliveredBytes);
    return Math.max(1, share - before);
  }

  /** Tells brokers what was taken, when it is so much that they should know. */
  private grant(enough: (windowBytes: number) => number): void {
    const credits = new Map<DeliveryLink, PartitionCredit[]>();
    let more = false;
    for (const attached of this.attached.values()) {
      const { reader, deliveredBytes, stretch, link } = attached;
      const windowBytes = this.windowOf(attached);
      const takenBytes = deliveredBytes - Math.min(deliveredBytes, reader.bufferedBytes);
      if (takenBytes === attached.takenBytes) continue;
      if (takenBytes - attached.takenBytes < enough(windowBytes)) more = true;
      else {
        attached.takenBytes = takenBytes;
        put(credits, link, { ...placeOf(reader), stretch, takenBytes, windowBytes });
      }
    }
    for (const [link, list] of credits) link.grant(list);
    if (more) this.grantLater();
  }

  private grantLater(): void {
    this.granting ??= this.cluster.options.clock.after(GRANT_DELAY_MS, () => {
      this.granting = undefined;
      this.grant(() => 1);
    });
  }

  // ---- what comes -------------------------------------------------------------------------------------------------

  private delivered(link: DeliveryLink, delivery: Delivery): void {
    const { batches, offset, stretch } = delivery;
    const attached = this.find(link, delivery, stretch);
    // Sent before the broker heard that the reader went elsewhere.
    if (attached === undefined) return;
    const { reader } = attached;
    const roomFor = reader.bufferedBytes + batches.length;
    attached.deliveredBytes += batches.length;
    try {
      if (offset !== reader.fetchOffset || !reader.accept(batches)) {
        const text = `partition ${reader.topic}-${reader.partition} was delivered from offset ${offset} where ${reader.fetchOffset} was due`;
        throw zhumqError('CORRUPT_BATCH', text, { ...placeOf(reader), offset });
      }
      reader.schedule.reset();
      this.retries.well(link.broker, reader);
      // Control batches are taken as they come: no program will, and their credit must not be held until one does.
      if (reader.bufferedBytes < roomFor) this.wake();
    } catch (error) {
      this.giveUp(attached);
      this.retries.failed(link.broker, reader, asZhumqError(error));
    }
    this.events.filled();
  }

  private answered(
    link: DeliveryLink,
    wanted: PartitionAttach,
    { failure, highWatermark }: PartitionAttachResult,
  ): void {
    const attached = this.find(link, wanted, wanted.stretch);
    if (attached === undefined) return;
    if (failure !== undefined) {
      this.detached(link, wanted, wanted.stretch, errorOf(failure));
    } else if (wanted.offset === highWatermark) this.retries.well(link.broker, attached.reader);
  }

  private detached(
    link: DeliveryLink,
    place: AttachedPartition,
    stretch: number,
    error: ZhumqError,
  ): void {
    const attached = this.find(link, place, stretch);
    if (attached === undefined) return;
    this.giveUp(attached);
    this.retries.failed(link.broker, attached.reader, error);
    this.wake();
  }

  private moved(link: DeliveryLink, place: AttachedPartition): void {
    for (const attached of this.attached.values()) {
      if (attached.link === link && samePlace(attached.reader, place)) this.giveUp(attached);
    }
    this.wake();
  }

  private lost(link: DeliveryLink, error: ZhumqError): void {
    this.forget(link);
    for (const attached of [...this.attached.values()]) {
      if (attached.link !== link) continue;
      this.drop(attached);
      this.retries.failed(link.broker, attached.reader, understandable(link.broker, error));
    }
    this.events.filled();
    this.wake();
  }

  /** The reader is free to be attached again, here or elsewhere. */
  private giveUp(attached: Attached): void {
    this.drop(attached);
    attached.link.change([], [placeOf(attached.reader)]);
    this.wake();
  }

  private drop({ reader, stretch }: Attached): void {
    this.attached.delete(reader);
    this.byStretch.delete(stretch);
  }

  /** Undefined when the stretch is over. */
  private find(
    link: DeliveryLink,
    place: AttachedPartition,
    stretch: number,
  ): Attached | undefined {
    const attached = this.byStretch.get(stretch);
    if (attached?.link !== link || !samePlace(attached.reader, place)) return undefined;
    return attached.reader.seeks === attached.seeks ? attached : undefined;
  }
}

/** A broker of before push says only that it knows no such call. */
function understandable(broker: BrokerAddress, error: ZhumqError): ZhumqError {
  if (!isError(error, 'UNKNOWN_METHOD')) return error;
  const address = formatHostPort(broker);
  const text = `the broker at ${address} can not push messages: upgrade it, or read with delivery 'pull'`;
  return zhumqError('UNSUPPORTED', text, { address }, error);
}

function placeOf({ topic, partition }: AttachedPartition): AttachedPartition {
  return { topic, partition };
}

function samePlace(one: AttachedPartition, other: AttachedPartition): boolean {
  return one.partition === other.partition && one.topic === other.topic;
}

function put<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
