// Push delivery from one broker: a connection of its own and the attachment on it, from the first partition to the end of
// either. Liveness is a timer of its own: a program that is slow gives no credit back, but its heartbeats go on.
import { formatHostPort } from '@zhumq/base';
import type { Timer, ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { consumerService, deliveryClient, errorOf } from '@zhumq/rpc';
import type {
  AttachedPartition,
  Delivery,
  DeliveryClient,
  PartitionAttach,
  PartitionAttachResult,
  PartitionCredit,
  RpcChannel,
} from '@zhumq/rpc';
import type { Cluster } from '../cluster/cluster.js';
import type { BrokerAddress } from '../cluster/cluster-view.js';
import type { Watched } from '../cluster/silent-leaders.js';
import { asZhumqError } from '../errors.js';

/** There is one on each connection. */
const ATTACHMENT = 1;
/** Partitions in one call; a broker takes no more. */
const ADDED_AT_ONCE = 500;
/** A broker that was silent for so many heartbeats is taken for dead. */
const SILENT_HEARTBEATS = 3;

export interface DeliveryLinkEvents {
  attached(wanted: PartitionAttach, result: PartitionAttachResult): void;
  delivered(delivery: Delivery): void;
  /** The broker delivers the partition no more; `stretch` says of which time it speaks. */
  detached(place: AttachedPartition, stretch: number, error: ZhumqError): void;
  /** Another broker leads the partition. */
  moved(place: AttachedPartition): void;
  /** The broker is there, with messages or without. */
  heard(): void;
  /** Called once, and nothing after it: this link is over. */
  lost(error: ZhumqError): void;
}

export class DeliveryLink {
  private readonly channel: RpcChannel;
  private readonly client: DeliveryClient;
  private readonly places = new Map<string, AttachedPartition>();
  private watched: Watched | undefined;
  private beating: Timer | undefined;
  private heartbeatMs = 0;
  private heardChunks = 0;
  private silentHeartbeats = 0;
  private attached = false;
  private over = false;

  constructor(
    private readonly cluster: Cluster,
    readonly broker: BrokerAddress,
    private readonly events: DeliveryLinkEvents,
  ) {
    const consumer = consumerService({
      deliver: (delivery) => this.whileOpen(() => events.delivered(delivery)),
      ping: () => this.whileOpen(() => events.heard()),
      detach: (topic, partition, reason, _attachment, stretch) =>
        this.whileOpen(() => events.detached({ topic, partition }, stretch, errorOf(reason))),
      attachmentClosed: (_attachment, reason) => this.end(errorOf(reason)),
    });
    this.channel = cluster.dial(broker, {
      services: [consumer],
      onLost: (error) => this.end(connectionLost(broker, error)),
    });
    this.client = deliveryClient(this.channel);
  }

  /** Partitions that end here and that begin here; what ends is ended first. */
  change(add: readonly PartitionAttach[], remove: readonly AttachedPartition[]): void {
    if (this.over) return;
    for (const place of remove) this.places.delete(nameOf(place));
    for (const { topic, partition } of add) {
      this.places.set(nameOf({ topic, partition }), { topic, partition });
    }
    this.watch();
    void this.request(add.slice(0, ADDED_AT_ONCE), remove);
    for (let from = ADDED_AT_ONCE; from < add.length; from += ADDED_AT_ONCE)
      void this.request(add.slice(from, from + ADDED_AT_ONCE), []);
  }

  grant(credits: readonly PartitionCredit[]): void {
    if (!this.over) this.client.grantCredit(ATTACHMENT, credits);
  }

  get partitionCount(): number {
    return this.places.size;
  }

  close(): void {
    this.over = true;
    this.beating?.cancel();
    if (this.watched !== undefined) this.cluster.requestEnded(this.watched);
    this.channel.close();
  }

  /** Requests of one connection are done in their order, so that none waits for the answer to the one before. */
  private async request(
    add: readonly PartitionAttach[],
    remove: readonly AttachedPartition[],
  ): Promise<void> {
    const first = !this.attached;
    this.attached = true;
    try {
      const results = first
        ? await this.attach(add)
        : await this.client.changeAttachment({ attachment: ATTACHMENT, add, remove });
      for (const [index, result] of results.entries()) {
        if (this.over || add[index] === undefined) return;
        this.events.attached(add[index], result);
      }
    } catch (error) {
      this.end(asZhumqError(error));
    }
  }

  private async attach(
    partitions: readonly PartitionAttach[],
  ): Promise<readonly PartitionAttachResult[]> {
    const reply = await this.client.attach({ attachment: ATTACHMENT, partitions });
    if (this.over) return [];
    this.heartbeatMs = Math.max(1, reply.heartbeatMs);
    this.beating = this.cluster.options.clock.every(this.heartbeatMs, () => this.beat());
    // From here on it may be silent for as long as that.
    this.watch();
    this.events.heard();
    return reply.partitions;
  }

  private beat(): void {
    const { chunksReceived } = this.channel;
    this.silentHeartbeats = chunksReceived === this.heardChunks ? this.silentHeartbeats + 1 : 0;
    this.heardChunks = chunksReceived;
    if (this.silentHeartbeats < SILENT_HEARTBEATS) return this.grant([]);
    const address = formatHostPort(this.broker);
    const text = `nothing came from ${address} for ${SILENT_HEARTBEATS * this.heartbeatMs} ms; connecting anew`;
    this.end(zhumqError('TIMEOUT', text, { address }));
  }

  /** Asks others who leads when this broker is silent. */
  private watch(): void {
    if (this.watched !== undefined) this.cluster.requestEnded(this.watched);
    const partitions = [...this.places.values()];
    this.watched = this.cluster.watch({
      ...{ broker: this.broker, channel: this.channel, partitions, reads: true },
      patienceMs: this.heartbeatMs,
      abandon: (index) => this.whileOpen(() => this.events.moved(partitions[index])),
    });
  }

  private end(error: ZhumqError): void {
    if (this.over) return;
    this.close();
    this.events.lost(error);
  }

  private whileOpen(tell: () => void): void {
    if (!this.over) tell();
  }
}

function nameOf({ topic, partition }: AttachedPartition): string {
  return `${topic}/${partition}`;
}

function connectionLost(broker: BrokerAddress, cause: Error | undefined): ZhumqError {
  const address = formatHostPort(broker);
  const why = cause === undefined ? '' : `: ${cause.message}`;
  const text = `the connection by which ${address} pushed messages was lost${why}; attaching again`;
  return zhumqError('CONNECTION_LOST', text, { address }, cause);
}
