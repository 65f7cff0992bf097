// Requests of a member that are done and whose answers are lost: what is repeated is done once.
import { zhumqError } from '@zhumq/model';
import type { Client, Consumer } from '../index.js';
import { FakeCluster, until } from '../testing/fake-cluster.fixture.js';
import { eventsOf, numbers, store, textOf } from '../testing/group-world.fixture.js';

describe('a member whose answers are lost', () => {
  let cluster: FakeCluster;
  let mq: Client;
  beforeEach(async () => {
    cluster = await FakeCluster.start(2);
    cluster.groups.intervalMs = 20;
    cluster.addTopic('t', 2);
    mq = await cluster.connect();
  });
  afterEach(() => cluster.close());

  const member = (options: object = {}): Consumer =>
    mq.consumer({ topic: 't', group: 'billing', commitInterval: 20, maxWait: 50, ...options });

  /** The next so many answers do not arrive; after the first one another broker coordinates. */
  function losing(times: number, moves = false): () => void {
    let left = times;
    return () => {
      if (left === 0) return;
      left--;
      if (moves) cluster.groups.move(2);
      throw zhumqError('CONNECTION_LOST', 'the answer is lost');
    };
  }

  const joins = (): string[] => cluster.groups.story.filter((line) => line.startsWith('joined'));

  test.each([false, true])(
    'joins once, also when its next request goes to another coordinator (%s)',
    async (moves) => {
      const lose = losing(3, moves);
      cluster.groups.on.heartbeat = (_request, next) => {
        const reply = next();
        lose();
        return reply;
      };
      store(cluster, ['a']);
      const seen: string[] = [];
      const consumer = member();
      const events = eventsOf(consumer);
      const work = consumer.run((message) => void seen.push(textOf(message)));
      await until(() => cluster.groups.committed('t-0') === 1);
      expect(joins()).toEqual(['joined m1']);
      expect(cluster.groups.heartbeats.slice(0, 3).map(({ memberId }) => memberId)).toEqual([
        ...['m1', 'm1', 'm1'],
      ]);
      expect([seen, events]).toEqual([['a'], ['assigned 0 1']]);
      await consumer.close();
      await work;
    },
  );

  test('leaves when it is closed before it hears that it has joined', async () => {
    cluster.groups.on.heartbeat = (request, next) => {
      const reply = next();
      if (!request.leaving) throw zhumqError('CONNECTION_LOST', 'the answer is lost');
      return reply;
    };
    const consumer = member();
    consumer.ready().catch(() => undefined);
    await until(() => cluster.groups.heartbeats.length > 1);
    expect(consumer.health()).toMatchObject({ state: 'joining', memberId: '' });
    await consumer.close();
    expect(joins()).toEqual(['joined m1']);
    expect(cluster.groups.members.size).toBe(0);
  });

  test('joins under another id when it was taken for gone', async () => {
    const consumer = member();
    const events = eventsOf(consumer);
    await consumer.ready();
    const { memberId } = consumer.health();
    cluster.groups.expel('m1');
    await until(
      () => events.includes('fenced UNKNOWN_MEMBER') && consumer.health().memberId !== '',
    );
    expect(consumer.health().memberId).not.toBe(memberId);
    expect(memberId).toMatch(/^[0-9a-f]{32}$/);
    expect(joins()).toEqual(['joined m1', 'joined m2']);
    await consumer.close();
  });

  test.each([false, true])(
    'commits until it is answered, also by another coordinator (%s), and handles nothing twice',
    async (moves) => {
      store(cluster, numbers(5));
      const lose = losing(2, moves);
      cluster.groups.on.commit = (_request, next) => {
        const results = next();
        lose();
        return results;
      };
      const seen: string[] = [];
      const consumer = member({ autoCommit: false });
      const events = eventsOf(consumer);
      const work = consumer.run((message) => void seen.push(textOf(message)));
      await until(() => seen.length === 5);
      await consumer.commit();
      expect(cluster.groups.commits.length).toBeGreaterThan(2);
      expect(cluster.groups.committed('t-0')).toBe(5);
      expect([seen, events]).toEqual([numbers(5), ['assigned 0 1']]);
      await consumer.close();
      await work;
    },
  );
});
