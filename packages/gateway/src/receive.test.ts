import { connectChannel, groupClient } from '@zhumq/rpc';
import { World, idsOf, numbered, textsOf, until } from './gateway.fixture.js';
import type { Program } from './gateway.fixture.js';

let world: World;
afterEach(() => world.stop());

async function sendNumbered(program: Program, count: number, from = 0): Promise<void> {
  const records = numbered(count, from).map((text) => ({ topic: 't', value: Buffer.from(text) }));
  await program.client.sendAll(records, {});
}

describe('receive and ack', () => {
  test('a group begins at its first record, and goes on behind what was acknowledged', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await sendNumbered(one, 6);
    const records = await one.receive('g', 't', { maxRecords: 4 });
    expect(textsOf(records)).toEqual(numbered(4));
    await one.client.ack('g', idsOf(records));
    expect(textsOf(await one.receive('g', 't'))).toEqual(['m4', 'm5']);
    // Those two were not acknowledged.
    one.channel.close();
    expect(textsOf(await other.receive('g', 't'))).toEqual(['m4', 'm5']);
    expect(textsOf(await other.receive('another', 't'))).toEqual(numbered(6));
  });

  test('acks come in any order: the position stays before the first record that is missing', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await sendNumbered(one, 6);
    const ids = idsOf(await one.receive('g', 't'));
    await one.client.ack('g', [ids[5], ids[0], ids[3]]);
    await one.client.ack('g', [ids[1], ids[0]]);
    await one.client.leave('g');
    expect(textsOf(await other.receive('g', 't'))).toEqual(['m2', 'm3', 'm4', 'm5']);
  });

  test('an ack is answered when it is committed', async () => {
    world = await World.start();
    const one = world.program();
    await sendNumbered(one, 3);
    const ids = idsOf(await one.receive('g', 't'));
    const [host, port] = world.broker.bootstrap.split(':');
    const channel = connectChannel({ host, port: Number(port) });
    const committed = async (): Promise<number> => {
      const partitions = [{ topic: 't', partition: 0 }];
      const request = { group: 'g', partitions, memberId: '' };
      return (await groupClient(channel).positions(request))[0].offset;
    };
    for (const id of ids) {
      await one.client.ack('g', [id]);
      expect(await committed()).toBe(id.offset + 1);
    }
    channel.close();
  });

  test("what is not this connection's to acknowledge is refused, and the rest is acknowledged", async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await sendNumbered(one, 4);
    const ids = idsOf(await one.receive('g', 't', { maxRecords: 2 }));
    const stranger = { ...ids[0], offset: ids[1].offset + 1 };
    await expect(one.client.ack('g', [stranger, ...ids])).rejects.toMatchObject({
      code: 'FENCED_MEMBER',
      context: { topic: 't', partition: '0', offset: `${stranger.offset}`, records: '1' },
    });
    await expect(other.client.ack('g', ids)).rejects.toMatchObject({ code: 'FENCED_MEMBER' });
    await one.client.leave('g');
    await expect(one.client.ack('g', ids)).rejects.toMatchObject({ code: 'FENCED_MEMBER' });
    expect(textsOf(await other.receive('g', 't'))).toEqual(['m2', 'm3']);
  });

  test('connections of a group share the partitions, and each takes over from one that ends', async () => {
    world = await World.start();
    await world.broker.createTopic({ topic: 'four', partitions: 4 });
    const [one, other] = [world.program(), world.program()];
    const send = async (from: number): Promise<void> => {
      const records = numbered(8, from).map((text, index) => ({
        ...{ topic: 'four', partition: index % 4, value: Buffer.from(text) },
      }));
      await one.client.sendAll(records, {});
    };
    const look = async (program: Program, request: object = {}) => {
      const records = await program.client.receive({
        ...{ group: 'g', topics: ['four'], waitMs: 50, ...request },
      });
      if (records.length > 0) await program.client.ack('g', idsOf(records));
      return records.map(({ partition }) => partition);
    };
    const seen = [new Set<number>(), new Set<number>()];
    let from = 0;
    await until(async () => {
      for (const set of seen) set.clear();
      await send((from += 8));
      for (let round = 0; round < 4; round++) {
        for (const partition of await look(one)) seen[0].add(partition);
        for (const partition of await look(other)) seen[1].add(partition);
      }
      return seen[0].size === 2 && seen[1].size === 2;
    });
    one.channel.close();
    await until(async () => {
      for (const partition of await look(other)) seen[1].add(partition);
      const description = await other.client.sendAll(
        [...Array(4).keys()].map((partition) => ({
          ...{ topic: 'four', partition, value: Buffer.from('more') },
        })),
        {},
      );
      return description.length === 4 && seen[1].size === 4;
    });
  });

  test('with as many records as it may have it is told to acknowledge; then it gets more', async () => {
    world = await World.start({ 'record.unacked.max': 10 });
    const one = world.program();
    await sendNumbered(one, 25);
    const first = await one.receive('g', 't');
    expect(textsOf(first)).toEqual(numbered(10));
    await expect(one.receive('g', 't')).rejects.toMatchObject({
      code: 'UNACKED_FULL',
      retriable: false,
    });
    await one.client.ack('g', idsOf(first.slice(0, 3)));
    expect(textsOf(await one.receive('g', 't'))).toEqual(numbered(3, 10));
    expect(await world.gauge('zhumq_broker_record_unacked')).toBe(10);
  });

  test('an answer ends with the record that reaches maxBytes', async () => {
    world = await World.start();
    const one = world.program();
    await sendNumbered(one, 5);
    expect(textsOf(await one.receive('g', 't', { maxBytes: 3 }))).toEqual(['m0', 'm1']);
    expect(textsOf(await one.receive('g', 't', { maxBytes: 1 }))).toEqual(['m2']);
  });

  test('a record that no answer can carry is told, and waits for somebody who can read it', async () => {
    world = await World.start({ 'request.max.bytes': 200 });
    const [one, other] = [world.program(), world.program()];
    await one.send('t', 'small');
    await one.send('t', 'x', { headers: [{ name: 'h', value: Buffer.alloc(90) }] });
    expect(textsOf(await one.receive('g', 't', { maxRecords: 1 }))).toEqual(['small']);
    await expect(one.receive('g', 't')).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      context: { topic: 't', partition: '0', bytes: '108', maxBytes: '100' },
    });
    // Nothing is acknowledged by that.
    expect(textsOf(await other.receive('g', 't', { maxRecords: 1 }))).toEqual(['small']);
  });

  test('a connection that is silent for its session timeout has nothing any more', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await sendNumbered(one, 2);
    const records = await one.receive('g', 't', { sessionTimeoutMs: 5_000 });
    world.clock.advance(4_900);
    expect(await world.gauge('zhumq_broker_record_members')).toBe(1);
    // Every call counts.
    await one.client.ack('g', []);
    world.clock.advance(4_900);
    expect(await world.gauge('zhumq_broker_record_members')).toBe(1);
    world.clock.advance(1_000);
    expect(textsOf(await other.receive('g', 't'))).toEqual(['m0', 'm1']);
    await expect(one.client.ack('g', idsOf(records))).rejects.toMatchObject({
      code: 'FENCED_MEMBER',
    });
  });

  test('what ends with leave() does not end the membership that begins after it', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    const request = { group: 'g', topics: ['t'], waitMs: 20_000 };
    const waiting = one.client.receive(request).catch((error: unknown) => error);
    await until(async () => (await world.gauge('zhumq_broker_record_members')) === 1);
    const left = one.client.leave('g');
    const again = one.client.receive(request);
    await left;
    expect(await waiting).toMatchObject({ code: 'CLOSED' });
    await sendNumbered(other, 1);
    const records = await again;
    expect(textsOf(records)).toEqual(['m0']);
    await one.client.ack('g', idsOf(records));
  });

  test('a broker that stood still takes nobody for silent: what was sent meanwhile waits to be heard', async () => {
    world = await World.start();
    const one = world.program();
    await sendNumbered(one, 2);
    const records = await one.receive('g', 't', { sessionTimeoutMs: 5_000 });
    const { clock } = world;
    const monotonicMs = clock.monotonicMs.bind(clock);
    clock.monotonicMs = () => monotonicMs() + 60_000;
    clock.advance(1_000);
    expect(await world.gauge('zhumq_broker_record_members')).toBe(1);
    await one.client.ack('g', idsOf(records));
    // Who is silent from then on is noticed as ever.
    clock.advance(5_600);
    await until(async () => (await world.gauge('zhumq_broker_record_members')) === 0);
  });

  test('a receive that waits is not silent, however long it waits', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    const request = { group: 'g', topics: ['t'], waitMs: 60_000, sessionTimeoutMs: 1_000 };
    const waiting = one.client.receive(request, { timeoutMs: 60_000 });
    await until(async () => (await world.gauge('zhumq_broker_record_members')) === 1);
    world.clock.advance(50_000);
    await sendNumbered(other, 1);
    expect(textsOf(await waiting)).toEqual(['m0']);
  });

  test('without a group every connection gets everything from where it says, and acknowledges nothing', async () => {
    world = await World.start();
    const [one, other, late] = [world.program(), world.program(), world.program()];
    expect(await late.receive('', 't', { start: -1 }, 1)).toEqual([]);
    await sendNumbered(one, 3);
    expect(textsOf(await one.receive('', 't'))).toEqual(numbered(3));
    expect(textsOf(await other.receive('', 't'))).toEqual(numbered(3));
    expect(textsOf(await late.receive('', 't'))).toEqual(numbered(3));
    const future = Date.now() + 3_600_000;
    expect(await world.program().receive('', 't', { start: future }, 1)).toEqual([]);
    await expect(
      one.client.ack('', [{ topic: 't', partition: 0, offset: 0 }]),
    ).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  test('a reader without a group that was silent is told that it begins again', async () => {
    world = await World.start();
    const one = world.program();
    await sendNumbered(one, 2);
    expect(textsOf(await one.receive('', 't', { sessionTimeoutMs: 1_000 }))).toEqual(numbered(2));
    world.clock.advance(2_000);
    await expect(one.receive('', 't')).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
    expect(textsOf(await one.receive('', 't'))).toEqual(numbered(2));
  });

  test('refuses what can not be right, and more readers than it may have', async () => {
    world = await World.start({ 'record.members.max': 3 });
    const one = world.program();
    const refused = async (more: object): Promise<unknown> =>
      one.receive('g', 't', more, 1).then(
        (records) => records,
        (error: { code: string }) => error.code,
      );
    expect(await refused({ topics: [] })).toBe('INVALID_REQUEST');
    expect(await refused({ topics: ['__groups'] })).toBe('INVALID_TOPIC');
    expect(await refused({ group: '', topics: ['t', 'u'] })).toBe('INVALID_REQUEST');
    expect(await refused({ maxRecords: 0 })).toBe('INVALID_REQUEST');
    expect(await refused({ maxBytes: 2 ** 30 })).toBe('INVALID_REQUEST');
    expect(await refused({ waitMs: 60_001 })).toBe('INVALID_REQUEST');
    expect(await refused({ sessionTimeoutMs: 10 })).toBe('INVALID_REQUEST');
    expect(await refused({ start: -3 })).toBe('INVALID_REQUEST');
    expect(await world.gauge('zhumq_broker_record_members')).toBe(0);
    expect(await refused({})).toEqual([]);
    expect(await refused({ topics: ['t', 'u'] })).toBe('INVALID_REQUEST');
    expect(await refused({ group: 'h' })).toEqual([]);
    expect(await refused({ group: 'i' })).toEqual([]);
    expect(await refused({ group: 'j' })).toBe('OVERLOADED');
    await one.client.leave('h');
    expect(await refused({ group: 'j' })).toEqual([]);
  });

  test('a topic that does not exist is said, and found when it was made', async () => {
    world = await World.start();
    const one = world.program();
    const error = await one.receive('g', 'later', { waitMs: 30_000 }, 1).catch((caught) => caught);
    expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC' });
    await world.broker.createTopic('later');
    await one.send('later', 'here');
    expect(textsOf(await one.receive('g', 'later'))).toEqual(['here']);
  });

  test('when the gateway ends, waiting calls are told, and groups were left', async () => {
    world = await World.start();
    const one = world.program();
    const waiting = one.client.receive({ group: 'g', topics: ['t'], waitMs: 60_000 });
    const told = waiting.catch((error: unknown) => error);
    await until(async () => (await world.gauge('zhumq_broker_record_members')) === 1);
    await world.gateway.close(5_000);
    expect(await told).toMatchObject({ code: 'STOPPING' });
    expect(await world.gauge('zhumq_broker_record_members')).toBe(0);
    await expect(one.send('t', 'x')).rejects.toMatchObject({ code: 'STOPPING' });
  });
});
