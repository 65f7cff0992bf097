import { ProducerIds } from './producer-ids.js';

describe('ProducerIds', () => {
  test('hands out every id of a block once, then asks for the next block, once for all who wait', async () => {
    let next = 1000;
    let calls = 0;
    const ids = new ProducerIds(() => {
      calls++;
      const block = { first: next, count: 3 };
      next += 3;
      return Promise.resolve(block);
    });
    const given = await Promise.all(Array.from({ length: 7 }, () => ids.initProducer()));
    expect(given.map((one) => one.producerId).sort()).toEqual([
      1000, 1001, 1002, 1003, 1004, 1005, 1006,
    ]);
    expect(calls).toBe(3);
  });

  test('a failed allocation is told to those who wait and tried again by the next', async () => {
    let fail = true;
    const ids = new ProducerIds(() =>
      fail ? Promise.reject(new Error('away')) : Promise.resolve({ first: 5, count: 1 }),
    );
    await expect(ids.initProducer()).rejects.toThrow('away');
    fail = false;
    await expect(ids.initProducer()).resolves.toEqual({ producerId: 5, producerEpoch: 0 });
  });
});
