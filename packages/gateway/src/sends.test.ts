import type { ZhumqError } from '@zhumq/base';
import { World, numbered, textsOf } from './gateway.fixture.js';

let world: World;
afterEach(() => world.stop());

describe('send', () => {
  test('stores a record with all its parts, at the partition that the library chooses too', async () => {
    world = await World.start();
    await world.broker.createTopic({ topic: 'many', partitions: 8 });
    const { client } = world.program();
    const record = {
      topic: 'many',
      key: Buffer.from('customer-7'),
      value: Buffer.from('espresso'),
      timestamp: 1_700_000_000_000,
      headers: [
        { name: 'a', value: Buffer.from('1') },
        { name: 'b' },
        { name: 'a', value: Buffer.from('2') },
      ],
    };
    const receipt = await client.send(record, { acks: -1, timeoutMs: 30_000 });
    const mq = await world.broker.client();
    const same = await mq.producer().send('many', { key: 'customer-7', value: 'x' });
    const { partition, offset } = same;
    expect(receipt).toEqual({
      ...{ topic: 'many', partition, offset: offset - 1, duplicate: false },
      timestamp: record.timestamp,
    });
    const [message] = await mq.consumer({ topic: 'many', from: 'earliest' }).fetch({ max: 1 });
    expect([String(message.key), String(message.value), message.timestamp]).toEqual([
      ...['customer-7', 'espresso', record.timestamp],
    ]);
    const headers = [...message.headers].map(([name, values]) => [name, values.map(String)]);
    expect(headers).toEqual([
      ['a', ['1', '2']],
      ['b', ['']],
    ]);
  });

  test('a record without a value is a tombstone, and an empty one is not', async () => {
    world = await World.start();
    const program = world.program();
    const key = Buffer.from('k');
    await program.client.send({ topic: 't', key }, {});
    await program.client.send({ topic: 't', key, value: Buffer.alloc(0) }, {});
    const records = await program.receive('g', 't');
    expect(records.map(({ value }) => value?.length)).toEqual([undefined, 0]);
    expect(records.map((record) => String(record.key))).toEqual(['k', 'k']);
  });

  test('all ack levels are taken; 0 gives no offset', async () => {
    world = await World.start();
    const program = world.program();
    const send = (acks: number) =>
      program.client.send({ topic: 't', value: Buffer.from(`${acks}`) }, { acks });
    const { offset } = await send(-1);
    expect((await send(1)).offset).toBe(offset + 1);
    expect((await send(0)).offset).toBe(-1);
    let seen: string[] = [];
    while (seen.length < 3) seen = [...seen, ...textsOf(await program.receive('', 't'))];
    expect(seen).toEqual(['-1', '1', '0']);
  });

  test('refuses what can not be right before anything is stored, and says what was wrong', async () => {
    world = await World.start();
    const { client } = world.program();
    const value = Buffer.from('x');
    const refusal = (record: object, options: object = {}): Promise<unknown> =>
      client.send({ topic: 't', value, ...record }, options).then(
        () => 'stored',
        (error: ZhumqError) => [error.code, error.outcome],
      );
    expect(await refusal({}, { acks: 2 })).toEqual(['INVALID_REQUEST', 'rejected']);
    expect(await refusal({}, { timeoutMs: 0 })).toEqual(['INVALID_REQUEST', 'rejected']);
    expect(await refusal({ topic: '__groups' })).toEqual(['INVALID_TOPIC', 'rejected']);
    expect(await refusal({ topic: 'a b' })).toEqual(['INVALID_TOPIC', 'rejected']);
    expect(await refusal({ topic: 'nothing' })).toEqual(['UNKNOWN_TOPIC', 'rejected']);
    expect(await refusal({ partition: -1 })).toEqual(['INVALID_REQUEST', 'rejected']);
    expect(await refusal({ partition: 7 })).toEqual(['UNKNOWN_PARTITION', 'rejected']);
    expect(await refusal({ timestamp: -5 })).toEqual(['INVALID_REQUEST', 'rejected']);
    const headers = Array.from({ length: 1001 }, () => ({ name: 'h' }));
    expect(await refusal({ headers })).toEqual(['INVALID_REQUEST', 'rejected']);
    expect(await refusal({ value: Buffer.alloc(2 ** 21) })).toEqual([
      'MESSAGE_TOO_LARGE',
      'rejected',
    ]);
  });

  test('beyond the bytes that a connection, or all of them, may have under way it is OVERLOADED', async () => {
    world = await World.start({
      'record.send.connection.bytes': 100_000,
      'record.send.bytes': 2 ** 20,
    });
    const [one, other] = [world.program(), world.program()];
    const value = Buffer.alloc(60_000, 'x');
    const codes = async (sends: Promise<unknown>[]): Promise<unknown[]> =>
      (await Promise.allSettled(sends)).map((result) =>
        result.status === 'fulfilled' ? 'stored' : (result.reason as ZhumqError).code,
      );
    const send = ({ client }: typeof one) => client.send({ topic: 't', value }, {});
    expect(await codes([send(one), send(one), send(other)])).toEqual([
      ...['stored', 'OVERLOADED', 'stored'],
    ]);
    expect(await codes([send(one)])).toEqual(['stored']);
    // A topic that is not there yet is waited for, with the record in hand.
    const many = Array.from({ length: 20 }, () =>
      world.program().client.send({ topic: 'nothing', value }, {}),
    );
    const outcomes = await codes(many);
    expect(outcomes.filter((code) => code === 'OVERLOADED').length).toBe(3);
    expect(outcomes.filter((code) => code === 'UNKNOWN_TOPIC').length).toBe(17);
    expect(await codes([send(one)])).toEqual(['stored']);
  });
});

test('sendAll answers for each record by itself, in the order of the request', async () => {
  world = await World.start();
  await world.broker.createTopic('other');
  const { client } = world.program();
  const records = numbered(500).map((text, index) => ({
    topic: index % 2 === 0 ? 't' : 'other',
    value: Buffer.from(text),
  }));
  records[250] = { topic: 'not a topic', value: Buffer.from('x') };
  const results = await client.sendAll(records, {});
  expect(results[250]).toMatchObject({
    failure: { code: 25, name: 'INVALID_TOPIC', retriable: false, maybeDone: false },
  });
  const receipts = results.flatMap(({ receipt }) => receipt ?? []);
  expect(receipts.length).toBe(499);
  const offsets = receipts.filter(({ topic }) => topic === 't').map(({ offset }) => offset);
  expect(offsets).toEqual(Array.from({ length: 249 }, (_one, index) => offsets[0] + index));
  await expect(client.sendAll(Array(10_001).fill(records[0]), {})).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
  });
});
