// Point-to-point and publish-subscribe, by push and by pull, on real brokers; unsubscribing; and a topic that is switched to
// another mode while it is read.
import type { Client, Consumer } from '@zhumq/client';
import { startTestBroker } from '@zhumq/testing';
import type { TestBroker } from '@zhumq/testing';
import { until } from './support/until.js';

const PARTITIONS = 4;
const COUNT = 200;

jest.setTimeout(120_000);

let broker: TestBroker;
let mq: Client;
beforeAll(async () => {
  broker = await startTestBroker({
    brokers: 3,
    topicDefaults: { partitions: PARTITIONS, replicas: 3 },
  });
  mq = await broker.client();
});
afterAll(() => broker?.stop());

async function send(topic: string, count: number, from = 0): Promise<void> {
  const producer = mq.producer();
  const sends = Array.from({ length: count }, (_one, n) =>
    producer.send(topic, { value: `${from + n}`, partition: n % PARTITIONS }),
  );
  await Promise.all(sends);
  await producer.close();
}

interface Reader {
  readonly consumer: Consumer;
  readonly seen: string[];
  stop(): Promise<void>;
}

function read(topic: string, options: object): Reader {
  const seen: string[] = [];
  const consumer = mq.consumer({ topic, from: 'earliest', ...options });
  const work = consumer.run(({ value }) => void seen.push(String(value)));
  work.catch((error: unknown) => seen.push(String(error)));
  const stop = async (): Promise<void> => {
    await consumer.close();
    await work;
  };
  return { consumer, seen, stop };
}

/** In the order of the numbers. */
function sorted(texts: readonly string[]): number[] {
  return texts.map(Number).sort((a, b) => a - b);
}

const all = (count: number): number[] => Array.from({ length: count }, (_one, n) => n);

describe.each(['pull', 'push'] as const)('by %s', (delivery) => {
  test('point-to-point: the consumers of one group share the messages, each goes to one', async () => {
    const topic = `queue-${delivery}`;
    await broker.createTopic(topic);
    const members = [0, 1, 2].map(() => read(topic, { group: topic, delivery }));
    await until('each has partitions', () =>
      members.every(({ consumer }) => consumer.health().partitions > 0),
    );
    await until('none is changing hands', () => {
      const counts = members.map(({ consumer }) => consumer.health().partitions);
      return counts.reduce((sum, count) => sum + count) === PARTITIONS;
    });
    await send(topic, COUNT);
    const seen = (): string[] => members.flatMap((member) => member.seen);
    await until('everything is handled', () => seen().length >= COUNT);
    await Promise.all(members.map((member) => member.stop()));
    expect(sorted(seen())).toEqual(all(COUNT));
    expect(members.map((member) => member.seen.length > 0)).toEqual([true, true, true]);
  });

  test('publish-subscribe: each group, and each consumer without one, gets every message', async () => {
    const topic = `news-${delivery}`;
    await broker.createTopic(topic);
    const groups = ['one', 'two'].map((name) =>
      [0, 1].map(() => read(topic, { group: `${topic}-${name}`, delivery })),
    );
    const lone = [0, 1].map(() => [read(topic, { delivery })]);
    await send(topic, COUNT);
    const subscribers = [...groups, ...lone];
    const seenBy = (readers: readonly Reader[]): string[] => readers.flatMap(({ seen }) => seen);
    await until('everybody has everything', () =>
      subscribers.every((readers) => new Set(seenBy(readers)).size === COUNT),
    );
    await Promise.all(subscribers.flat().map((one) => one.stop()));
    for (const readers of lone) expect(sorted(seenBy(readers))).toEqual(all(COUNT));
    for (const readers of groups) expect(sorted(seenBy(readers))).toEqual(all(COUNT));
  });

  test('unsubscribe: who leaves gets nothing more, the others get its part, and it goes on where the group is when it comes back', async () => {
    const topic = `leave-${delivery}`;
    await broker.createTopic(topic);
    const [first, second] = [0, 1].map(() => read(topic, { group: topic, delivery }));
    await until('both have half', () =>
      [first, second].every(({ consumer }) => consumer.health().partitions === PARTITIONS / 2),
    );
    await send(topic, COUNT);
    await until('all is handled', () => first.seen.length + second.seen.length === COUNT);
    await first.stop();
    const before = first.seen.length;
    await send(topic, COUNT, COUNT);
    await until('the other has it all', () => second.seen.length + before === 2 * COUNT);
    await second.stop();
    expect(first.seen).toHaveLength(before);
    await send(topic, COUNT, 2 * COUNT);
    const again = read(topic, { group: topic, delivery });
    await until('the rest is handled', () => again.seen.length === COUNT);
    await again.stop();
    const seen = [...first.seen, ...second.seen, ...again.seen];
    expect(sorted(seen)).toEqual(all(3 * COUNT));
  });

  test('a topic that is switched to mode fetch and back while it is read: nothing is missing, twice or out of order', async () => {
    const topic = `switched-${delivery}`;
    await broker.createTopic(topic);
    const admin = mq.admin();
    const last = new Map<number, number>();
    const faults: string[] = [];
    let count = 0;
    const consumer = mq.consumer({ topic, group: topic, delivery });
    const events: string[] = [];
    for (const event of ['truncated', 'outOfRange', 'commitFailed', 'fenced'] as const) {
      consumer.on(event, () => events.push(event));
    }
    const work = consumer.run(({ partition, value }) => {
      const [number, before] = [
        Number(String(value)),
        last.get(partition) ?? partition - PARTITIONS,
      ];
      if (number !== before + PARTITIONS) faults.push(`${partition}: ${number} after ${before}`);
      last.set(partition, number);
      count++;
    });
    const producer = mq.producer();
    let sent = 0;
    let sending = true;
    const load = (async () => {
      while (sending) {
        const sends = all(20).map(() =>
          producer.send(topic, { value: `${sent}`, partition: sent++ % PARTITIONS }),
        );
        await Promise.all(sends);
      }
    })();
    await until('it is read', () => count > 50);
    for (const to of ['fetch', 'raft', 'fetch', 'raft'] as const) {
      const before = count;
      const switched = await admin.switchMode({ topic, to, wait: '60s' });
      expect(switched.map(({ state, mode }) => [state, mode])).toEqual(
        all(PARTITIONS).map(() => ['done', to]),
      );
      await until('it is read on', () => count > before + 100);
    }
    sending = false;
    await load;
    await until('everything is read', () => count >= sent, { state: () => [count, sent, faults] });
    await consumer.close();
    await work;
    await producer.close();
    expect([faults, events, count]).toEqual([[], [], sent]);
  });
});
