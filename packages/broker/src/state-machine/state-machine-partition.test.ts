// Proposals and leaders, over real logs: what is acknowledged stays, in order, once; what is not is said to be in doubt.
import { readBatchHeader } from '@zhumq/model';
import { settle } from '../testing/test-cluster.js';
import { LARGE, StateMachineCluster, recordOf } from '../testing/state-machines.js';
import type { ProposalOutcome } from '../testing/state-machines.js';

test('proposals of one turn are one batch, resolved in order when they are applied', async () => {
  const world = await StateMachineCluster.start();
  const { broker, machine, values } = await world.server();
  const { log } = broker.partition();
  const end = log.logEnd;
  const order: string[] = [];
  const seen = (name: string) => (offsets: readonly number[]) =>
    void order.push(`${name} ${offsets.join(',')} ${[...values.keys()].join('')}`);
  const proposals = [
    machine.propose([recordOf('a', '1'), recordOf('b', '2')], 1e9).then(seen('first')),
    machine.propose([recordOf('c', '3')], 1e9).then(seen('second')),
  ];
  expect(log.logEnd).toBe(end);
  await world.cluster.until(() => order.length === 2);
  await Promise.all(proposals);
  expect(order).toEqual([`first ${end},${end + 1} abc`, `second ${end + 2} abc`]);
  const { buffers } = await log.read(end, log.logEnd, 1 << 20);
  expect(readBatchHeader(Buffer.concat(buffers))).toMatchObject({
    baseOffset: end,
    recordsCount: 3,
  });
  expect(machine.serving().epoch).toBe(broker.replicator().epoch);
});

test('nothing is resolved before it is committed', async () => {
  const world = await StateMachineCluster.start();
  const { broker, values } = await world.server();
  const { network } = world.cluster;
  network.filter = (from, _to, { batches }) => from !== broker.id || batches === undefined;
  const outcome = world.propose(broker, recordOf('a', '1'));
  await world.cluster.pass(300);
  expect([outcome.done, values.size]).toEqual([false, 0]);
  network.heal();
  await world.cluster.until(() => outcome.done);
  expect([outcome.error, values.get('a')]).toEqual([undefined, '1']);
});

test('leaders change under load: what was acknowledged is there once, in order, and the rest is in doubt', async () => {
  const world = await StateMachineCluster.start({ snapshotBytes: 4000 });
  const { cluster } = world;
  const acknowledged = new Map<number, string>();
  let next = 0;
  for (let round = 0; round < 6; round++) {
    const { broker } = await world.server();
    const outcomes: { key: string; outcome: ProposalOutcome }[] = [];
    for (let at = 0; at < 40 && broker.alive; at++) {
      const key = `k${next++}`;
      outcomes.push({ key, outcome: world.propose(broker, recordOf(key, `value of ${key}`)) });
      if (at % 4 === 0) await settle(3);
      if (at === 25 && round % 2 === 0) cluster.isolate(broker);
      if (at === 25 && round % 2 === 1) broker.crash(round);
    }
    await world.server([broker.id]);
    cluster.network.heal();
    if (!broker.alive) await world.restart(broker);
    await cluster.until(() => outcomes.every(({ outcome }) => outcome.done));
    for (const { key, outcome } of outcomes) {
      if (outcome.error === undefined) acknowledged.set(outcome.offsets[0], key);
      else expect(outcome.error).toMatchObject({ retriable: true });
    }
    expect(outcomes.some(({ outcome }) => outcome.error === undefined)).toBe(true);
  }
  const { machine } = await world.server();
  const { values, offsets } = machine.serving().machine;
  for (const key of acknowledged.values()) expect(values.get(key)).toBe(`value of ${key}`);
  // No offset was given twice, and nothing was applied twice or out of order.
  expect(offsets).toEqual([...new Set(offsets)].sort((one, other) => one - other));
}, 60_000);

test('a deposed leader drops its state, and says what it knows of each proposal', async () => {
  const world = await StateMachineCluster.start();
  const { broker, machine, values } = await world.server();
  await world.put(broker, recordOf('a', '1'));
  const { epoch } = machine.serving();
  world.cluster.isolate(broker);
  const appended = world.propose(broker, recordOf('b', '2'));
  await settle();
  const successor = await world.server([broker.id]);
  world.cluster.network.heal();
  await world.cluster.until(() => appended.done);
  expect(appended.error).toMatchObject({
    code: 'LEADERSHIP_LOST',
    retriable: true,
    outcome: 'unknown',
  });
  const late = world.propose(broker, recordOf('c', '3'));
  await settle();
  expect(late.error).toMatchObject({ code: 'NOT_LEADER', retriable: true, outcome: 'rejected' });
  expect(() => machine.serving()).toThrow(expect.objectContaining({ code: 'NOT_LEADER' }));
  expect(values.size).toBe(0);
  expect(world.events).toContain(`${broker.id} lost ${epoch}`);
  expect(successor.machine.serving().epoch).toBeGreaterThan(epoch);
  expect([...successor.values]).toEqual([['a', '1']]);
});

test('what was proposed and not appended when leadership is lost had no effect', async () => {
  const world = await StateMachineCluster.start();
  const { broker, machine } = await world.server();
  let error: unknown;
  machine.propose([recordOf('a', '1')], 1e9).catch((reason: unknown) => (error = reason));
  broker.partition().close();
  await settle();
  expect(error).toMatchObject({ code: 'NOT_LEADER', outcome: 'rejected' });
});

test('a leader that is cut off confirms nothing (rule 20)', async () => {
  const world = await StateMachineCluster.start();
  const { broker, machine } = await world.server();
  await world.put(broker, recordOf('a', '1'));
  const settled: string[] = [];
  machine.confirm().then(
    () => settled.push('confirmed'),
    () => settled.push('refused'),
  );
  await world.cluster.until(() => settled.length === 1);
  world.cluster.isolate(broker);
  machine.confirm().then(
    () => settled.push('confirmed'),
    () => settled.push('refused'),
  );
  await world.server([broker.id]);
  world.cluster.network.heal();
  await world.cluster.until(() => settled.length === 2);
  expect(settled).toEqual(['confirmed', 'refused']);
});

test('the queue is bounded in number and bytes, and takes more when it is shorter', async () => {
  const limits = { maxProposals: 3, maxProposalBytes: 40_000, maxBatchBytes: 30_000 };
  const world = await StateMachineCluster.start(limits);
  const { broker } = await world.server();
  const refused = { code: 'OVERLOADED', retriable: true, outcome: 'rejected' };
  const many = ['a', 'b', 'c', 'd'].map((key) => world.propose(broker, recordOf(key, '1')));
  await world.cluster.until(() => many.every(({ done }) => done));
  expect(many.map(({ error }) => error)).toEqual([
    ...[undefined, undefined, undefined],
    expect.objectContaining(refused),
  ]);
  const large = ['e', 'f', 'g'].map((key) => world.propose(broker, recordOf(key, LARGE)));
  await world.cluster.until(() => large.every(({ done }) => done));
  expect(large.map(({ error }) => error)).toEqual([
    ...[undefined, undefined],
    expect.objectContaining(refused),
  ]);
  const tooLarge = world.propose(broker, recordOf('h', LARGE + LARGE));
  await settle();
  expect(tooLarge.error).toMatchObject({ code: 'MESSAGE_TOO_LARGE', retriable: false });
  for (let at = 0; at < 5; at++) await world.put(broker, recordOf('i', LARGE));
});

test('a read from disk that ends in another office tells the state machine nothing', async () => {
  const world = await StateMachineCluster.start();
  const { cluster } = world;
  const { broker } = await world.server();
  for (let at = 0; at < 5; at++) await world.put(broker, recordOf(`k${at}`, '1'));
  const [slow] = cluster.others(broker);
  await cluster.until(() => slow.partition().highWatermark === broker.log().logEnd);
  const log = slow.log();
  const read = log.read.bind(log);
  const held: (() => void)[] = [];
  log.read = (from, end, maxBytes) => {
    const slice = read(from, end, maxBytes);
    if (from > 0) return slice;
    return new Promise((resolve) => held.push(() => resolve(slice)));
  };
  broker.replicator().transferLeadership(cluster.replicaId(slow.id));
  await cluster.until(() => held.length === 1);
  expect(() => world.of(slow).serving()).toThrow(
    expect.objectContaining({ code: 'LEADER_NOT_AVAILABLE', retriable: true }),
  );
  log.read = read;
  slow.replicator().handOver();
  const other = await world.server([slow.id]);
  await world.put(other.broker, recordOf('k5', '1'));
  await cluster.until(() => slow.log().logEnd === other.broker.log().logEnd);
  other.broker.replicator().transferLeadership(cluster.replicaId(slow.id));
  await cluster.until(() => world.of(slow).serves);
  const before = [...world.of(slow).serving().machine.told];
  held[0]();
  await cluster.pass(100);
  expect(before).toEqual(['k0', 'k1', 'k2', 'k3', 'k4', 'k5']);
  expect(world.of(slow).serving().machine.told).toEqual(before);
});

test('a proposal that takes too long is in doubt, and its place is free when its fate is known', async () => {
  const world = await StateMachineCluster.start({ maxProposals: 1 });
  const { broker, machine, values } = await world.server();
  const { cluster } = world;
  cluster.network.filter = (from, _to, { batches }) => from !== broker.id || batches === undefined;
  let error: unknown;
  machine
    .propose([recordOf('a', '1')], cluster.clock.monotonicMs() + 200)
    .catch((reason: unknown) => (error = reason));
  await cluster.until(() => error !== undefined);
  expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' });
  const full = world.propose(broker, recordOf('b', '1'));
  await settle();
  expect(full.error).toMatchObject({ code: 'OVERLOADED' });
  cluster.network.heal();
  await cluster.until(() => values.has('a'));
  await world.put(broker, recordOf('b', '1'));
});

test('a state machine that throws is out of service, loudly, and another replica takes over', async () => {
  const world = await StateMachineCluster.start();
  const { broker, machine } = await world.server();
  machine.serving().machine.poison = 'bad';
  const bad = world.propose(broker, recordOf('a', 'bad'));
  await world.cluster.until(() => bad.done);
  expect(bad.error).toMatchObject({ code: 'LEADERSHIP_LOST', outcome: 'unknown' });
  expect(() => machine.serving()).toThrow('state machine that failed here: poison');
  expect(machine.failure?.message).toBe('poison');
  expect(world.events).toContain(`${broker.id} failed poison`);
  expect(world.logged.join('')).toContain('state machine failed');
  const { values } = await world.server([broker.id]);
  expect(values.get('a')).toBe('bad');
});

test('in a new generation the state is that of the log', async () => {
  const world = await StateMachineCluster.start({ snapshotBytes: 2000 });
  const { broker, machine } = await world.server();
  for (let at = 0; at < 60; at++) await world.put(broker, recordOf(`k${at % 7}`, `v${at}`));
  const before = [...machine.serving().machine.values];
  world.cluster.topic = { ...world.cluster.topic, generation: 2 };
  world.cluster.record = { epoch: broker.replicator().epoch, leader: broker.id };
  await world.cluster.tellAll();
  const after = await world.server();
  expect(after.broker.partition().name.generation).toBe(2);
  expect(new Map(after.values)).toEqual(new Map(before));
  await world.put(after.broker, recordOf('new', '1'));
});
