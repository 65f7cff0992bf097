// One partition of an attachment: where its delivery stands and how much more may be sent.
import { readBatchHeader } from '@zhumq/model';
import type { PartitionAttach, PartitionCredit } from '@zhumq/rpc';
import type { ReadGate } from '../partition/read-gate.js';

/** Whole batches that the credit allows. */
export interface Allowance {
  readonly buffers: readonly Buffer[];
  readonly bytes: number;
  readonly messages: number;
  readonly endOffset: number;
  /** Epoch of the last batch. */
  readonly epoch: number;
}

export class AttachedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly stretch: number;
  /** Delivered next from here. */
  offset: number;
  /** Epoch of the record before it; -1 when none was delivered. */
  lastEpoch: number;
  /** A read of files is under way, or waits for its turn. */
  reading = false;
  /** The last read went to the files: the next one probably will. Undefined before the first. */
  cold: boolean | undefined;
  /** Invariant: taken <= sent. */
  private sentBytes = 0;
  private takenBytes = 0;
  private windowBytes: number;
  private sentMessages = 0;
  private takenMessages = 0;
  private windowMessages: number;
  /** Size of the next batch, once it was found not to fit. */
  private wantedBytes = 1;
  private wantedMessages = 1;
  private stopWaiting: (() => void) | undefined;

  constructor(
    /** A topic that is created again under this name is another one: its offsets mean other records. */
    readonly topicId: string,
    { topic, partition, stretch, offset, lastEpoch, windowBytes, windowMessages }: PartitionAttach,
    private readonly wake: (partition: AttachedPartition) => void,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.stretch = stretch;
    this.offset = offset;
    this.lastEpoch = lastEpoch ?? -1;
    this.windowBytes = windowBytes;
    this.windowMessages = windowMessages ?? Number.MAX_SAFE_INTEGER;
  }

  // ---- credit -----------------------------------------------------------------------------------------------------

  /** Bytes that may still be sent; not positive when none may. */
  get creditBytes(): number {
    return this.windowBytes - (this.sentBytes - this.takenBytes);
  }

  private get creditMessages(): number {
    return this.windowMessages - (this.sentMessages - this.takenMessages);
  }

  /** Everything that was sent is taken: one batch may go whatever its size. */
  private get nothingOutstanding(): boolean {
    return this.sentBytes === this.takenBytes && this.windowBytes > 0 && this.windowMessages > 0;
  }

  /** Whether the next batch may be sent, as far as is known. */
  get hasCredit(): boolean {
    if (this.nothingOutstanding) return true;
    return this.creditBytes >= this.wantedBytes && this.creditMessages >= this.wantedMessages;
  }

  /** Totals, so that a grant that comes twice, or after a newer one, changes nothing. */
  grant({ takenBytes, windowBytes, takenMessages, windowMessages }: PartitionCredit): void {
    this.takenBytes = clamp(takenBytes, this.takenBytes, this.sentBytes);
    this.takenMessages = clamp(takenMessages ?? 0, this.takenMessages, this.sentMessages);
    this.windowBytes = windowBytes;
    this.windowMessages = windowMessages ?? Number.MAX_SAFE_INTEGER;
  }

  /**
   * The batches at the front of what was read that credit allows, and for which there is room (the first one goes without);
   * undefined when the first may not be sent.
   */
  allow(buffers: readonly Buffer[], roomBytes: number): Allowance | undefined {
    const { creditBytes, creditMessages } = this;
    const allowed: Buffer[] = [];
    let [bytes, messages, endOffset, epoch] = [0, 0, -1, -1];
    for (const buffer of buffers) {
      let end = 0;
      while (end < buffer.length) {
        const { sizeBytes, recordsCount, lastOffset, epoch: own } = readBatchHeader(buffer, end);
        const fits = bytes + sizeBytes <= creditBytes && messages + recordsCount <= creditMessages;
        if (!fits && !(bytes === 0 && this.nothingOutstanding)) {
          if (bytes === 0) [this.wantedBytes, this.wantedMessages] = [sizeBytes, recordsCount];
          break;
        }
        if (bytes > 0 && bytes + sizeBytes > roomBytes) break;
        bytes += sizeBytes;
        messages += recordsCount;
        end += sizeBytes;
        [endOffset, epoch] = [lastOffset + 1, own];
        if (!fits) break;
      }
      if (end > 0) allowed.push(end === buffer.length ? buffer : buffer.subarray(0, end));
      if (end < buffer.length) break;
    }
    return bytes === 0 ? undefined : { buffers: allowed, bytes, messages, endOffset, epoch };
  }

  sent({ bytes, messages, endOffset, epoch }: Allowance): void {
    this.sentBytes += bytes;
    this.sentMessages += messages;
    this.offset = endOffset;
    this.lastEpoch = epoch;
    this.wantedBytes = this.wantedMessages = 1;
  }

  // ---- waiting for something to read ------------------------------------------------------------------------------

  waitAt(gate: ReadGate): void {
    this.stopWaiting ??= gate.wait(() => {
      this.stopWaiting = undefined;
      this.wake(this);
    });
  }

  /** Nothing more is delivered. */
  end(): void {
    this.stopWaiting?.();
    this.stopWaiting = undefined;
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}
