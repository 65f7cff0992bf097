// What is said of partitions that a silence left unread.
import type { Client, Consumer, Position } from '@zhumq/client';
import { zhumqError } from '@zhumq/model';
import { Unread } from './unread.js';

const never = new AbortController().signal;

interface Partition {
  /** Absent when it was not found where to begin. */
  readonly position?: number;
  /** Absent when the leader does not answer. */
  readonly end?: number | Error;
}

function unreadOf(partitions: readonly Partition[]) {
  const listeners = new Map<string, (event: never) => void>();
  const on = (name: string, listener: (event: never) => void) => {
    listeners.set(name, listener);
    return () => undefined;
  };
  const position = (): Position[] =>
    partitions.flatMap(({ position }, partition) =>
      position === undefined ? [] : [{ partition, offset: position, lastEpoch: 0 }],
    );
  const listOffsets = ({ partitions: [partition] }: { partitions: number[] }) => {
    const { end } = partitions[partition];
    if (end === undefined) return new Promise(() => undefined);
    return end instanceof Error ? Promise.reject(end) : Promise.resolve([{ offset: end }]);
  };
  const client = { admin: () => ({ listOffsets }) } as unknown as Client;
  const consumer = { on, position } as unknown as Consumer;
  const unread = new Unread(client, consumer, 't', () => [...partitions.keys()]);
  const tell = (name: string, event: object): void => listeners.get(name)?.(event as never);
  const warning = async (): Promise<string | undefined> => {
    unread.ask(500, never);
    await new Promise((resolve) => setImmediate(resolve));
    return unread.warning();
  };
  return { warning, tell };
}

const read = { position: 4, end: 4 };
const noLeader = zhumqError('LEADER_NOT_AVAILABLE', 'no leader');

test('nothing when all was read, also when the position is beyond what is committed', async () => {
  expect(await unreadOf([read, { position: 5, end: 4 }]).warning()).toBeUndefined();
});

test('who has more is named, and how much', async () => {
  const { warning } = unreadOf([read, { position: 4, end: 9 }, { position: 4, end: 5 }]);
  expect(await warning()).toContain(
    'in "t": partition 1 (5 offsets more), partition 2 (1 offset more) was not read to the end. ',
  );
});

test('who could not be asked is named with the reason, those with the same together, in one line', async () => {
  const late = zhumqError('TIMEOUT', 'not in time', {}, noLeader);
  const { warning } = unreadOf([
    ...[{ end: late }, read, { position: 1, end: noLeader }],
    ...[{ position: 1 }, { end: 7 }],
  ]);
  const text = await warning();
  expect(text).toContain(
    'partition 0, 2 could not be read (no leader); partition 3 could not be read (its leader does not answer); ' +
      'partition 4 could not be read (where to begin was not found in time). "zhumq partition describe t"',
  );
  expect(text).not.toContain('\n');
});

test('a partition that stalled is one, until it is read again', async () => {
  const { warning, tell } = unreadOf([read]);
  tell('stalled', { partition: 0, error: new Error('cut off') });
  expect(await warning()).toContain('partition 0 could not be read (cut off)');
  tell('reconnected', { partition: 0, broker: 'b:1' });
  expect(await warning()).toBeUndefined();
});

test('many are not all named', async () => {
  const text = await unreadOf(Array.from({ length: 30 }, () => ({ end: noLeader }))).warning();
  expect(text).toContain('partition 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 20 more could not be read');
});
