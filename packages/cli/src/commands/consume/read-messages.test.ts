// When consume ends: enough messages, silence, a signal.
import type { Consumer, FetchOptions, Message } from '@zhumq/client';
import { readMessages } from './read-messages.js';

const never = new AbortController().signal;
const noLimits = { max: Infinity, idleMs: Infinity };

type FakeConsumer = Pick<Consumer, 'fetch' | 'lag'> & { asked: FetchOptions[] };

const lagOf = (messages: number) => () => Promise.resolve({ messages, partitions: [] });

/** Gives the messages of one list after the other; then nothing, after the time asked for. */
function consumerOf(...batches: number[]): FakeConsumer {
  const asked: FetchOptions[] = [];
  const fetch = async (options: FetchOptions = {}): Promise<Message[]> => {
    asked.push(options);
    const count = batches.shift();
    if (count === undefined) {
      await new Promise((resolve) => setTimeout(resolve, Number(options.wait)));
      return [];
    }
    if (count > (options.max ?? 0)) batches.unshift(count - (options.max ?? 0));
    return Array.from({ length: Math.min(count, options.max ?? 0) }, () => ({}) as Message);
  };
  return { fetch, lag: lagOf(0), asked };
}

function printer() {
  const batches: number[] = [];
  const print = (messages: readonly Message[]): Promise<void> => {
    batches.push(messages.length);
    return Promise.resolve();
  };
  return { batches, print };
}

test('it ends after the number asked for and asks for no more', async () => {
  const { batches, print } = printer();
  const consumer = consumerOf(300, 900);
  expect(await readMessages(consumer, print, { ...noLimits, max: 1000 }, never)).toBe(1000);
  expect(batches.reduce((sum, count) => sum + count, 0)).toBe(1000);
  expect(consumer.asked.map(({ max }) => max)).toEqual([500, 500, 200]);
});

test('it ends when nothing came for so long; each message starts the time anew', async () => {
  const { print } = printer();
  const startedMs = performance.now();
  const printed = await readMessages(consumerOf(1, 2), print, { ...noLimits, idleMs: 120 }, never);
  expect(printed).toBe(3);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(119);
});

test('a silence while there is more to read is no end', async () => {
  const consumer = consumerOf(1);
  let lag = 2;
  const reading = readMessages(
    { ...consumer, lag: () => lagOf(lag)() },
    printer().print,
    { ...noLimits, idleMs: 50 },
    never,
  );
  const first = await Promise.race([
    reading.then(() => 'ended'),
    new Promise((resolve) => setTimeout(() => resolve('goes on'), 300)),
  ]);
  expect(first).toBe('goes on');
  lag = 0;
  expect(await reading).toBe(1);
});

test('a signal ends it without an error', async () => {
  const stop = new AbortController();
  const fetch = () =>
    new Promise<Message[]>((_, reject) =>
      stop.signal.addEventListener('abort', () => reject(new Error('aborted'))),
    );
  const reading = readMessages({ fetch, lag: lagOf(0) }, printer().print, noLimits, stop.signal);
  stop.abort();
  expect(await reading).toBe(0);
});

test('an error of the consumer is the end', async () => {
  const fetch = () => Promise.reject(new Error('truncated'));
  await expect(
    readMessages({ fetch, lag: lagOf(0) }, printer().print, noLimits, never),
  ).rejects.toThrow('truncated');
});
