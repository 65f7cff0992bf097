// A consumer of push delivery over a real socket that does what a test tells it, and checks what it is sent: deliveries
// without gaps, and never beyond its credit.
import type { Socket } from 'node:net';
import { readBatchHeader } from '@zhumq/model';
import { connectChannel, consumerService, deliveryClient } from '@zhumq/rpc';
import type { AttachReply, Delivery, Failure, PartitionAttach, RpcChannel } from '@zhumq/rpc';

interface Stretch extends PartitionAttach {
  sentBytes: number;
  takenBytes: number;
  window: number;
  sentMessages: number;
}

export interface Delivered extends Delivery {
  readonly batchSizes: readonly number[];
}

export class TestConsumer {
  readonly delivered: Delivered[] = [];
  readonly detached: { readonly topic: string; readonly partition: number; reason: Failure }[] = [];
  readonly closed: Failure[] = [];
  readonly faults: string[] = [];
  /** Whether what is delivered is kept. */
  keeps = true;
  pings = 0;
  lost = 0;
  onDelivery: (delivery: Delivered) => void = () => undefined;
  readonly channel: RpcChannel;
  private socket: Socket | undefined;
  private readonly stretches = new Map<string, Stretch>();

  constructor(dial: () => Socket) {
    this.channel = connectChannel({
      ...{ host: '127.0.0.1', port: 1, callTimeoutMs: 5000 },
      socketFactory: () => (this.socket = dial()),
      onLost: () => this.lost++,
      services: [
        consumerService({
          deliver: (delivery) => this.deliver(delivery),
          ping: () => void this.pings++,
          detach: (topic, partition, reason) =>
            void this.detached.push({ topic, partition, reason }),
          attachmentClosed: (_attachment, reason) => void this.closed.push(reason),
        }),
      ],
    });
  }

  get client(): ReturnType<typeof deliveryClient> {
    return deliveryClient(this.channel);
  }

  get bytes(): number {
    return this.delivered.reduce((sum, { batches }) => sum + batches.length, 0);
  }

  /** Reads nothing from its socket until it is told to. */
  freeze(): void {
    this.socket?.pause();
  }

  thaw(): void {
    this.socket?.resume();
  }

  attach(...wanted: PartitionAttach[]): Promise<AttachReply> {
    for (const one of wanted) this.expect(one);
    return this.client.attach({ attachment: 1, partitions: wanted });
  }

  expect(wanted: PartitionAttach): void {
    const counts = { sentBytes: 0, takenBytes: 0, sentMessages: 0, window: wanted.windowBytes };
    this.stretches.set(keyOf(wanted), { ...wanted, ...counts });
  }

  /** Gives credit back for what was delivered, all of it unless it is said how much. */
  take(topic: string, partition: number, bytes = Infinity): void {
    const stretch = this.of({ topic, partition });
    stretch.takenBytes = Math.min(stretch.sentBytes, stretch.takenBytes + bytes);
    const { takenBytes, sentMessages: takenMessages, windowMessages } = stretch;
    const credit = { topic, partition, stretch: stretch.stretch, takenBytes, takenMessages };
    this.client.grantCredit(1, [{ ...credit, windowBytes: stretch.window, windowMessages }]);
  }

  private deliver(delivery: Delivery): void {
    const stretch = this.of(delivery);
    const { batches, offset } = delivery;
    const batchSizes: number[] = [];
    const expected = stretch.offset;
    if (offset !== expected) this.faults.push(`delivery at ${offset} instead of ${expected}`);
    const room = stretch.window - (stretch.sentBytes - stretch.takenBytes);
    const alone = stretch.sentBytes === stretch.takenBytes;
    for (let at = 0; at < batches.length; at += batchSizes[batchSizes.length - 1]) {
      const { sizeBytes, lastOffset, recordsCount } = readBatchHeader(batches, at);
      batchSizes.push(sizeBytes);
      stretch.offset = lastOffset + 1;
      stretch.sentMessages += recordsCount;
    }
    if (batches.length > room && !(alone && batchSizes.length === 1)) {
      this.faults.push(`${batches.length} bytes with ${room} bytes of credit`);
    }
    stretch.sentBytes += batches.length;
    if (delivery.creditBytes !== room - batches.length) this.faults.push('another count of credit');
    const delivered = { ...delivery, batchSizes };
    if (this.keeps) this.delivered.push(delivered);
    this.onDelivery(delivered);
  }

  private of(name: { topic: string; partition: number }): Stretch {
    const stretch = this.stretches.get(keyOf(name));
    if (stretch === undefined) throw new Error('a delivery that nobody asked for');
    return stretch;
  }
}

function keyOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}
