// Producers and consumers that behave, on topics that no attack may touch, while the others are attacked: everything that
// was acknowledged is read back at the end and judged by the checkers, and so is that they could go on all the time.
import type { Client, Consumer } from '@zhumq/client';
import { ZhumqError } from '@zhumq/client';
import { judgeEvents } from '../../check/judge.js';
import { History } from '../../history/history.js';
import { PARTITIONS } from './live-cluster.js';
import { CHECKED_GROUP, CHECKED_TOPICS } from './vocabulary.js';

export interface CitizensVerdict {
  readonly sent: number;
  readonly acknowledged: number;
  readonly reads: number;
  readonly refused: number;
  readonly longestPauseMs: number;
  /** Sentences of the checkers; none when all is well. */
  readonly anomalies: readonly string[];
}

const PACE_MS = 25;
const WINDOW = 16;
const READ_ALL_MS = 60_000;

export class GoodCitizens {
  private readonly history = new History(() => performance.now());
  private readonly running: Promise<void>[] = [];
  private readonly consumers: Consumer[] = [];
  private stopped = false;
  private unanswered = 0;
  private acknowledged = 0;
  private refused = 0;
  private lastAckMs = performance.now();
  private longestPauseMs = 0;

  constructor(private readonly client: Client) {}

  async start(): Promise<void> {
    const { client } = this;
    for (const topic of CHECKED_TOPICS) {
      this.running.push(this.produce(topic));
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const delivery = partition % 2 === 0 ? 'push' : 'pull';
        const consumer = client.consumer({
          ...{ topic, partitions: [partition], from: 'earliest', delivery },
        });
        this.follow(consumer, topic, partition);
      }
    }
    const [topic] = CHECKED_TOPICS;
    const group = client.consumer({ topic, group: CHECKED_GROUP, from: 'earliest' });
    this.consumers.push(group);
    this.running.push(drain(group));
    await this.progress();
  }

  /** Something that is sent after this call is acknowledged. */
  async progress(timeoutMs = 30_000): Promise<boolean> {
    const before = this.acknowledged;
    const deadlineMs = performance.now() + timeoutMs;
    while (this.acknowledged <= before + CHECKED_TOPICS.length * WINDOW) {
      if (performance.now() > deadlineMs) return false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return true;
  }

  /** Ends producing and reads everything once more from the beginning. */
  async finish(): Promise<CitizensVerdict> {
    this.stopped = true;
    const deadlineMs = performance.now() + READ_ALL_MS;
    while (this.unanswered > 0 && performance.now() < deadlineMs)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const late = await this.readEverything();
    await Promise.all(this.consumers.map((consumer) => consumer.close()));
    await Promise.all(this.running);
    const { examples, violations } = judgeEvents(this.history.events);
    const reads = this.history.of('poll').reduce((sum, { records }) => sum + records.length, 0);
    return {
      ...{ sent: this.history.of('send').length, acknowledged: this.acknowledged, reads },
      ...{ refused: this.refused, longestPauseMs: Math.round(this.longestPauseMs) },
      anomalies: [
        ...(violations > examples.length ? [`${violations} in all`] : []),
        ...examples.map((one) => `${one.anomaly}: ${one.topic}-${one.partition}: ${one.sentence}`),
        ...late,
      ],
    };
  }

  private async produce(topic: string): Promise<void> {
    const producer = this.client.producer({ acks: 'all' });
    for (let number = 0; !this.stopped; number++) {
      if (this.unanswered < WINDOW * CHECKED_TOPICS.length) {
        const partition = number % PARTITIONS;
        const value = `${topic}/${number}`;
        const about = { topic, partition, producer: topic, value };
        this.history.record({ kind: 'send', ...about, acks: 'all' });
        this.unanswered += 1;
        void producer
          .send(topic, { partition, value })
          .then(
            ({ offset, duplicate, mode }) => {
              this.history.record({
                ...{ kind: 'sent', ...about, outcome: 'ok', offset, duplicate, mode },
              });
              this.handleAck();
            },
            (error: unknown) => {
              this.refused += 1;
              const known = ZhumqError.is(error) ? error : undefined;
              const outcome = known?.outcome === 'rejected' ? 'fail' : 'unknown';
              const code = known?.code ?? String(error);
              const retriable = known?.retriable ?? false;
              this.history.record({ kind: 'sent', ...about, outcome, code, retriable });
            },
          )
          .finally(() => (this.unanswered -= 1));
      }
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
    await producer.close();
  }

  private handleAck(): void {
    const nowMs = performance.now();
    this.acknowledged += 1;
    this.longestPauseMs = Math.max(this.longestPauseMs, nowMs - this.lastAckMs);
    this.lastAckMs = nowMs;
  }

  private follow(consumer: Consumer, topic: string, partition: number): void {
    const about = { topic, partition, consumer: `${topic}-${partition}` };
    this.consumers.push(consumer);
    this.history.record({ kind: 'seek', ...about });
    const reading = async (): Promise<void> => {
      for await (const { offset, value } of consumer)
        this.history.record({ kind: 'poll', ...about, records: [[offset, textOf(value)]] });
    };
    this.running.push(reading());
  }

  private async readEverything(): Promise<string[]> {
    const late: string[] = [];
    for (const topic of CHECKED_TOPICS) {
      const ends = await this.client.admin().listOffsets({ topic, at: 'latest' });
      for (const { partition, offset: end } of ends) {
        const about = { topic, partition, consumer: `final-${topic}-${partition}` };
        this.history.record({ kind: 'seek', ...about, final: true });
        const consumer = this.client.consumer({ topic, partitions: [partition], from: 'earliest' });
        const deadlineMs = performance.now() + READ_ALL_MS;
        while ((consumer.position().at(0)?.offset ?? 0) < end) {
          if (performance.now() > deadlineMs) {
            late.push(`${topic}-${partition} can not be read to its end, ${end}`);
            break;
          }
          const messages = await consumer.fetch({ max: 5_000, wait: 200 });
          const records = messages.map(({ offset, value }) => [offset, textOf(value)] as const);
          this.history.record({ kind: 'poll', ...about, records });
        }
        await consumer.close();
      }
    }
    return late;
  }
}

async function drain(consumer: Consumer): Promise<void> {
  for await (const message of consumer) void message;
}

const textOf = (value: Buffer | null): string => (value ?? Buffer.alloc(0)).toString();
