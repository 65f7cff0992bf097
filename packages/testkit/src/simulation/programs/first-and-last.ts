// The programs at both ends of a run: one makes the topics; one writes to every partition once more, and reads all of it.
import { ZhumqError, delay } from '@zhumq/base';
import type { Client } from '@zhumq/client';
import type { TopicPlan } from '../simulation-options.js';
import type { Program, ProgramContext } from './client-host.js';
import { recordPolls } from './reader-program.js';

const AGAIN_MS = 300;
const PROBE_MS = 10_000;

export function openingProgram(topics: readonly TopicPlan[]): Program {
  return async (context) => {
    const client = await context.connect();
    const admin = client.admin();
    for (const { topic, partitions, replicas, mode, config } of topics) {
      await untilDone(context, `topic ${topic} is made`, async () => {
        const wanted = { topic, partitions, replicas, mode, config, ifNotExists: true };
        const { ready } = await admin.createTopic({ ...wanted, wait: '5s' });
        return ready;
      });
    }
  };
}

/** Ends when a message sent to each partition is committed, and everything before it was read from the beginning. */
export function closingProgram(topics: readonly TopicPlan[]): Program {
  return async (context) => {
    const client = await context.connect();
    const producer = client.producer({ deliveryTimeout: PROBE_MS * context.pace });
    const ends = new Map<string, number>();
    let probes = 0;
    for (const { topic, partitions } of topics) {
      for (let partition = 0; partition < partitions; partition++) {
        await untilDone(context, `${topic}-${partition} takes a message`, async () => {
          const value = `${context.name}-${++probes}`;
          const place = { topic, partition, producer: context.name, value };
          const { history } = context;
          history.record({ kind: 'send', ...place, acks: 'all' });
          try {
            const receipt = await producer.send(topic, { partition, value: `${value}|` });
            const { offset, mode, duplicate } = receipt;
            history.record({ kind: 'sent', ...place, outcome: 'ok', offset, mode, duplicate });
            ends.set(`${topic} ${partition}`, offset + 1);
          } catch (error) {
            const outcome =
              ZhumqError.is(error) && error.outcome === 'rejected' ? 'fail' : 'unknown';
            history.record({ kind: 'sent', ...place, outcome });
            throw error;
          }
          return true;
        });
      }
    }
    for (const plan of topics) await readAll(context, client, plan, ends);
  };
}

async function readAll(
  context: ProgramContext,
  client: Client,
  { topic, partitions }: TopicPlan,
  ends: ReadonlyMap<string, number>,
): Promise<void> {
  const { history } = context;
  let tries = 0;
  await untilDone(context, `${topic} is read`, async () => {
    const consumer = client.consumer({ topic, from: 'earliest' });
    const consumerName = `${context.name}-${topic}-${++tries}`;
    const left = new Set<number>();
    for (let partition = 0; partition < partitions; partition++) {
      left.add(partition);
      history.record({ kind: 'seek', topic, partition, consumer: consumerName, final: true });
    }
    try {
      while (left.size > 0) {
        const messages = await consumer.fetch({ max: 500, wait: '1s' });
        recordPolls(history, messages, { consumer: consumerName, delivery: 'pull' });
        for (const { partition, offset } of consumer.position())
          if (offset >= (ends.get(`${topic} ${partition}`) ?? 0)) left.delete(partition);
      }
      return true;
    } finally {
      await consumer.close({ timeout: '1s' }).catch(() => undefined);
    }
  });
}

async function untilDone(
  { clock, log }: ProgramContext,
  what: string,
  attempt: () => Promise<boolean>,
): Promise<void> {
  for (;;) {
    try {
      if (await attempt()) return;
    } catch (error) {
      if (!ZhumqError.is(error)) throw error;
      log(`not yet: ${what}: ${error.message}`);
    }
    await delay(clock, AGAIN_MS);
  }
}
