// The test broker is tested as its users use it: through clients, over its sockets.
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@zhumq/client';
import type { Client } from '@zhumq/client';
import { startTestBroker } from './start-test-broker.js';
import type { TestBroker } from './test-broker-api.js';

async function valuesOf(mq: Client, topic: string, max: number): Promise<string[]> {
  const consumer = mq.consumer({ topic, from: 'earliest' });
  const values: string[] = [];
  while (values.length < max) {
    const messages = await consumer.fetch({ max: max - values.length, wait: '5s' });
    if (messages.length === 0) break;
    values.push(...messages.map(({ value }) => String(value)));
  }
  await consumer.close();
  return values;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function portOf(bootstrap: string): number {
  return Number(bootstrap.split(':')[1]);
}

describe('a test broker', () => {
  test('takes messages and gives them to consumers', async () => {
    await using broker = await startTestBroker({ topics: ['orders'] });
    const mq = await broker.client();
    const { offset } = await mq.producer().send('orders', { key: 'o1', value: 'espresso' });
    expect(offset).toBeGreaterThanOrEqual(0);
    expect(await valuesOf(mq, 'orders', 1)).toEqual(['espresso']);
  });

  test('makes topics with the defaults of the test, unless they say otherwise', async () => {
    await using broker = await startTestBroker({
      brokers: 2,
      topics: ['a', { topic: 'b', partitions: 1 }],
      topicDefaults: { partitions: 3, replicas: 1, config: { 'max.message.bytes': '64KiB' } },
    });
    const c = await broker.createTopic({ topic: 'c', replicas: 2 });
    const admin = (await broker.client()).admin();
    const [a, b] = await admin.describeTopics(['a', 'b']);
    expect([a, b, c].map((topic) => topic?.partitions.length)).toEqual([3, 1, 3]);
    expect([a, b, c].map((topic) => topic?.replicas)).toEqual([1, 1, 2]);
    expect(b?.config).toHaveProperty(['max.message.bytes']);
    expect((await admin.describeCluster()).brokers).toHaveLength(2);
    await expect(broker.createTopic('a')).rejects.toMatchObject({ code: 'TOPIC_EXISTS' });
  });

  test('two at a time know nothing of each other', async () => {
    const brokers = await Promise.all([
      startTestBroker({ topics: ['orders'] }),
      startTestBroker({ topics: ['orders'] }),
    ]);
    const clients = await Promise.all(brokers.map((broker) => broker.client()));
    await Promise.all(
      clients.map((mq, index) => mq.producer().send('orders', { value: `of ${index}` })),
    );
    const values = await Promise.all(clients.map((mq) => valuesOf(mq, 'orders', 1)));
    expect(values).toEqual([['of 0'], ['of 1']]);
    await brokers[0]?.stop();
    await clients[1]?.producer().send('orders', { value: 'the other goes on' });
    await brokers[1]?.stop();
  });
});

describe('a restart', () => {
  test.each([1, 3])('of %i broker(s) keeps ports and data, and clients go on', async (brokers) => {
    await using broker = await startTestBroker({ brokers, topics: ['orders'] });
    const { bootstrap } = broker;
    const mq = await broker.client();
    const producer = mq.producer();
    await producer.send('orders', { value: 'before' });
    let meanwhile: Promise<unknown> | undefined;
    await broker.restart(async () => {
      for (const address of bootstrap.split(',')) expect(await isFree(portOf(address))).toBe(true);
      meanwhile = producer.send('orders', { value: 'meanwhile' });
    });
    expect(broker.bootstrap).toBe(bootstrap);
    await meanwhile;
    await producer.send('orders', { value: 'after' });
    expect(await valuesOf(mq, 'orders', 3)).toEqual(['before', 'meanwhile', 'after']);
  });

  test('waits for a port that somebody else holds for a moment', async () => {
    await using broker = await startTestBroker({ topics: ['orders'] });
    const squatter = createServer();
    const released = once(squatter, 'close');
    await broker.restart(
      () =>
        new Promise<void>((resolve) =>
          squatter.listen(portOf(broker.bootstrap), '127.0.0.1', () => {
            // Later than the broker first tries; the restart ends after that, whenever it is.
            setTimeout(() => squatter.close(), 300);
            resolve();
          }),
        ),
    );
    await released;
    const mq = await broker.client();
    await mq.producer().send('orders', { value: 'x' });
  });

  test('what fails while it is down is thrown when it is up again', async () => {
    await using broker = await startTestBroker({ topics: ['orders'] });
    const failing = broker.restart(() => Promise.reject(new Error('of the test')));
    await expect(failing).rejects.toThrow('of the test');
    await (await broker.client()).producer().send('orders', { value: 'x' });
  });
});

describe('the end', () => {
  test('closes the clients, frees the ports and removes the folder', async () => {
    const broker = await startTestBroker({ topics: ['orders'] });
    const mq = await broker.client();
    expect(existsSync(join(broker.directory, 'broker-1'))).toBe(true);
    await Promise.all([broker.stop(), broker.stop()]);
    expect(() => mq.producer()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    expect(await isFree(portOf(broker.bootstrap))).toBe(true);
    expect(existsSync(broker.directory)).toBe(false);
    await expect(broker.client()).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(broker.restart()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('does not wait for a restart that never ends', async () => {
    const broker = await startTestBroker();
    let down: () => void = () => undefined;
    const isDown = new Promise<void>((resolve) => (down = resolve));
    const restart = broker.restart(() => {
      down();
      return new Promise(() => undefined);
    });
    await isDown;
    await broker.stop();
    await restart;
    expect(existsSync(broker.directory)).toBe(false);
  });
});

describe('a folder that the test names', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'zhumq-given-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  test('is kept, and the next broker goes on with it', async () => {
    {
      await using broker = await startTestBroker({ directory, topics: ['orders'] });
      await (await broker.client()).producer().send('orders', { value: 'kept' });
    }
    await using broker = await startTestBroker({ directory });
    expect(await valuesOf(await broker.client(), 'orders', 1)).toEqual(['kept']);
  });

  test('belongs to one broker at a time', async () => {
    await using broker = await startTestBroker({ directory, topics: ['orders'] });
    await expect(startTestBroker({ directory })).rejects.toMatchObject({
      code: 'DATA_DIRECTORY_LOCKED',
    });
    await (await broker.client()).producer().send('orders', { value: 'undisturbed' });
  });
});

describe('a broker that fails', () => {
  /** A broker that finds the data of another cluster gives up, once it has learned where it is. */
  async function failing(): Promise<{ broker: TestBroker; restart: Promise<void> }> {
    const broker = await startTestBroker();
    await using other = await startTestBroker();
    const [own, foreign] = [broker, other].map(({ directory }) => join(directory, 'broker-1'));
    const restart = broker.restart(async () => {
      await other.restart(() => {
        rmSync(own ?? '', { recursive: true });
        cpSync(foreign ?? '', own ?? '', { recursive: true });
      });
    });
    await restart.catch(() => undefined);
    return { broker, restart };
  }

  test('is reported once, at the latest at the end, which tidies up all the same', async () => {
    const { broker, restart } = await failing();
    const reports = await Promise.allSettled([restart, broker.stop()]);
    const reasons = reports.flatMap((report) =>
      report.status === 'rejected' ? [(report.reason as { code: string }).code] : [],
    );
    expect(reasons).toEqual(['DATA_DIRECTORY_MISMATCH']);
    expect(existsSync(broker.directory)).toBe(false);
  });
});

describe('a start that fails', () => {
  const temporaryFolders = (): string[] =>
    readdirSync(tmpdir()).filter((name) => name.startsWith(`zhumq-test-${process.pid}-`));

  test.each([
    ['for a topic', { topics: ['no such name!'] }, 'INVALID_TOPIC'],
    ['for a number of brokers', { brokers: 0 }, 'INVALID_OPTION'],
  ])('%s leaves no folder', async (_, options, code) => {
    const before = temporaryFolders();
    await expect(startTestBroker(options)).rejects.toMatchObject({ code });
    expect(temporaryFolders()).toEqual(before);
  });

  test('for the data of a broker stops the others, and lets go of folder and ports', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'zhumq-given-'));
    try {
      await (await startTestBroker({ directory, brokers: 1, topics: ['orders'] })).stop();
      // Broker 2 finds the folder of broker 1.
      cpSync(join(directory, 'broker-1'), join(directory, 'broker-2'), { recursive: true });
      await expect(startTestBroker({ directory, brokers: 2 })).rejects.toMatchObject({
        code: 'DATA_DIRECTORY_MISMATCH',
      });
      await using broker = await startTestBroker({ directory });
      expect((await connectAndList(broker.bootstrap)).includes('orders')).toBe(true);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

/** As code under test does, which has its own connect(). */
async function connectAndList(bootstrap: string): Promise<string[]> {
  const mq = await connect(bootstrap);
  const topics = await mq.admin().listTopics();
  await mq.close();
  return topics;
}
