import { OffsetWaiters } from './offset-waiters.js';

function recorder() {
  const waiters = new OffsetWaiters();
  const settled: string[] = [];
  const add = (lastOffset: number, deadlineMs = 1000): void =>
    waiters.add({
      lastOffset,
      deadlineMs,
      settle: (error) =>
        settled.push(error === undefined ? `${lastOffset} ok` : `${lastOffset} ${error.message}`),
    });
  return { waiters, settled, add };
}

describe('OffsetWaiters', () => {
  test('settles what lies below the watermark, in order, each once', () => {
    const { waiters, settled, add } = recorder();
    [3, 5, 9].forEach((offset) => add(offset));
    waiters.passed(5);
    expect(settled).toEqual(['3 ok']);
    waiters.passed(6);
    waiters.passed(6);
    expect(settled).toEqual(['3 ok', '5 ok']);
    expect(waiters.size).toBe(1);
  });

  test('a watermark at the offset itself is not enough, because it is exclusive', () => {
    const { waiters, settled, add } = recorder();
    add(7);
    waiters.passed(7);
    expect(settled).toEqual([]);
  });

  test('a duplicate that waits for an earlier offset than those before it is settled with that offset', () => {
    const { waiters, settled, add } = recorder();
    [10, 12, 4].forEach((offset) => add(offset));
    waiters.passed(5);
    expect(settled).toEqual(['4 ok']);
    waiters.passed(13);
    expect(settled).toEqual(['4 ok', '10 ok', '12 ok']);
  });

  test('lost leadership fails what waits from an offset on and leaves the rest', () => {
    const { waiters, settled, add } = recorder();
    [1, 2, 3].forEach((offset) => add(offset));
    waiters.failFrom(2, new Error('lost'));
    expect(settled).toEqual(['2 lost', '3 lost']);
    waiters.passed(10);
    expect(settled).toEqual(['2 lost', '3 lost', '1 ok']);
  });

  test('ends waiting whose time is over and keeps the others', () => {
    const { waiters, settled, add } = recorder();
    add(1, 100);
    add(2, 300);
    waiters.expire(200, () => new Error('late'));
    expect(settled).toEqual(['1 late']);
    waiters.passed(3);
    expect(settled).toEqual(['1 late', '2 ok']);
  });

  test('stays small while many pass through', () => {
    const { waiters, settled, add } = recorder();
    for (let offset = 0; offset < 10_000; offset++) {
      add(offset);
      if (offset % 3 === 0) waiters.passed(offset - 100);
    }
    waiters.passed(10_000);
    expect(settled).toHaveLength(10_000);
    expect(waiters.size).toBe(0);
  });
});
