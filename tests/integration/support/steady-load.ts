// A producer that sends to each partition at a steady pace, whatever happens, and notes what is acknowledged.
import type { Client, Producer } from '@zhumq/client';
import type { GroupHistory } from './group-history.js';
import { until } from './until.js';

export interface SteadyLoadOptions {
  readonly client: Client;
  readonly topic: string;
  readonly partitions: number;
  /** Between two messages of one partition. */
  readonly paceMs: number;
  readonly history: GroupHistory;
}

/** Messages of one partition that may be unanswered. */
const WINDOW = 50;

export class SteadyLoad {
  sent = 0;
  acknowledged = 0;
  readonly failures: string[] = [];
  /** By partition: behind the last message that was acknowledged. */
  readonly ends: number[];
  private readonly unanswered: number[];
  private readonly producer: Producer;
  private readonly timers: NodeJS.Timeout[];

  constructor(private readonly options: SteadyLoadOptions) {
    const { client, partitions, paceMs } = options;
    this.producer = client.producer();
    this.ends = new Array<number>(partitions).fill(0);
    this.unanswered = new Array<number>(partitions).fill(0);
    this.timers = this.ends.map((_, partition) => setInterval(() => this.send(partition), paceMs));
  }

  /** Resolves when every message has its answer. */
  async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer);
    await until('every answer', () => this.unanswered.every((count) => count === 0), {
      timeoutMs: 150_000,
      state: () => this.unanswered,
    });
    await this.producer.close();
  }

  private send(partition: number): void {
    if (this.unanswered[partition] >= WINDOW) return;
    const { topic, history } = this.options;
    this.unanswered[partition]++;
    this.producer
      .send(topic, { partition, value: String(this.sent++) })
      .then(
        ({ offset }) => {
          history.record({ kind: 'acked', partition, offset });
          this.acknowledged++;
          this.ends[partition] = Math.max(this.ends[partition], offset + 1);
        },
        (error: unknown) => this.failures.push(String(error)),
      )
      .finally(() => this.unanswered[partition]--);
  }
}
