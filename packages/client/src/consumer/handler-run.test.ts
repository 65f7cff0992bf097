import { encodeBatch } from '@zhumq/model';
import type { Client, Consumer } from '../index.js';
import { FakeCluster, turns, until } from '../testing/fake-cluster.fixture.js';

describe('run()', () => {
  let cluster: FakeCluster;
  let mq: Client;
  let consumer: Consumer;
  beforeEach(async () => {
    cluster = await FakeCluster.start(1);
    cluster.addTopic('t', 3);
    for (let partition = 0; partition < 3; partition++) {
      for (let n = 0; n < 10; n++) {
        const record = { timestamp: 1, key: null, value: Buffer.from(`${n}`) };
        cluster.log('t', partition).store(encodeBatch([record, record]), 1);
      }
    }
    mq = await cluster.connect();
    consumer = mq.consumer({ topic: 't', from: 'earliest' });
  });
  afterEach(() => cluster.close());

  const offsets = (): number[] => consumer.position().map(({ offset }) => offset);

  test('keeps the order of each partition, however many handlers run', async () => {
    const stop = new AbortController();
    const seen: number[][] = [[], [], []];
    const active = [0, 0, 0];
    let most = 0;
    let count = 0;
    await consumer.run(
      async ({ partition, offset }) => {
        expect(++active[partition]).toBe(1);
        most = Math.max(most, active[0] + active[1] + active[2]);
        await turns(offset % 3);
        seen[partition].push(offset);
        active[partition]--;
        if (++count === 60) stop.abort();
      },
      { concurrency: 8, signal: stop.signal },
    );
    for (const one of seen) expect(one).toEqual([...one].sort((a, b) => a - b));
    expect(seen.flat()).toHaveLength(60);
    expect(most).toBe(3);
    expect(offsets()).toEqual([20, 20, 20]);
  });

  test('runs as many handlers as it may when order does not matter', async () => {
    const stop = new AbortController();
    let active = 0;
    let most = 0;
    let count = 0;
    await consumer.run(
      async () => {
        most = Math.max(most, ++active);
        await turns(2);
        active--;
        if (++count === 60) stop.abort();
      },
      { concurrency: 8, order: 'none', signal: stop.signal },
    );
    expect(most).toBe(8);
    expect(offsets()).toEqual([20, 20, 20]);
  });

  test('ends with what a handler throws; the position stays before that message', async () => {
    const work = consumer.run(
      async ({ partition, offset }) => {
        await turns(1);
        if (partition === 1 && offset === 5) throw new Error('poison');
      },
      { concurrency: 3 },
    );
    await expect(work).rejects.toThrow('poison');
    expect(offsets()[1]).toBe(5);
    const seen: number[] = [];
    const stop = new AbortController();
    await consumer.run(
      ({ partition, offset }) => {
        if (partition === 1) seen.push(offset);
        if (seen.length === 15) stop.abort();
      },
      { signal: stop.signal },
    );
    expect(seen).toEqual(Array.from({ length: 15 }, (_one, n) => n + 5));
  });

  test('without order, what others handled behind the failure is handled again, and nothing is left out', async () => {
    let gate: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (gate = resolve));
    const work = consumer.run(
      async ({ partition, offset }) => {
        if (partition !== 0) return;
        if (offset === 3) {
          await first;
          throw new Error('late');
        }
        if (offset === 9) gate();
      },
      { concurrency: 20, order: 'none' },
    );
    await expect(work).rejects.toThrow('late');
    expect(offsets()[0]).toBe(3);
  });

  test('waits for handlers that run when it is stopped, and tells them', async () => {
    const stop = new AbortController();
    let told = false;
    let ended = false;
    const work = consumer.run(
      async (_message, { signal }) => {
        const aborted = new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => {
            told = true;
            resolve();
          }),
        );
        setImmediate(() => stop.abort());
        await aborted;
        await cluster.quiet();
        ended = true;
      },
      { signal: stop.signal },
    );
    await work;
    expect([told, ended]).toEqual([true, true]);
    expect(offsets().reduce((sum, offset) => sum + offset, 0)).toBe(1);
  });

  test('a handler that gives up because it was told to is no failure', async () => {
    const stop = new AbortController();
    await consumer.run(
      (_message, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
          setImmediate(() => stop.abort());
        }),
      { signal: stop.signal },
    );
    expect(offsets()).toEqual([0, 0, 0]);
  });

  test('takes handlers that are not asynchronous', async () => {
    let count = 0;
    const work = consumer.run(() => void count++);
    await until(() => count === 60);
    await consumer.close();
    await work;
  });
});

describe("run() with order 'key'", () => {
  let cluster: FakeCluster;
  let consumer: Consumer;
  beforeEach(async () => {
    cluster = await FakeCluster.start(1);
    cluster.addTopic('t');
    const records = Array.from({ length: 60 }, (_one, n) => ({
      timestamp: 1,
      key: n % 6 === 5 ? null : Buffer.from(`k${n % 6}`),
      value: Buffer.from(`${n}`),
    }));
    cluster.log('t').store(encodeBatch(records), 1);
    const mq = await cluster.connect();
    consumer = mq.consumer({ topic: 't', from: 'earliest' });
  });
  afterEach(() => cluster.close());

  test('gives one message of a key at a time, in order, and other keys meanwhile', async () => {
    const stop = new AbortController();
    const seen = new Map<string, number[]>();
    const active = new Map<string, number>();
    let most = 0;
    let now = 0;
    let count = 0;
    await consumer.run(
      async ({ key, offset }) => {
        const name = String(key);
        active.set(name, (active.get(name) ?? 0) + 1);
        if (key !== null) expect(active.get(name)).toBe(1);
        most = Math.max(most, ++now);
        await turns((offset * 7) % 5);
        now--;
        active.set(name, (active.get(name) ?? 1) - 1);
        seen.set(name, [...(seen.get(name) ?? []), offset]);
        if (++count === 60) stop.abort();
      },
      { concurrency: 8, order: 'key', signal: stop.signal },
    );
    for (const [name, offsets] of seen) {
      if (name !== 'null') expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    }
    expect([...seen.values()].flat()).toHaveLength(60);
    expect(most).toBe(8);
    expect(consumer.position()[0].offset).toBe(60);
  });

  test('one key that hangs holds up only itself, and its position', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    let release: () => void = () => undefined;
    const hold = new Promise<void>((resolve) => (release = resolve));
    const work = consumer.run(
      async ({ key, value }) => {
        if (String(value) === '0') await hold;
        seen.push(String(key));
      },
      { concurrency: 2, order: 'key', signal: stop.signal },
    );
    await until(() => seen.length === 50);
    expect(seen).not.toContain('k0');
    expect(consumer.position()[0].offset).toBe(0);
    release();
    await until(() => seen.length === 60);
    expect(consumer.position()[0].offset).toBe(60);
    stop.abort();
    await work;
  });

  test('a handler that throws: what waited for its key is not left out', async () => {
    const work = consumer.run(
      async ({ value }) => {
        await turns(1);
        if (String(value) === '6') throw new Error('poison');
      },
      { concurrency: 4, order: 'key' },
    );
    await expect(work).rejects.toThrow('poison');
    expect(consumer.position()[0].offset).toBe(6);
    const again = await consumer.fetch();
    expect(again.map(({ offset }) => offset)).toEqual(
      Array.from({ length: 54 }, (_one, n) => n + 6),
    );
  });
});
