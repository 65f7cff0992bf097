// A program that reads everything of some topics, without a group, and says what it was given.
import { ZhumqError, delay } from '@zhumq/base';
import type { Client, Message } from '@zhumq/client';
import type { Recorder } from '../../history/history.js';
import type { DeliveredRecord } from '../../history/events.js';
import type { ReaderPlan, TopicPlan } from '../simulation-options.js';
import type { Program, ProgramContext } from './client-host.js';
import { valueOf } from './producer-program.js';

const AGAIN_MS = 500;
const WAIT_MS = 2_000;

export function readerProgram(plan: ReaderPlan, topics: readonly TopicPlan[]): Program {
  return async (context) => {
    const client = await context.connect();
    await Promise.all(topics.map((topic) => readOn(context, client, plan, topic)));
  };
}

async function readOn(
  context: ProgramContext,
  client: Client,
  { delivery }: ReaderPlan,
  { topic, partitions }: TopicPlan,
): Promise<void> {
  const { history, clock, ended } = context;
  const consumerName = `${context.name}-${topic}`;
  const seek = (partition: number): void =>
    history.record({ kind: 'seek', topic, partition, consumer: consumerName });
  while (!ended()) {
    const consumer = client.consumer({
      ...{ topic, from: 'earliest', delivery, onTruncated: 'resume' },
      maxWait: WAIT_MS * context.pace,
    });
    consumer.on('truncated', ({ partition }) => seek(partition));
    for (let partition = 0; partition < partitions; partition++) seek(partition);
    try {
      while (!ended()) {
        const messages = await consumer.fetch({ max: 100, wait: WAIT_MS * context.pace });
        recordPolls(history, messages, { consumer: consumerName, delivery });
      }
    } catch (error) {
      if (!ZhumqError.is(error)) throw error;
      context.log(`reading ${topic} ended: ${error.message}`);
    }
    await consumer.close({ timeout: '1s' }).catch(() => undefined);
    await delay(clock, AGAIN_MS);
  }
}

/** One event for each partition. */
export function recordPolls(
  history: Recorder,
  messages: readonly Message[],
  who: { readonly consumer: string; readonly group?: string; readonly delivery: 'pull' | 'push' },
): void {
  const polls = new Map<string, { message: Message; records: DeliveredRecord[] }>();
  for (const message of messages) {
    const key = `${message.topic} ${message.partition}`;
    let poll = polls.get(key);
    if (poll === undefined) polls.set(key, (poll = { message, records: [] }));
    poll.records.push([message.offset, valueOf(message.value)]);
  }
  for (const { message, records } of polls.values()) {
    const { topic, partition } = message;
    history.record({ kind: 'poll', topic, partition, ...who, records });
  }
}
