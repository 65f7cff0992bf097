import type { Client, Consumer, TakenMessage } from '../index.js';
import { FakeCluster, failureFrom, until } from '../testing/fake-cluster.fixture.js';
import { numbers, store, textOf } from '../testing/group-world.fixture.js';

describe('take()', () => {
  let cluster: FakeCluster;
  let mq: Client;
  beforeEach(async () => {
    cluster = await FakeCluster.start(1);
    cluster.groups.intervalMs = 20;
    cluster.addTopic('t', 2);
    mq = await cluster.connect();
  });
  afterEach(() => cluster.close());

  const member = (options: object = {}): Consumer =>
    mq.consumer({ topic: 't', group: 'g', commitInterval: '1h', maxWait: 50, ...options });
  const committed = (): number => cluster.groups.committed('t-0');
  const offsets = (taken: readonly TakenMessage[]): number[] =>
    taken.map(({ message }) => message.offset);

  test('messages are acknowledged one by one, in any order; the next call acknowledges none', async () => {
    store(cluster, numbers(6));
    const consumer = member();
    const first = await consumer.take({ max: 3, wait: '5s' });
    const second = await consumer.take({ max: 3, wait: '5s' });
    expect([offsets(first), offsets(second)]).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    for (const { handling } of [first[0], first[2], ...second]) handling.done();
    first[0].handling.done();
    expect(first[0].handling.committed).toBe(false);
    await consumer.commit();
    expect(committed()).toBe(1);
    expect(first.map(({ handling }) => handling.committed)).toEqual([true, false, true]);
    first[1].handling.done();
    await consumer.commit();
    expect(committed()).toBe(6);
    expect(first[1].handling).toMatchObject({ committed: true, lost: false });
    await consumer.close();
    expect(consumer.health().handling).toBe(0);
  });

  test('ends with the message that reaches maxBytes', async () => {
    store(cluster, numbers(6));
    const consumer = member();
    expect(offsets(await consumer.take({ maxBytes: 2, wait: '5s' }))).toEqual([0, 1]);
    expect(offsets(await consumer.take({ maxBytes: 1, wait: '5s' }))).toEqual([2]);
    expect(offsets(await consumer.take({ wait: '5s' }))).toEqual([3, 4, 5]);
    expect(await consumer.take({ wait: 10 })).toEqual([]);
    await consumer.close();
  });

  test('what was not acknowledged is told as lost, and given again', async () => {
    store(cluster, numbers(2));
    const consumer = member();
    const [one, other] = await consumer.take({ wait: '5s' });
    one.handling.done();
    await consumer.commit();
    cluster.groups.expel([...cluster.groups.members.keys()][0]);
    await until(() => other.handling.lost);
    expect(one.handling.committed).toBe(true);
    other.handling.done();
    expect(other.handling.committed).toBe(false);
    const error = await failureFrom(consumer.commit());
    expect(error).toMatchObject({ code: 'FENCED_MEMBER' });
    const again = await consumer.take({ wait: '5s' });
    expect(again.map(({ message }) => textOf(message))).toEqual(['1']);
    again[0].handling.done();
    await consumer.commit();
    expect(committed()).toBe(2);
    await consumer.close();
  });

  test('without a group it moves the position', async () => {
    store(cluster, numbers(3));
    const consumer = mq.consumer({ topic: 't', from: 'earliest', maxWait: 50 });
    const taken = await consumer.take({ wait: '5s' });
    taken[0].handling.done();
    expect(consumer.position().find(({ partition }) => partition === 0)).toMatchObject({
      offset: 1,
    });
    taken[2].handling.done();
    taken[1].handling.done();
    expect(consumer.position().find(({ partition }) => partition === 0)).toMatchObject({
      offset: 3,
    });
    expect(taken[0].handling.committed).toBe(false);
  });
});
