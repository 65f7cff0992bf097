// When consume ends: enough messages, silence, a signal.
import { ManualClock } from '@zhumq/base';
import type { Consumer, FetchOptions, Message } from '@zhumq/client';
import { readMessages } from './read-messages.js';

const never = new AbortController().signal;
const noLimits = { max: Infinity, idleMs: Infinity };

type FakeConsumer = Pick<Consumer, 'fetch'> & { asked: FetchOptions[] };

/** Gives the messages of one list after the other; then nothing, after the time asked for. */
function consumerOf(clock: ManualClock, ...batches: number[]): FakeConsumer {
  const asked: FetchOptions[] = [];
  const fetch = (options: FetchOptions = {}): Promise<Message[]> => {
    asked.push(options);
    const count = batches.shift();
    if (count === undefined) clock.advance(Number(options.wait));
    else if (count > (options.max ?? 0)) batches.unshift(count - (options.max ?? 0));
    const messages = { length: Math.min(count ?? 0, options.max ?? 0) };
    return Promise.resolve(Array.from(messages, () => ({}) as Message));
  };
  return { fetch, asked };
}

/** Printing takes a time of its own. */
function printer(clock: ManualClock, takesMs = 0) {
  const batches: number[] = [];
  const print = (messages: readonly Message[]): Promise<boolean> => {
    batches.push(messages.length);
    clock.advance(takesMs);
    return Promise.resolve(true);
  };
  return { batches, print };
}

test('it ends after the number asked for and asks for no more', async () => {
  const clock = new ManualClock();
  const { batches, print } = printer(clock);
  const consumer = consumerOf(clock, 300, 900);
  const limits = { ...noLimits, max: 1000, clock };
  expect(await readMessages(consumer, print, limits, never)).toEqual({ printed: 1000, by: 'max' });
  expect(batches.reduce((sum, count) => sum + count, 0)).toBe(1000);
  expect(consumer.asked.map(({ max }) => max)).toEqual([500, 500, 200]);
});

test.each([0, 120, 700, 5_000])(
  'it ends when nothing came for %i ms; each message starts the time anew',
  async (idleMs) => {
    const clock = new ManualClock();
    const consumer = consumerOf(clock, ...(idleMs === 0 ? [] : [1, 2]));
    const { print } = printer(clock, 100);
    const end = await readMessages(consumer, print, { ...noLimits, idleMs, clock }, never);
    expect(end).toEqual({ printed: idleMs === 0 ? 0 : 3, by: 'silence' });
    expect(clock.monotonicMs()).toBe(idleMs + (idleMs === 0 ? 0 : 200));
  },
);

test('half a second before a silence is over it says so, once for each silence', async () => {
  const clock = new ManualClock();
  const told: string[] = [];
  const silenceEnds = (leftMs: number): void => {
    told.push(`${leftMs} left at ${clock.monotonicMs()}`);
  };
  const consumer = consumerOf(clock);
  let asked = 0;
  const fetch = async (options?: FetchOptions): Promise<Message[]> => {
    const nothing = await consumer.fetch(options);
    return ++asked === 3 ? [{} as Message] : nothing;
  };
  const limits = { ...noLimits, idleMs: 2_000, silenceEnds, clock };
  await readMessages({ fetch }, printer(clock).print, limits, never);
  expect(told).toEqual(['500 left at 1500', '500 left at 3500']);
  expect(clock.monotonicMs()).toBe(4_000);
});

test('a fetch that has not even found the topic does not put the end off', async () => {
  const clock = new ManualClock();
  const fetch = ({ signal }: FetchOptions = {}): Promise<Message[]> => {
    const aborted = new Promise<Message[]>((_, reject) =>
      signal?.addEventListener('abort', () => reject(new Error('aborted'))),
    );
    clock.advance(10_000);
    return aborted;
  };
  const limits = { ...noLimits, idleMs: 1_000, clock };
  const end = await readMessages({ fetch }, printer(clock).print, limits, never);
  expect(end).toEqual({ printed: 0, by: 'silence' });
});

test.each([
  [3_000, 3_000],
  [Infinity, 10_000],
])(
  'a silence counts from when it joined its group after %d ms, %d ms at the latest',
  async (joinsMs, countsMs) => {
    const clock = new ManualClock();
    const joining = (): boolean => clock.monotonicMs() < joinsMs;
    const consumer = consumerOf(clock);
    const limits = { ...noLimits, idleMs: 1_000, joining, clock };
    const end = await readMessages(consumer, printer(clock).print, limits, never);
    expect(end).toEqual({ printed: 0, by: 'silence' });
    expect(clock.monotonicMs()).toBe(countsMs + 1_000);
  },
);

test('it ends when printing is given up, and counts only what was printed', async () => {
  const clock = new ManualClock();
  let prints = 0;
  const print = (): Promise<boolean> => Promise.resolve(++prints < 2);
  const end = await readMessages(consumerOf(clock, 3, 4, 5), print, { ...noLimits, clock }, never);
  expect(end).toEqual({ printed: 3, by: 'signal' });
});

test('a signal ends it without an error', async () => {
  const stop = new AbortController();
  const fetch = ({ signal }: FetchOptions = {}) =>
    new Promise<Message[]>((_, reject) =>
      signal?.addEventListener('abort', () => reject(new Error('aborted'))),
    );
  const { print } = printer(new ManualClock());
  const reading = readMessages({ fetch }, print, noLimits, stop.signal);
  stop.abort();
  expect(await reading).toEqual({ printed: 0, by: 'signal' });
});

test('an error of the consumer is the end', async () => {
  const fetch = () => Promise.reject(new Error('truncated'));
  const { print } = printer(new ManualClock());
  await expect(readMessages({ fetch }, print, noLimits, never)).rejects.toThrow('truncated');
});
