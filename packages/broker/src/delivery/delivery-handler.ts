// Serves DeliveryService: finds the session that a call is for, and bounds how many there are. Sessions belong to the
// connection by which they were made, and end with it.
import { ByteBudget } from '@zhumq/base';
import type { Clock, Logger, Timer } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { consumerClient, failureOf } from '@zhumq/rpc';
import type {
  AttachmentChange,
  AttachReply,
  AttachRequest,
  CallContext,
  DeliveryHandler,
  PartitionAttach,
  PartitionAttachResult,
  PartitionCredit,
} from '@zhumq/rpc';
import type { BrokerMetrics } from '../metrics.js';
import type { BrokerOptions } from '../options.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import { DeliverySession } from './delivery-session.js';

const MAX_ATTACHMENTS_OF_CONNECTION = 16;
const MAX_PARTITIONS = 10_000;
/** In one call: they are looked at in one turn of the event loop. */
const MAX_PARTITIONS_AT_ONCE = 500;

export interface DeliveriesOptions {
  readonly registry: PartitionRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: BrokerMetrics;
  readonly options: Pick<
    BrokerOptions,
    | 'delivery.attachments.max'
    | 'delivery.buffer.bytes'
    | 'delivery.buffers.bytes'
    | 'delivery.heartbeat.ms'
    | 'pull.buffer.bytes'
  >;
}

type Sessions = Map<number, DeliverySession>;

export class Deliveries {
  /** By connection, then by the number that the consumer chose. */
  private readonly byConnection = new Map<number, Sessions>();
  private count = 0;
  private stopped: Error | undefined;
  private readonly coldReads: ByteBudget;
  private readonly buffers: ByteBudget;
  /** From the first attachment on. */
  private beating: Timer | undefined;

  constructor(private readonly parts: DeliveriesOptions) {
    const { options, metrics } = parts;
    const maxBytes = options['pull.buffer.bytes'];
    // One of each attachment waits at most.
    this.coldReads = new ByteBudget({ maxBytes, maxWaiters: Number.MAX_SAFE_INTEGER });
    const [own, all] = [options['delivery.buffer.bytes'], options['delivery.buffers.bytes']];
    // One may always have its own.
    this.buffers = new ByteBudget({ maxBytes: Math.max(own, all), maxWaiters: 0 });
    metrics.watchDeliveries({
      attachments: () => this.count,
      stalled: () => [...this.sessions()].filter(({ stalled }) => stalled).length,
    });
  }

  handler(): DeliveryHandler {
    return {
      attach: (request, context) => this.attach(request, context),
      changeAttachment: (change, context) => this.change(change, context),
      grantCredit: (attachment, credits, context) => this.grant(attachment, credits, context),
      closeAttachment: (attachment, context) => this.end(attachment, context.connectionId),
    };
  }

  /** Tells all consumers to attach elsewhere. */
  close(): void {
    const reason = zhumqError('STOPPING', 'the broker is stopping');
    this.stopped = reason;
    this.beating?.cancel();
    for (const session of this.sessions()) session.close(reason);
    this.byConnection.clear();
    this.count = 0;
  }

  private attach({ attachment, partitions }: AttachRequest, context: CallContext): AttachReply {
    if (this.stopped !== undefined) throw this.stopped;
    checkPartitions(partitions, 0);
    const session = this.begin(attachment, context);
    return {
      heartbeatMs: this.parts.options['delivery.heartbeat.ms'],
      partitions: partitions.map((wanted) => session.add(wanted)),
    };
  }

  private begin(attachment: number, context: CallContext): DeliverySession {
    const { connectionId, remoteAddress, signal } = context;
    const max = this.parts.options['delivery.attachments.max'];
    const own = this.byConnection.get(connectionId);
    if (own?.has(attachment) === true) {
      const text = `attachment ${attachment} of this connection is there already; close it, or choose another number`;
      throw zhumqError('INVALID_REQUEST', text, { attachment });
    }
    if (this.count >= max || (own?.size ?? 0) >= MAX_ATTACHMENTS_OF_CONNECTION) {
      const text =
        this.count >= max
          ? `this broker delivers to ${max} consumers already (delivery.attachments.max)`
          : `the connection from ${remoteAddress} has ${MAX_ATTACHMENTS_OF_CONNECTION} attachments already`;
      throw zhumqError('OVERLOADED', text, { attachments: this.count });
    }
    const { registry, clock, logger, metrics, options } = this.parts;
    const session = new DeliverySession({
      ...{ attachment, context, registry, clock, logger },
      ...{ coldReads: this.coldReads, buffers: this.buffers },
      maxBufferedBytes: options['delivery.buffer.bytes'],
      pushed: (bytes) => metrics.pushed(bytes),
    });
    if (own !== undefined) own.set(attachment, session);
    else {
      this.byConnection.set(connectionId, new Map([[attachment, session]]));
      signal.addEventListener('abort', () => this.connectionGone(connectionId), { once: true });
    }
    this.count++;
    this.beating ??= clock.every(options['delivery.heartbeat.ms'], () => this.beat());
    return session;
  }

  private change(
    { attachment, add, remove }: AttachmentChange,
    context: CallContext,
  ): PartitionAttachResult[] {
    const session = this.find(attachment, context.connectionId);
    if (session === undefined) throw unknown(attachment);
    session.heard();
    for (const { topic, partition } of remove) session.remove(topic, partition);
    checkPartitions(add, session.partitionCount);
    return add.map((wanted) => session.add(wanted));
  }

  private grant(
    attachment: number,
    credits: readonly PartitionCredit[],
    { connectionId, peer }: CallContext,
  ): void {
    const session = this.find(attachment, connectionId);
    if (session !== undefined) session.grant(credits);
    else consumerClient(peer).attachmentClosed(attachment, failureOf(unknown(attachment)));
  }

  private find(attachment: number, connectionId: number): DeliverySession | undefined {
    return this.byConnection.get(connectionId)?.get(attachment);
  }

  private end(attachment: number, connectionId: number): void {
    const session = this.find(attachment, connectionId);
    if (session === undefined) return;
    session.end();
    // The empty map stays: it goes with the connection, whose end is listened for once.
    this.byConnection.get(connectionId)?.delete(attachment);
    this.count--;
  }

  private connectionGone(connectionId: number): void {
    const own = this.byConnection.get(connectionId);
    if (own === undefined) return;
    for (const attachment of [...own.keys()]) this.end(attachment, connectionId);
    this.byConnection.delete(connectionId);
  }

  private beat(): void {
    for (const session of this.sessions()) session.beat();
  }

  private *sessions(): Iterable<DeliverySession> {
    // A session that is taken for dead leaves while this is walked.
    for (const own of [...this.byConnection.values()]) yield* [...own.values()];
  }
}

function checkPartitions(wanted: readonly PartitionAttach[], attached: number): void {
  if (wanted.length > MAX_PARTITIONS_AT_ONCE) {
    const text = `at most ${MAX_PARTITIONS_AT_ONCE} partitions are attached at once, not ${wanted.length}: add them in several calls`;
    throw zhumqError('INVALID_REQUEST', text);
  }
  if (wanted.length + attached > MAX_PARTITIONS) {
    const text = `an attachment has at most ${MAX_PARTITIONS} partitions, not ${wanted.length + attached}`;
    throw zhumqError('INVALID_REQUEST', text);
  }
}

function unknown(attachment: number): Error {
  const text = `attachment ${attachment} is not known on this connection: attach again`;
  return zhumqError('SESSION_UNKNOWN', text, { attachment });
}
