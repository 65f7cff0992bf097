// Serves produce: each batch to its partition; the answer when the last of them is acknowledged or refused.
import type { Clock } from '@zhumq/base';
import { isInternalTopic, zhumqError } from '@zhumq/model';
import { ReplicationMode, failureOf } from '@zhumq/rpc';
import type { PartitionProduceResult, ProduceRequest, ProduceResponse } from '@zhumq/rpc';
import type { ProduceResult } from '../partition/partition.js';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { BrokerMetrics } from '../metrics.js';

export interface ProduceHandlerOptions {
  readonly registry: PartitionRegistry;
  readonly clock: Clock;
  readonly metrics: BrokerMetrics;
  /** Longest time that a producer may ask to wait, in milliseconds. */
  readonly maxTimeoutMs: number;
}

export class ProduceHandler {
  constructor(private readonly options: ProduceHandlerOptions) {}

  /** Resolves when every batch is settled; batches that fail carry their own failure. */
  produce(request: ProduceRequest): Promise<ProduceResponse> {
    if (request.acks !== -1 && request.acks !== 1) {
      throw zhumqError(
        'INVALID_REQUEST',
        `acks must be -1 or 1 in produce (0 is produceOneway), not ${request.acks}`,
      );
    }
    const results = new Array<PartitionProduceResult>(request.partitions.length);
    let open = results.length;
    if (open === 0) return Promise.resolve({ partitions: [] });
    return new Promise((resolve) => {
      this.each(request, request.acks, (index, result) => {
        results[index] = result;
        if (--open === 0) resolve({ partitions: results });
      });
    });
  }

  /** Acks 0: what fails is counted, nobody is told. */
  produceOneway(request: ProduceRequest): void {
    this.each(request, 0, () => undefined);
  }

  private each(
    request: ProduceRequest,
    acks: number,
    settled: (index: number, result: PartitionProduceResult) => void,
  ): void {
    if (request.partitions.length > MAX_BATCHES) {
      const { length } = request.partitions;
      const text = `a request brings at most ${MAX_BATCHES} batches, not ${length}: send them in several`;
      throw zhumqError('INVALID_REQUEST', text, { batches: length, limit: MAX_BATCHES });
    }
    const { registry, clock, metrics, maxTimeoutMs } = this.options;
    const deadlineMs = clock.monotonicMs() + Math.min(Math.max(request.timeoutMs, 1), maxTimeoutMs);
    request.partitions.forEach((item, index) => {
      const { topic, partition: number } = item;
      const batch = item.batch as Buffer;
      const partition = registry.find(topic, number);
      const mode =
        partition?.replicator.mode === 'fetch' ? ReplicationMode.FETCH : ReplicationMode.RAFT;
      const settle = (error: Error | undefined, result: ProduceResult | undefined): void => {
        metrics.produced(batch.length, error, acks);
        settled(index, {
          topic,
          partition: number,
          failure: error === undefined ? undefined : failureOf(error),
          baseOffset: result?.baseOffset ?? -1,
          duplicate: result?.duplicate ?? false,
          logStart: partition?.log.logStart ?? -1,
          mode,
        });
      };
      try {
        refuseInternal(topic);
        registry.get(topic, number).produce(batch, acks, deadlineMs, settle);
      } catch (error) {
        settle(error as Error, undefined);
      }
    });
  }
}

/** All of them are appended in one turn of the event loop, so that requests of one connection keep their order. */
const MAX_BATCHES = 1000;

/** What stands in a topic of zhumq's own is read back as its state: nobody else writes there. */
function refuseInternal(topic: string): void {
  if (!isInternalTopic(topic)) return;
  const message = `topic ${topic} is one of zhumq's own and takes no records from producers`;
  throw zhumqError('INVALID_TOPIC', message, { topic });
}
