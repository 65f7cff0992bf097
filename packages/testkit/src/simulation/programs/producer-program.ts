// A program that sends numbered messages, waits for none before the next, and says what it was told of each.
import { delay, ZhumqError } from '@zhumq/base';
import type { Client, Producer } from '@zhumq/client';
import type { ProducerPlan, TopicPlan } from '../simulation-options.js';
import type { Program, ProgramContext } from './client-host.js';

/** Messages under way beyond which it waits. */
const MAX_UNDER_WAY = 30;
const DELIVERY_TIMEOUT_MS = 20_000;

export interface SendCounts {
  sent: number;
  acknowledged: number;
  failed: number;
  unknown: number;
}

export function producerProgram(
  plan: ProducerPlan,
  topics: readonly TopicPlan[],
  counts: SendCounts,
): Program {
  return async (context) => {
    const client: Client = await context.connect();
    const producer = client.producer({
      acks: plan.acks,
      linger: plan.linger,
      ...(plan.acks === 'none' ? {} : { deliveryTimeout: DELIVERY_TIMEOUT_MS * context.pace }),
    });
    await new Sending(context, producer, plan, topics, counts).run();
  };
}

class Sending {
  private underWay = 0;
  private sequence = 0;

  constructor(
    private readonly context: ProgramContext,
    private readonly producer: Producer,
    private readonly plan: ProducerPlan,
    private readonly topics: readonly TopicPlan[],
    private readonly counts: SendCounts,
  ) {}

  async run(): Promise<void> {
    const { clock, random, ended } = this.context;
    while (!ended()) {
      // Now and then several at once: batches and their retries.
      const burst = random.below(10) === 0 ? 1 + random.below(8) : 1;
      for (let n = 0; n < burst && this.underWay < MAX_UNDER_WAY; n++) this.send();
      await delay(clock, -Math.log(1 - random.fraction()) * this.plan.intervalMs);
    }
    await this.producer
      .flush({ timeout: DELIVERY_TIMEOUT_MS * 2 * this.context.pace })
      .catch(() => undefined);
  }

  private send(): void {
    const { context, plan, counts } = this;
    const { random, history, name: producer } = context;
    const { topic, partitions } = this.topics[random.below(this.topics.length)];
    const partition = random.below(partitions);
    const value = `${producer}-${++this.sequence}`;
    const padding = '.'.repeat(random.below(plan.maxValueBytes));
    const place = { topic, partition, producer, value };
    history.record({
      ...{ kind: 'send', ...place, acks: plan.acks },
      idempotent: plan.acks !== 'none',
    });
    counts.sent++;
    this.underWay++;
    this.producer.send(topic, { partition, value: `${value}|${padding}` }).then(
      ({ offset, mode, duplicate }) => {
        this.underWay--;
        counts.acknowledged++;
        const where = offset >= 0 ? { offset, mode, duplicate } : {};
        history.record({ kind: 'sent', ...place, outcome: 'ok', ...where });
      },
      (error: unknown) => {
        this.underWay--;
        if (!ZhumqError.is(error)) throw error;
        const outcome = error.outcome === 'rejected' ? 'fail' : 'unknown';
        if (outcome === 'fail') counts.failed++;
        else counts.unknown++;
        const { code, retriable } = error;
        history.record({ kind: 'sent', ...place, outcome, code, retriable });
      },
    );
  }
}

/** The value as the history knows it. */
export function valueOf(bytes: Buffer | null): string {
  const text = bytes?.toString() ?? '';
  const end = text.indexOf('|');
  return end === -1 ? text : text.slice(0, end);
}
