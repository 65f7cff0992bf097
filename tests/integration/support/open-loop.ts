// An open-loop producer of one partition: messages leave at a fixed rate, whatever becomes of the earlier ones, so that a
// pause of the partition is seen as a gap between successive acknowledgements.
import type { Client, Producer } from '@zhumq/client';
import { until } from './until.js';

const TICK_MS = 2;

export interface OpenLoopOptions {
  readonly client: Client;
  readonly topic: string;
  readonly partition: number;
  readonly messagesPerSecond: number;
}

export class OpenLoop {
  readonly failures: string[] = [];
  sent = 0;
  acknowledged = 0;
  private readonly producer: Producer;
  private readonly timer: NodeJS.Timeout;
  private readonly startMs = performance.now();
  private lastAckMs = performance.now();
  private longestGapMs = 0;

  constructor(private readonly options: OpenLoopOptions) {
    this.producer = options.client.producer();
    this.timer = setInterval(() => this.send(), TICK_MS);
  }

  /** Largest gap between successive acknowledgements since the last call of this, in milliseconds. */
  takeLongestGap(): number {
    const gap = this.longestGapMs;
    this.longestGapMs = 0;
    return gap;
  }

  /** Something was acknowledged that was sent after this call. */
  async progress(): Promise<void> {
    const mark = this.sent;
    await until('the open loop goes on', () => this.acknowledged > mark, {
      state: () => this.failures,
    });
  }

  /** Resolves when every message has its answer. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await until('every answer', () => this.acknowledged + this.failures.length === this.sent, {
      timeoutMs: 150_000,
    });
    await this.producer.close();
  }

  private send(): void {
    const { topic, partition, messagesPerSecond } = this.options;
    const due = ((performance.now() - this.startMs) * messagesPerSecond) / 1000;
    while (this.sent < due) {
      const value = String(this.sent++);
      this.producer.send(topic, { partition, value }).then(
        () => this.onAcknowledged(),
        (error: unknown) => this.failures.push(String(error)),
      );
    }
  }

  private onAcknowledged(): void {
    const now = performance.now();
    this.acknowledged++;
    this.longestGapMs = Math.max(this.longestGapMs, now - this.lastAckMs);
    this.lastAckMs = now;
  }
}

/** The value below which a share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
