// What a member of a group prints is what it commits.
import type { Consumer, Message, Position } from '@zhumq/client';
import { GroupReader } from './group-reader.js';

const never = new AbortController().signal;
/** What a pipe takes as a whole or not at all. */
const SLICE = 4096;

function memberOf(memberId = 'm1') {
  const listeners = new Map<string, (event: never) => void>();
  const commits: (readonly Position[] | undefined)[] = [];
  const told: string[] = [];
  let closed = 0;
  let failure: Error | undefined;
  const consumer = {
    on: (name: string, listener: (event: never) => void) => {
      listeners.set(name, listener);
      return () => undefined;
    },
    health: () => ({ memberId }),
    commit: (positions?: readonly Position[]) => {
      commits.push(positions);
      return failure === undefined ? Promise.resolve() : Promise.reject(failure);
    },
    close: () => Promise.resolve(void closed++),
  } as unknown as Consumer;
  const reader = new GroupReader(consumer, 'g', 't', (line) => told.push(line));
  const emit = (name: string, event: object): void => listeners.get(name)?.(event as never);
  const fail = (error: Error): void => void (failure = error);
  return { reader, commits, told, emit, fail, closed: () => closed };
}

/** Large enough that each is a slice by itself. */
const message = (partition: number, offset: number): Message =>
  ({ partition, offset, value: Buffer.alloc(SLICE) }) as unknown as Message;
const rowOf = ({ value }: Message): Buffer => value ?? Buffer.alloc(0);
const out = (): Promise<boolean> => Promise.resolve(true);

test('all that was taken is committed when all of it went out; then it leaves', async () => {
  const { reader, commits, closed } = memberOf();
  expect(await reader.print([message(0, 1), message(1, 7)], rowOf, out, never)).toBe(true);
  await reader.end();
  expect(commits).toEqual([undefined]);
  expect(closed()).toBe(1);
});

test('small rows go out together', async () => {
  const { reader } = memberOf();
  const sizes: number[] = [];
  const write = (rows: readonly unknown[]): Promise<boolean> => {
    sizes.push(rows.length);
    return Promise.resolve(true);
  };
  const messages = Array.from({ length: 10 }, (_, offset) => message(0, offset));
  await reader.print(messages, () => 'x'.repeat(SLICE / 4 - 2), write, never);
  await reader.print(messages, () => 'x'.repeat(SLICE / 4 - 1), write, never);
  expect(sizes).toEqual([4, 4, 2, 3, 3, 3, 1]);
});

test('a signal ends it between two slices: what went out is committed, and nothing else', async () => {
  const { reader, commits, emit, told } = memberOf();
  emit('assigned', { topic: 't', partitions: [0, 1, 2] });
  const stop = new AbortController();
  let written = 0;
  const write = (): Promise<boolean> => {
    if (++written === 3) stop.abort();
    return Promise.resolve(true);
  };
  const messages = [message(0, 1), message(0, 2), message(1, 7), message(2, 9)];
  expect(await reader.print(messages, rowOf, write, stop.signal)).toBe(false);
  await reader.end();
  expect(commits).toEqual([
    [
      { partition: 0, offset: 3, lastEpoch: -1 },
      { partition: 1, offset: 8, lastEpoch: -1 },
    ],
  ]);
  expect(told).toEqual([]);
});

test('what did not go out is not committed, whether it was given up or nobody reads any more', async () => {
  const slow = memberOf();
  slow.emit('assigned', { topic: 't', partitions: [0] });
  let writes = 0;
  const givenUp = (): Promise<boolean> => Promise.resolve(++writes === 1);
  const messages = [message(0, 1), message(0, 2)];
  expect(await slow.reader.print(messages, rowOf, givenUp, never)).toBe(false);
  await slow.reader.end();
  expect(slow.commits).toEqual([[{ partition: 0, offset: 2, lastEpoch: -1 }]]);
  expect(slow.told).toEqual([expect.stringContaining('are not committed and come again')]);

  const closed = memberOf();
  const broken = (): Promise<boolean> => Promise.reject(new Error('EPIPE'));
  await expect(closed.reader.print(messages, rowOf, broken, never)).rejects.toThrow('EPIPE');
  await closed.reader.end();
  expect([closed.commits, closed.closed()]).toEqual([[], 1]);
});

test('a partition that was lost meanwhile is not committed', async () => {
  const { reader, commits, emit } = memberOf();
  emit('assigned', { topic: 't', partitions: [0, 1] });
  const write = (): Promise<boolean> => {
    emit('revoked', { topic: 't', partitions: [0], lost: true });
    return Promise.resolve(false);
  };
  await reader.print([message(0, 1)], rowOf, out, never);
  const partly = (rows: readonly unknown[]): Promise<boolean> =>
    rows.length === 0 ? out() : write();
  await reader.print([message(0, 2)], rowOf, partly, never);
  expect(reader.partitions).toEqual([1]);
  await reader.end();
  expect(commits).toEqual([]);
});

test('a commit that fails is told and does not keep it from leaving', async () => {
  const { reader, told, fail, closed } = memberOf();
  fail(new Error('no coordinator'));
  await reader.end();
  expect(told).toEqual([expect.stringContaining('is not committed: no coordinator')]);
  expect(closed()).toBe(1);
});

test('why a silence says nothing: not a member yet, or no partition left', () => {
  expect(memberOf('').reader.emptyHanded()).toContain('did not become a member of group "g"');
  const { reader, emit } = memberOf();
  expect(reader.emptyHanded()).toContain('other members of group "g" have all partitions');
  emit('assigned', { topic: 't', partitions: [3] });
  expect(reader.emptyHanded()).toBeUndefined();
});

test('it is told when the group took the member for gone', () => {
  const { emit, told } = memberOf();
  emit('fenced', { error: new Error('session ended') });
  expect(told).toEqual([
    expect.stringMatching(/took this member for gone \(session ended\).*again/),
  ]);
});
