import { World, idsOf, numbered, textsOf, until } from './gateway.fixture.js';
import type { Program } from './gateway.fixture.js';

let world: World;
afterEach(() => world.stop());

async function sendNumbered(program: Program, count: number, from = 0, bytes = 0): Promise<void> {
  const records = numbered(count, from).map((text) => ({
    ...{ topic: 't', value: Buffer.concat([Buffer.from(text), Buffer.alloc(bytes)]) },
  }));
  await program.client.sendAll(records, {});
}

const REQUEST = { group: 'g', topics: ['t'] };

describe('subscribe', () => {
  test('pushes what is there and what comes, and commits what is acknowledged', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await sendNumbered(other, 3);
    one.onDeliver = (records) => void one.client.acknowledge(idsOf(records));
    expect(await one.client.subscribe(REQUEST)).toEqual({ heartbeatMs: 1_000 });
    await until(() => one.delivered.length === 3);
    await sendNumbered(other, 3, 3);
    await until(() => one.delivered.length === 6);
    expect(textsOf(one.delivered)).toEqual(numbered(6));
    await until(async () => (await world.gauge('zhumq_broker_record_unacked')) === 0);
    one.channel.close();
    await sendNumbered(other, 1, 6);
    expect(textsOf(await other.receive('g', 't'))).toEqual(['m6']);
    expect([one.refused, one.closed]).toEqual([[], []]);
  });

  test('no more comes than the window allows; each record that is acknowledged makes room for one', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await sendNumbered(other, 50);
    await one.client.subscribe({ ...REQUEST, maxRecords: 10 });
    await until(() => one.delivered.length === 10);
    // Out of order, too.
    one.client.acknowledge([idsOf(one.delivered)[4]]);
    await until(() => one.delivered.length === 11);
    one.client.acknowledge(idsOf(one.delivered.slice(0, 4)));
    await until(() => one.delivered.length === 15);
    expect(await world.gauge('zhumq_broker_record_unacked')).toBe(10);
    expect(textsOf(one.delivered)).toEqual(numbered(15));
  });

  test('the window in bytes is exceeded by one record at most', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await sendNumbered(other, 50, 0, 10_000);
    await one.client.subscribe({ ...REQUEST, maxBytes: 35_000 });
    await until(() => one.delivered.length === 4);
    one.client.acknowledge(idsOf(one.delivered));
    await until(() => one.delivered.length === 8);
    expect(await world.gauge('zhumq_broker_record_unacked')).toBe(4);
  });

  test('one that takes nothing delays nobody else', async () => {
    world = await World.start();
    await world.broker.createTopic('big');
    const [stalled, other, sender] = [world.program(), world.program(), world.program()];
    await stalled.client.subscribe({ group: 's', topics: ['t'], maxRecords: 5 });
    other.onDeliver = (records) => void other.client.acknowledge(idsOf(records));
    await other.client.subscribe({ group: 'o', topics: ['t'], maxRecords: 5 });
    await sendNumbered(sender, 300);
    await until(() => other.delivered.length === 300 && stalled.delivered.length >= 5);
    expect(stalled.delivered.length).toBe(5);
    expect(textsOf(other.delivered)).toEqual(numbered(300));
  });

  test('what is not its own to acknowledge is told, never passed over in silence', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await sendNumbered(other, 2);
    await one.client.subscribe(REQUEST);
    await until(() => one.delivered.length === 2);
    const ids = idsOf(one.delivered);
    one.client.acknowledge([ids[0], { ...ids[1], offset: 1_000 }]);
    await until(() => one.refused.length === 1);
    expect(one.refused).toMatchObject([{ topic: 't', partition: 0, offset: 1_000 }]);
    expect(one.reason).toMatchObject({ name: 'FENCED_MEMBER', retriable: false });
    one.channel.close();
    expect(textsOf(await other.receive('g', 't'))).toEqual(['m1']);
  });

  test('pings come at every heartbeat; one that answers none is ended after its session timeout', async () => {
    world = await World.start();
    const [alive, silent, other] = [world.program(), world.program(), world.program()];
    await world.broker.createTopic('u');
    await alive.client.subscribe({ group: 'a', topics: ['u'], sessionTimeoutMs: 3_000 });
    await silent.client.subscribe({ ...REQUEST, sessionTimeoutMs: 3_000 });
    await sendNumbered(other, 1);
    await until(() => silent.delivered.length === 1);
    for (let beat = 1; beat <= 5; beat++) {
      await until(() => alive.pings >= beat - 1);
      world.clock.advance(1_000);
      await until(() => alive.pings >= beat);
      alive.client.acknowledge([]);
      await alive.client.ack('nothing', []);
    }
    await until(() => silent.closed.length === 1);
    expect(silent.closed[0]).toMatchObject({ name: 'TIMEOUT', retriable: true });
    expect(alive.closed).toEqual([]);
    expect(textsOf(await other.receive('g', 't'))).toEqual(['m0']);
  });

  test('ends with a reason when the broker stops, and when there is nothing to read any more', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await one.client.subscribe({ ...REQUEST, topics: ['nothing'] });
    await until(() => one.closed.length === 1);
    expect(one.closed[0]).toMatchObject({ name: 'UNKNOWN_TOPIC' });
    await other.client.subscribe(REQUEST);
    await world.gateway.close(2_000);
    await until(() => other.closed.length === 1);
    expect(other.closed[0]).toMatchObject({ name: 'STOPPING', retriable: true });
  });

  test('a connection either receives or is pushed to, once', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await one.client.subscribe(REQUEST);
    const refusal = { code: 'INVALID_REQUEST' };
    await expect(one.client.subscribe(REQUEST)).rejects.toMatchObject(refusal);
    await expect(one.receive('h', 't', {}, 1)).rejects.toMatchObject(refusal);
    await other.receive('h', 't', { waitMs: 0 }, 1);
    await expect(other.client.subscribe(REQUEST)).rejects.toMatchObject(refusal);
    await expect(other.client.subscribe({ ...REQUEST, maxRecords: 0 })).rejects.toMatchObject(
      refusal,
    );
    // Oneway and of a connection without a subscription: nothing comes of it.
    other.client.acknowledge([{ topic: 't', partition: 0, offset: 0 }]);
    expect(await other.receive('h', 't', { waitMs: 0 }, 1)).toEqual([]);
  });

  test('without a group it pushes everything, and acknowledging makes room', async () => {
    world = await World.start();
    const [one, other] = [world.program(), world.program()];
    await sendNumbered(other, 20);
    for (const program of [one, other]) {
      await program.client.subscribe({ group: '', topics: ['t'], maxRecords: 5 });
      await until(() => program.delivered.length === 5);
      program.onDeliver = (records) => void program.client.acknowledge(idsOf(records));
      program.client.acknowledge(idsOf(program.delivered));
      await until(() => program.delivered.length === 20);
      expect(textsOf(program.delivered)).toEqual(numbered(20));
    }
  });
});
