// The programs at both ends of a run: one makes the topics; one writes to every partition once more, and reads all of it.
import { ZhumqError, delay } from '@zhumq/base';
import type { Client, Producer } from '@zhumq/client';
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
/** Takes a partition for served when it has taken a message. Others do not wait for one that does not. */
export function probingProgram(topics: readonly TopicPlan[], served: Set<string>): Program {
  return async (context) => {
    const client = await context.connect();
    const producer = client.producer({ deliveryTimeout: PROBE_MS * context.pace });
    const places = topics.flatMap(({ topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    );
    const probes = { sent: 0 };
    await Promise.all(
      places.map(async ({ topic, partition }) => {
        await probe(context, producer, probes, topic, partition);
        served.add(`${topic} ${partition}`);
      }),
    );
  };
}

export function closingProgram(topics: readonly TopicPlan[]): Program {
  return async (context) => {
    const client = await context.connect();
    const producer = client.producer({ deliveryTimeout: PROBE_MS * context.pace });
    const ends = new Map<string, number>();
    const probes = { sent: 0 };
    for (const { topic, partitions } of topics) {
      for (let partition = 0; partition < partitions; partition++) {
        const offset = await probe(context, producer, probes, topic, partition);
        ends.set(`${topic} ${partition}`, offset + 1);
      }
    }
    for (const plan of topics) await readAll(context, client, plan, ends);
  };
}

/** Resolves with the offset of a message that the partition took. */
async function probe(
  context: ProgramContext,
  producer: Producer,
  probes: { sent: number },
  topic: string,
  partition: number,
): Promise<number> {
  const { history, name } = context;
  let taken = -1;
  await untilDone(context, `${topic}-${partition} takes a message`, async () => {
    const value = `${name}-${++probes.sent}`;
    const place = { topic, partition, producer: name, value };
    history.record({ kind: 'send', ...place, acks: 'all' });
    try {
      const receipt = await producer.send(topic, { partition, value: `${value}|` });
      const { offset, mode, duplicate } = receipt;
      history.record({ kind: 'sent', ...place, outcome: 'ok', offset, mode, duplicate });
      taken = offset;
    } catch (error) {
      const outcome = ZhumqError.is(error) && error.outcome === 'rejected' ? 'fail' : 'unknown';
      history.record({ kind: 'sent', ...place, outcome });
      throw error;
    }
    return true;
  });
  return taken;
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
