// Sends what the queues have ready: what goes to one broker travels in one request, batches that are tried again in
// requests of their own, so that a partition in trouble holds up none that is well. Learns from every answer.
import type { Timer } from '@zhumq/base';
import type { ZhumqError } from '@zhumq/base';
import { zhumqError } from '@zhumq/model';
import { errorOf } from '@zhumq/rpc';
import type { PartitionProduceResult } from '@zhumq/rpc';
import type { Cluster } from '../cluster/cluster.js';
import type { BrokerAddress } from '../cluster/cluster-view.js';
import type { Watched } from '../cluster/silent-leaders.js';
import { asZhumqError } from '../errors.js';
import { modeName } from '../replication-mode.js';
import type { IdentitySource } from './identity-source.js';
import type { PartitionQueue } from './partition-queue.js';
import type { PendingBatch } from './pending-batch.js';

const MAX_REQUEST_BYTES = 8 * 1024 * 1024;
/** A broker takes twice as many in a request. */
const MAX_BATCHES = 500;
/** So much may wait for the network to one broker. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;
const FULL_WAIT_MS = 5;
/** Nobody tells a producer without acknowledgements that the leader moved, so it looks. */
const UNANSWERED_MAX_AGE_MS = 1000;
/** The broker ends its waiting first; its answer needs time to come. */
const ANSWER_GRACE_MS = 1000;

interface Item {
  readonly queue: PartitionQueue;
  readonly batch: PendingBatch;
  readonly bytes: Buffer;
}

interface Load {
  readonly broker: BrokerAddress;
  readonly fresh: Item[][];
  readonly again: Item[][];
}

export class Dispatcher {
  private readonly dirty = new Set<PartitionQueue>();
  /** Wait for a moment or for a leader. */
  private readonly waiting = new Set<PartitionQueue>();
  private scheduled = false;
  private timer: Timer | undefined;
  private timerDueMs = Infinity;
  private stopped = false;

  constructor(
    private readonly cluster: Cluster,
    private readonly identities: IdentitySource | undefined,
    private readonly acks: number,
    /** Whether batches that are not full are to leave all the same. */
    private readonly hurry: () => boolean,
  ) {}

  /** There may be something to send. */
  wake(queue: PartitionQueue): void {
    this.dirty.add(queue);
    if (this.scheduled || this.stopped) return;
    this.scheduled = true;
    setImmediate(() => this.drain());
  }

  /** Metadata changed: who waits for a leader may have one. */
  leadersChanged(): void {
    for (const queue of this.waiting) {
      const leader = this.cluster.leaderOf(queue.topic, queue.partition);
      if (leader === undefined || leader.id === queue.failedBroker) continue;
      queue.notBeforeMs = -Infinity;
      this.wake(queue);
    }
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private drain(): void {
    this.scheduled = false;
    if (this.stopped) return;
    const queues = [...this.dirty];
    this.dirty.clear();
    const now = this.cluster.options.clock.monotonicMs();
    const loads = new Map<number, Load>();
    for (const queue of queues) {
      this.waiting.delete(queue);
      if (!queue.empty) this.collect(queue, now, loads);
    }
    for (const { broker, fresh, again } of loads.values()) {
      for (const items of [...fresh, ...again]) this.send(broker, items);
    }
  }

  private collect(queue: PartitionQueue, now: number, loads: Map<number, Load>): void {
    const broker = this.cluster.leaderOf(queue.topic, queue.partition);
    if (broker === undefined) {
      queue.postpone(now, problemOf(this.cluster, queue));
      this.cluster.refresh([queue.topic]).catch(() => undefined);
      return this.waitUntil(queue, queue.notBeforeMs);
    }
    if (!this.identify(queue)) return;
    if (this.cluster.channel(broker).bufferedBytes > MAX_BUFFERED_BYTES) {
      return this.waitUntil(queue, now + FULL_WAIT_MS);
    }
    let load = loads.get(broker.id);
    if (load === undefined) loads.set(broker.id, (load = { broker, fresh: [], again: [] }));
    this.takeAll(queue, now, load);
    // It may have spent its identity just now.
    if (!this.identify(queue)) return;
    const packing = queue.packing;
    if (packing !== undefined) void packing.then(() => this.wake(queue));
    const dueMs = Math.max(
      queue.notBeforeMs,
      queue.lingerUntilMs === Infinity ? now : queue.lingerUntilMs,
    );
    if (dueMs > now) this.waitUntil(queue, dueMs);
  }

  /** The n-th batch of each queue goes in the n-th request. */
  private takeAll(queue: PartitionQueue, now: number, { fresh, again }: Load): void {
    let round = 0;
    for (let taken = queue.take(now, this.hurry()); taken !== undefined; round++) {
      const requests = taken.batch.attempts > 1 ? again : fresh;
      while (requests.length <= round) requests.push([]);
      requests[round].push({ queue, ...taken });
      taken = queue.take(now, this.hurry());
    }
  }

  private identify(queue: PartitionQueue): boolean {
    if (this.identities === undefined || !queue.needsProducerId) return true;
    const identity = this.identities.current(queue.spentProducerId);
    if (identity !== undefined) {
      queue.adopt(identity);
      return true;
    }
    this.waiting.add(queue);
    void this.identities.renew().then(() => this.wake(queue));
    return false;
  }

  private send(broker: BrokerAddress, items: readonly Item[]): void {
    let part: Item[] = [];
    let bytes = 0;
    for (const item of items) {
      const isFull = bytes + item.bytes.length > MAX_REQUEST_BYTES || part.length === MAX_BATCHES;
      if (part.length > 0 && isFull) {
        this.request(broker, part);
        part = [];
        bytes = 0;
      }
      part.push(item);
      bytes += item.bytes.length;
    }
    if (part.length > 0) this.request(broker, part);
  }

  private request(broker: BrokerAddress, items: readonly Item[]): void {
    const { requestTimeoutMs } = this.cluster.options;
    const partitions = items.map(({ batch, bytes }) => ({
      topic: batch.topic,
      partition: batch.partition,
      batch: bytes,
    }));
    const request = { acks: this.acks, timeoutMs: requestTimeoutMs, partitions };
    try {
      const client = this.cluster.broker(broker);
      if (this.acks === 0) {
        const queued = client.produceOneway(request);
        return void this.afterOneway(broker, items, queued);
      }
      const watched = this.watch(broker, items, partitions);
      client.produce(request, { timeoutMs: requestTimeoutMs + ANSWER_GRACE_MS }).then(
        (response) => this.answered(broker, items, response.partitions, watched),
        (error: unknown) => this.allFailed(broker, items, asZhumqError(error), watched),
      );
    } catch (error) {
      this.allFailed(broker, items, asZhumqError(error));
    }
  }

  private watch(
    broker: BrokerAddress,
    items: readonly Item[],
    partitions: readonly { readonly topic: string; readonly partition: number }[],
  ): Watched {
    return this.cluster.watch({
      ...{ broker, channel: this.cluster.channel(broker), partitions },
      ...{ patienceMs: 0, reads: false },
      abandon: (index, leader) => this.abandoned(broker, items[index], leader),
    });
  }

  /** It may be stored: only where the broker recognises a repeated batch is it certain to be stored once. */
  private abandoned(broker: BrokerAddress, { queue, batch }: Item, leader: BrokerAddress): void {
    if (this.stopped) return;
    const text = `broker ${broker.id} gave no answer to a batch for ${queue.topic}-${queue.partition}, which broker ${leader.id} leads now; it may have been stored`;
    const { clock, logger } = this.cluster.options;
    logger.debug({ topic: queue.topic, partition: queue.partition, broker: broker.id }, text);
    queue.failed(batch, zhumqError('CONNECTION_LOST', text), broker.id, true, clock.monotonicMs());
    this.wake(queue);
  }

  private answered(
    broker: BrokerAddress,
    items: readonly Item[],
    results: readonly PartitionProduceResult[],
    watched: Watched,
  ): void {
    this.cluster.requestEnded(watched);
    items.forEach((item, index) => {
      if (watched.abandoned.has(index)) return;
      const result = results[index] as PartitionProduceResult | undefined;
      const { batch, queue } = item;
      if (result?.topic !== batch.topic || result.partition !== batch.partition) {
        const text = `the broker's answer has no result for ${batch.topic}-${batch.partition}`;
        this.failed(broker, item, zhumqError('INTERNAL', text));
      } else if (result.failure !== undefined) this.failed(broker, item, errorOf(result.failure));
      else {
        queue.succeeded(batch, result.baseOffset, result.duplicate, modeName(result.mode));
        this.wake(queue);
      }
    });
  }

  /** acks none: the kernel has it, or it certainly did not leave. */
  private async afterOneway(
    broker: BrokerAddress,
    items: readonly Item[],
    queued: boolean,
  ): Promise<void> {
    try {
      if (!queued) {
        const text = 'the connection takes nothing at present';
        throw zhumqError('CONNECTION_REFUSED', text);
      }
      await this.cluster.channel(broker).written();
    } catch (error) {
      return this.allFailed(broker, items, asZhumqError(error));
    }
    for (const { queue, batch } of items) {
      const { topic, partition } = batch;
      const view = this.cluster.topic(topic, UNANSWERED_MAX_AGE_MS);
      queue.succeeded(batch, -1, false, modeName(view?.partitions[partition]?.info.mode));
      this.wake(queue);
    }
  }

  private allFailed(
    broker: BrokerAddress,
    items: readonly Item[],
    error: ZhumqError,
    watched?: Watched,
  ): void {
    if (watched !== undefined) this.cluster.requestEnded(watched);
    if (this.stopped) return;
    this.cluster.callFailed(broker, error, 'call');
    items.forEach((item, index) => {
      if (watched?.abandoned.has(index) !== true) this.failed(broker, item, error);
    });
  }

  private failed(broker: BrokerAddress, { queue, batch }: Item, error: ZhumqError): void {
    const { topic, partition } = queue;
    this.cluster.partitionFailed(topic, partition, broker, error);
    const leader = this.cluster.leaderOf(topic, partition);
    const moved = leader !== undefined && leader.id !== broker.id;
    const { clock, logger } = this.cluster.options;
    logger.debug({ topic, partition, broker: broker.id, code: error.code }, error.message);
    queue.failed(batch, error, broker.id, moved, clock.monotonicMs());
    this.wake(queue);
  }

  private waitUntil(queue: PartitionQueue, dueMs: number): void {
    this.waiting.add(queue);
    if (dueMs >= this.timerDueMs || this.stopped) return;
    const { clock } = this.cluster.options;
    this.timer?.cancel();
    this.timerDueMs = dueMs;
    this.timer = clock.after(Math.max(0, dueMs - clock.monotonicMs()), () => {
      this.timerDueMs = Infinity;
      for (const waiting of this.waiting) this.wake(waiting);
    });
  }
}

function problemOf({ view }: Cluster, { topic, partition }: PartitionQueue): string {
  return view.topic(topic) === undefined
    ? `topic ${topic} is not known`
    : `partition ${topic}-${partition} has no leader that is known`;
}
