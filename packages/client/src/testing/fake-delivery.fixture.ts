// For tests: push delivery of a fake broker, straight from its memory logs. What comes from consumers is kept, so that
// tests can see what they say between deliveries.
import { isError, zhumqError } from '@zhumq/model';
import { consumerClient, deliveryService, failureOf } from '@zhumq/rpc';
import type {
  CallContext,
  PartitionAttach,
  PartitionAttachResult,
  PartitionCredit,
  Service,
} from '@zhumq/rpc';
import type { FakeBroker } from './fake-cluster.fixture.js';
import { checkRead } from './memory-log.fixture.js';

const CHUNK_BYTES = 4096;

interface Stretch extends PartitionAttach {
  sentBytes: number;
  takenBytes: number;
  window: number;
}

export class FakeDelivery {
  /** What consumers called, in order. */
  readonly calls: string[] = [];
  readonly credits: PartitionCredit[] = [];
  /** Wherever consumers begin. */
  readonly attaches: PartitionAttach[] = [];
  heartbeatMs = 1000;
  /** Whether it says anything by itself. */
  mute = false;
  private readonly stretches = new Map<string, { stretch: Stretch; context: CallContext }>();
  private readonly contexts = new Set<CallContext>();

  constructor(private readonly broker: FakeBroker) {}

  service(): Service {
    return deliveryService({
      attach: ({ partitions }, context) => {
        this.note('attach', context);
        const results = partitions.map((wanted) => this.add(wanted, context));
        return { heartbeatMs: this.heartbeatMs, partitions: results };
      },
      changeAttachment: ({ add, remove }, context) => {
        this.note('changeAttachment', context);
        for (const { topic, partition } of remove) this.stretches.delete(`${topic}/${partition}`);
        return add.map((wanted) => this.add(wanted, context));
      },
      grantCredit: (_attachment, credits, context) => {
        this.note(credits.length === 0 ? 'heartbeat' : 'grantCredit', context);
        this.credits.push(...credits);
        for (const credit of credits) this.grant(credit);
      },
      closeAttachment: (_attachment, context) => this.note('closeAttachment', context),
    });
  }

  beat(): void {
    for (const { peer } of this.contexts) consumerClient(peer).ping(0);
  }

  /** Ends all connections, as a network does. */
  cut(): void {
    for (const context of this.contexts) context.destroy(zhumqError('CONNECTION_LOST', 'cut'));
    this.contexts.clear();
    this.stretches.clear();
  }

  private note(call: string, context: CallContext): void {
    this.calls.push(call);
    this.contexts.add(context);
  }

  private add(wanted: PartitionAttach, context: CallContext): PartitionAttachResult {
    this.attaches.push(wanted);
    const { topic, partition } = wanted;
    try {
      const { log } = this.broker.led(topic, partition);
      checkRead(log, wanted.offset, wanted.lastEpoch ?? -1);
      const counts = { sentBytes: 0, takenBytes: 0, window: wanted.windowBytes };
      const stretch: Stretch = { ...wanted, ...counts };
      this.stretches.set(`${topic}/${partition}`, { stretch, context });
      setImmediate(() => this.push(stretch, context));
      return { topic, partition, highWatermark: log.end, logStart: log.logStart };
    } catch (error) {
      return { topic, partition, highWatermark: -1, logStart: -1, failure: failureOf(error) };
    }
  }

  private grant(credit: PartitionCredit): void {
    const found = this.stretches.get(`${credit.topic}/${credit.partition}`);
    if (found?.stretch.stretch !== credit.stretch) return;
    found.stretch.takenBytes = credit.takenBytes;
    found.stretch.window = credit.windowBytes;
    this.push(found.stretch, found.context);
  }

  private push(stretch: Stretch, context: CallContext): void {
    const { topic, partition } = stretch;
    const current = (): boolean =>
      !context.signal.aborted && this.stretches.get(`${topic}/${partition}`)?.stretch === stretch;
    if (!current() || this.mute) return;
    try {
      const { log } = this.broker.led(topic, partition);
      checkRead(log, stretch.offset, stretch.lastEpoch ?? -1);
      for (;;) {
        const { offset, window, sentBytes, takenBytes } = stretch;
        if (offset === log.end) {
          void log.grown().then(() => this.push(stretch, context));
          return;
        }
        const batches = log.read(offset, CHUNK_BYTES);
        const outstanding = sentBytes - takenBytes;
        if (outstanding > 0 && batches.length > window - outstanding) return;
        const end = log.endOf(batches);
        stretch.sentBytes += batches.length;
        stretch.offset = end.offset;
        stretch.lastEpoch = end.epoch;
        consumerClient(context.peer).deliver({
          ...{ topic, partition, batches, offset, attachment: 1, stretch: stretch.stretch },
          ...{ highWatermark: log.end, logStart: log.logStart },
          creditBytes: window - outstanding - batches.length,
        });
      }
    } catch (error) {
      if (!current()) return;
      if (!isError(error, 'NOT_LEADER')) this.stretches.delete(`${topic}/${partition}`);
      const failure = failureOf(error);
      consumerClient(context.peer).detach(topic, partition, failure, 1, stretch.stretch);
    }
  }
}
