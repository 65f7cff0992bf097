// Serves pull: reads committed batches of several partitions, and waits when there is too little (long poll).
import type { ByteBudget, Clock, Timer } from '@zhumq/base';
import type { LogSlice } from '@zhumq/log';
import { isError, zhumqError } from '@zhumq/model';
import { failureOf } from '@zhumq/rpc';
import type {
  CallContext,
  Outgoing,
  PartitionPull,
  PartitionPullResult,
  PullRequest,
  PullResponse,
} from '@zhumq/rpc';
import type { PartitionRegistry } from '../partition/partition-registry.js';
import type { BrokerMetrics } from '../metrics.js';
import { ITEMS_PER_TURN, nextTurn } from './turns.js';

export interface PullHandlerOptions {
  readonly registry: PartitionRegistry;
  readonly clock: Clock;
  readonly metrics: BrokerMetrics;
  /** Most bytes in one answer, whatever the request says. */
  readonly maxResponseBytes: number;
  readonly maxWaitMs: number;
  /** Bytes that all answers being put together may hold. */
  readonly budget: ByteBudget;
}

type Result = Outgoing<PartitionPullResult>;

interface Gathered {
  readonly results: Result[];
  bytes: number;
  /** A partition could not be read: the consumer must know at once. */
  failed: boolean;
}

export class PullHandler {
  constructor(private readonly options: PullHandlerOptions) {}

  async pull(request: PullRequest, context: CallContext): Promise<Outgoing<PullResponse>> {
    if (request.partitions.length > MAX_PARTITIONS) {
      throw zhumqError(
        'INVALID_REQUEST',
        `a pull names at most ${MAX_PARTITIONS} partitions, not ${request.partitions.length}`,
      );
    }
    const { clock, maxWaitMs } = this.options;
    const { signal } = context;
    const deadlineMs = clock.monotonicMs() + Math.min(Math.max(request.maxWaitMs, 0), maxWaitMs);
    for (;;) {
      // Nobody is there any more to read an answer.
      if (signal.aborted) return { partitions: [] };
      // Waiting begins before reading, so that nothing committed in between is missed.
      const waiting = this.watch(request.partitions, deadlineMs, signal);
      try {
        const gathered = await this.gather(request, context);
        const enough = gathered.failed || gathered.bytes >= Math.max(request.minBytes, 1);
        if (enough || clock.monotonicMs() >= deadlineMs) return answer(gathered, enough);
        await waiting.woken;
      } finally {
        waiting.cancel();
      }
    }
  }

  private async gather(request: PullRequest, context: CallContext): Promise<Gathered> {
    const limit = Math.min(Math.max(request.maxBytes, 1), this.options.maxResponseBytes);
    const { budget } = this.options;
    await budget.reserve(limit);
    try {
      if (context.bufferedBytes > this.options.maxResponseBytes) {
        // A consumer that asks and does not read would otherwise collect answers in our memory.
        throw zhumqError(
          'OVERLOADED',
          `${context.bufferedBytes} bytes of answers wait to be read by ${context.remoteAddress}`,
        );
      }
      const gathered: Gathered = { results: [], bytes: 0, failed: false };
      let looked = 0;
      for (const item of rotated(request.partitions)) {
        if (++looked % ITEMS_PER_TURN === 0) await nextTurn();
        const room = limit - gathered.bytes;
        if (room <= 0) break;
        await this.readOne(item, Math.min(Math.max(item.maxBytes, 1), room), gathered);
      }
      return gathered;
    } finally {
      budget.release(limit);
    }
  }

  private async readOne(item: PartitionPull, maxBytes: number, gathered: Gathered): Promise<void> {
    const { registry, metrics } = this.options;
    try {
      const partition = registry.get(item.topic, item.partition, item.topicId);
      const read = partition.read(item.offset, maxBytes, item.lastEpoch ?? -1);
      const slice = read instanceof Promise ? await read : read;
      // One batch may be larger than what is left: it waits for the next answer unless it is the first.
      const taken =
        slice !== undefined && (slice.bytes <= maxBytes || gathered.bytes === 0)
          ? slice
          : undefined;
      gathered.bytes += taken?.bytes ?? 0;
      metrics.pulled(taken?.bytes ?? 0);
      gathered.results.push(result(item, taken, partition.highWatermark, partition.log.logStart));
    } catch (error) {
      const partition = registry.find(item.topic, item.partition);
      // A new leader that does not know the high watermark yet: worth waiting for, not worth an error.
      gathered.failed ||= !isError(error, 'NOT_COMMITTED_YET');
      const failed = result(
        item,
        undefined,
        partition?.highWatermark ?? -1,
        partition?.log.logStart ?? -1,
      );
      gathered.results.push({ ...failed, failure: failureOf(error) });
    }
  }

  private watch(items: readonly PartitionPull[], deadlineMs: number, signal: AbortSignal): Waiting {
    const { registry, clock } = this.options;
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const cancels = items.map((item) => registry.find(item.topic, item.partition)?.gate.wait(wake));
    let timer: Timer | undefined = clock.after(Math.max(deadlineMs - clock.monotonicMs(), 0), wake);
    signal.addEventListener('abort', wake, { once: true });
    return {
      woken,
      cancel: () => {
        timer?.cancel();
        timer = undefined;
        signal.removeEventListener('abort', wake);
        for (const cancel of cancels) cancel?.();
      },
    };
  }
}

interface Waiting {
  readonly woken: Promise<void>;
  cancel(): void;
}

const MAX_PARTITIONS = 10_000;

/** Each answer starts at another partition, so that a busy one does not starve those after it. */
function rotated(items: readonly PartitionPull[]): readonly PartitionPull[] {
  if (items.length < 2) return items;
  rotation = (rotation + 1) % 0x7fffffff;
  const start = rotation % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

let rotation = 0;

function result(
  item: PartitionPull,
  slice: LogSlice | undefined,
  highWatermark: number,
  logStart: number,
): Result {
  const { topic, partition } = item;
  return { topic, partition, highWatermark, logStart, batches: (slice?.buffers ?? []) as Buffer[] };
}

/** With data or failures: only the partitions that have something to tell. Otherwise one empty result for each. */
function answer(gathered: Gathered, enough: boolean): Outgoing<PullResponse> {
  if (!enough) return { partitions: gathered.results };
  const telling = gathered.results.filter(
    (one) => one.failure !== undefined || (one.batches as Buffer[]).length > 0,
  );
  return { partitions: telling };
}
