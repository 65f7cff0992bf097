// How much waits for the sockets of consumers, one by one and together.
import { ByteBudget } from '@zhumq/base';
import { DeliveryBuffer, FREE_BYTES } from './delivery-buffer.js';

const KIB = 1024;
const OWN = 64 * KIB;

/** A connection whose other side takes what it is told to. */
class Connection {
  bufferedBytes = 0;
  private waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  written(): Promise<void> {
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  async takeAll(): Promise<void> {
    this.bufferedBytes = 0;
    for (const { resolve } of this.waiting.splice(0)) resolve();
    await new Promise(setImmediate);
  }

  async lose(): Promise<void> {
    for (const { reject } of this.waiting.splice(0)) reject(new Error('lost'));
    await new Promise(setImmediate);
  }
}

function start(sharedBytes: number) {
  const shared = new ByteBudget({ maxBytes: sharedBytes, maxWaiters: 0 });
  const make = () => {
    const connection = new Connection();
    const buffer = new DeliveryBuffer(connection, OWN, shared);
    /** Adds what there is room for. */
    const add = async (bytes: number): Promise<number> => {
      if (!buffer.hasRoom) return 0;
      const added = Math.min(bytes, buffer.roomFor(bytes));
      connection.bufferedBytes += added;
      await new Promise(setImmediate);
      return added;
    };
    return { connection, buffer, add };
  };
  return { shared, make };
}

test('a little waits for any socket, without a reservation', async () => {
  const { shared, make } = start(OWN);
  for (let consumer = 0; consumer < 10; consumer++) {
    expect(await make().add(FREE_BYTES)).toBe(FREE_BYTES);
  }
  expect(shared.used).toBe(0);
});

test('more is reserved, up to what one may have, until it is taken', async () => {
  const { shared, make } = start(OWN);
  const { add, connection } = make();
  expect(await add(50 * KIB)).toBe(50 * KIB);
  expect(shared.used).toBe(OWN);
  expect(await add(50 * KIB)).toBe(14 * KIB);
  expect(await add(1)).toBe(0);
  await connection.takeAll();
  expect(shared.used).toBe(0);
  expect(await add(50 * KIB)).toBe(50 * KIB);
});

test('what was added while the first of it was taken stays reserved', async () => {
  const { shared, make } = start(OWN);
  const { add, connection } = make();
  await add(20 * KIB);
  const taking = connection.takeAll();
  connection.bufferedBytes = 30 * KIB;
  await taking;
  expect(shared.used).toBe(OWN);
  await connection.takeAll();
  expect(shared.used).toBe(0);
});

test('when those who read nothing hold all of it, others are handed a little at a time', async () => {
  const { make } = start(2 * OWN);
  for (const stalled of [make(), make()]) expect(await stalled.add(OWN)).toBe(OWN);
  const stalledToo = make();
  expect([await stalledToo.add(OWN), await stalledToo.add(OWN)]).toEqual([FREE_BYTES, 0]);
  const fast = make();
  for (let turn = 0; turn < 100; turn++) {
    expect(await fast.add(OWN)).toBe(FREE_BYTES);
    await fast.connection.takeAll();
  }
});

test('a connection that is lost gives back what was reserved for it', async () => {
  const { shared, make } = start(OWN);
  const { add, connection } = make();
  await add(OWN);
  await connection.lose();
  expect(shared.used).toBe(0);
});

test('parts of blocks are copied where they will wait, and sent as they are where not', async () => {
  const { make } = start(OWN);
  const { buffer, add } = make();
  const buffers = [Buffer.from('batch')];
  const isCopied = (isPart: boolean): boolean => buffer.kept(buffers, isPart)[0] !== buffers[0];
  expect([isCopied(true), isCopied(false)]).toEqual([true, false]);
  expect(buffer.roomFor(OWN)).toBe(OWN);
  expect(isCopied(true)).toBe(false);
  await add(1);
  expect([isCopied(true), isCopied(false)]).toEqual([true, false]);
  expect(buffer.kept(buffers, true)).toEqual(buffers);
});
