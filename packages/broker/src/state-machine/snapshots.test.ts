// Snapshots in the log, over real replicas (decision 0015): logs stay short, states stay whole, and replicas stay equal.
import type { Partition } from '../partition/partition.js';
import { parseControlBatch, forEachBatch, isControlBatch } from '@zhumq/model';
import { readAll } from '../testing/test-cluster.js';
import { LARGE, StateMachineCluster, recordOf } from '../testing/state-machines.js';
import type { ProposalOutcome } from '../testing/state-machines.js';
import type { TestBroker } from '../testing/test-broker.js';
import type { RaftMessage } from '@zhumq/rpc';

const KEYS = 8;

/** Puts large values, and so has snapshots taken. Returns what the state is. */
async function fill(world: StateMachineCluster, broker: TestBroker, count: number, name = 'v') {
  for (let at = 0; at < count; at++) {
    await world.put(broker, recordOf(`k${at % KEYS}`, `${name}${at} ${LARGE}`));
  }
  return new Map(world.of(broker).serving().machine.values);
}

/** Kinds of the snapshot markers in some batches. */
function markersIn(batches: Buffer): string[] {
  const kinds: string[] = [];
  forEachBatch(batches, (header, position) => {
    if (!isControlBatch(header)) return;
    const { kind } = parseControlBatch(batches.subarray(position, position + header.sizeBytes));
    if (kind.startsWith('stateSnapshot')) kinds.push(kind);
  });
  return kinds;
}

function holds({ batches }: RaftMessage & { batches?: unknown }, marker: string): boolean {
  if (batches === undefined) return false;
  const bytes = Buffer.isBuffer(batches) ? batches : Buffer.concat(batches as Buffer[]);
  return markersIn(bytes).includes(marker);
}

const STATE_BYTES = KEYS * LARGE.length;
const LIMITS = { snapshotBytes: 3 * STATE_BYTES };

test('the logs of all replicas stay short, and every broker loads the same state', async () => {
  const world = await StateMachineCluster.start(LIMITS);
  const { broker } = await world.server();
  const state = await fill(world, broker, 200);
  await world.cluster.pass(500);
  for (const one of world.cluster.brokers) {
    expect(one.log().logStart).toBeGreaterThan(100);
    expect(one.log().sizeBytes).toBeLessThan(10 * STATE_BYTES);
  }
  for (const { id } of world.cluster.others(broker)) {
    const { broker: from } = await world.server();
    from.replicator().transferLeadership(world.cluster.replicaId(id));
    const { values, broker: to } = await world.server([from.id]);
    expect(to.id).toBe(id);
    expect(new Map(values)).toEqual(state);
  }
}, 60_000);

test('after a power loss of all, the state is loaded from the last snapshot and what follows it', async () => {
  const world = await StateMachineCluster.start(LIMITS);
  const { broker } = await world.server();
  await fill(world, broker, 100);
  await world.put(broker, recordOf('k1', null), recordOf('last', 'word'));
  const state = new Map(world.of(broker).serving().machine.values);
  const { logStart } = broker.log();
  expect(logStart).toBeGreaterThan(0);
  for (const one of world.cluster.brokers) one.crash(one.id);
  for (const one of world.cluster.brokers) await world.restart(one);
  const { machine } = await world.server();
  expect(new Map(machine.serving().machine.values)).toEqual(state);
  // Its records and those after it, not the whole log.
  expect(machine.serving().machine.offsets[0]).toBeGreaterThan(logStart);
}, 60_000);

test.each(['stateSnapshotBegin', 'stateSnapshotEnd'])(
  'a leader that dies before its %s has left it: the snapshot counts for nothing',
  async (marker) => {
    const world = await StateMachineCluster.start(LIMITS);
    const { cluster } = world;
    const { broker } = await world.server();
    const first = await fill(world, broker, 30);
    expect(markersIn(await readAll(broker.partition())).at(-1)).toBe('stateSnapshotEnd');
    let held = false;
    cluster.network.filter = (from, _to, message) => {
      if (from !== broker.id || !holds(message, marker)) return true;
      held = true;
      return false;
    };
    const outcomes = [];
    for (let at = 0; !held; at++) {
      const record = recordOf(`k${at % KEYS}`, `again${at} ${LARGE}`);
      outcomes.push({ record, outcome: world.propose(broker, record) });
      await cluster.pass(100);
    }
    await cluster.pass(200);
    for (const { record, outcome } of outcomes) {
      if (outcome.done) first.set(record.key.toString(), String(record.value));
    }
    for (const one of cluster.others(broker)) {
      // Also what is not committed yet.
      const { log } = one.partition();
      const found = markersIn(await readAll({ log, highWatermark: log.logEnd } as Partition));
      expect(found.at(-1)).toBe(
        marker === 'stateSnapshotEnd' ? 'stateSnapshotBegin' : 'stateSnapshotEnd',
      );
    }
    broker.kill();
    cluster.network.heal();
    const next = await world.server([broker.id]);
    expect(new Map(next.values)).toEqual(first);
    // Life goes on, with a snapshot of its own.
    await fill(world, next.broker, 40, 'w');
    expect(markersIn(await readAll(next.broker.partition())).at(-1)).toBe('stateSnapshotEnd');
    await world.restart(broker);
    await cluster.until(() => broker.log().logEnd === next.broker.log().logEnd);
    next.broker.replicator().transferLeadership(cluster.replicaId(broker.id));
    const { values } = await world.server(cluster.others(broker).map(({ id }) => id));
    expect(new Map(values)).toEqual(
      new Map([...Array(KEYS).keys()].map((at) => [`k${at}`, `w${at + 32} ${LARGE}`])),
    );
  },
  60_000,
);

test('rule 19: where one replica has deleted what another still holds, nothing conflicts and nothing is cut', async () => {
  const world = await StateMachineCluster.start(LIMITS);
  const { cluster } = world;
  const { broker: leader } = await world.server();
  const [behind, other] = cluster.others(leader);
  await fill(world, leader, 10);
  // One follower is away while the leader deletes batches that it holds, and many that it does not; the other keeps all.
  cluster.isolate(behind);
  other.log().deleteBefore = () => Promise.resolve();
  const endOfBehind = behind.log().logEnd;
  const state = await fill(world, leader, 150, 'w');
  await cluster.pass(300);
  expect(behind.log().logStart).toBe(0);
  expect(leader.log().logStart).toBeGreaterThan(endOfBehind);
  const cuts: number[] = [];
  const { truncate } = behind.log();
  behind.log().truncate = function (from) {
    cuts.push(from);
    truncate.call(this, from);
  };
  let pieces = 0;
  cluster.network.beforeCall = (_from, _to, method) => {
    if (method === 'readSegment') pieces++;
  };
  cluster.network.heal();
  // It gets segments, not appends, and then it is like any other.
  await cluster.until(() => behind.log().logEnd === leader.log().logEnd);
  await cluster.until(() => behind.partition().highWatermark === leader.log().logEnd);
  expect(pieces).toBeGreaterThan(0);
  expect(behind.log().logStart).toBe(leader.log().logStart);
  expect((await readAll(behind.partition())).equals(await readAll(leader.partition()))).toBe(true);
  expect(cuts).toEqual([]);

  // A leader with a later log start than its followers, and the other way round.
  expect(other.log().logStart).toBe(0);
  for (const successor of [behind, other, leader]) {
    const { broker: from } = await world.server();
    if (from !== successor) {
      from.replicator().transferLeadership(cluster.replicaId(successor.id));
      await cluster.until(() => world.of(successor).serves);
    }
    expect(new Map(world.of(successor).serving().machine.values)).toEqual(state);
    await world.put(successor, recordOf('k0', `by ${successor.id}`));
    state.set('k0', `by ${successor.id}`);
    await cluster.until(() =>
      cluster.brokers.every((one) => one.log().logEnd === successor.log().logEnd),
    );
  }
  expect(cuts).toEqual([]);
}, 60_000);

test('a log without its beginning and without a snapshot is not taken for a whole one', async () => {
  const world = await StateMachineCluster.start();
  const { cluster } = world;
  const { broker } = await world.server();
  for (let at = 0; at < 20; at++) await world.put(broker, recordOf(`k${at}`, LARGE));
  await cluster.pass(200);
  for (const one of cluster.brokers) await one.log().deleteBefore(one.log().highWatermark);
  expect(broker.log().logStart).toBeGreaterThan(0);
  broker.replicator().handOver();
  await cluster.until(() => world.events.some((event) => event.includes('failed')));
  expect(world.events.find((event) => event.includes('failed'))).toContain(
    'holds no whole snapshot of what was before',
  );
  expect(world.logged.join('')).toContain('DATA_CORRUPT');
});

test('proposals made while a snapshot is written wait for its end', async () => {
  const world = await StateMachineCluster.start(LIMITS);
  const { cluster } = world;
  const { broker } = await world.server();
  await fill(world, broker, 20);
  const partition = broker.partition();
  const { appendControl } = partition;
  let late: ProposalOutcome | undefined;
  partition.appendControl = function (batch) {
    late ??= world.propose(broker, recordOf('late', '1'));
    return appendControl.call(this, batch);
  };
  await fill(world, broker, 20);
  await cluster.until(() => late?.done === true);
  const log = await readAll(broker.partition());
  const kinds: string[] = [];
  forEachBatch(log, (header, position) => {
    const bytes = log.subarray(position, position + header.sizeBytes);
    kinds.push(
      isControlBatch(header)
        ? parseControlBatch(bytes).kind
        : bytes.includes('late')
          ? 'late'
          : 'data',
    );
  });
  const [begin, end] = [
    kinds.lastIndexOf('stateSnapshotBegin'),
    kinds.lastIndexOf('stateSnapshotEnd'),
  ];
  expect(begin).toBeGreaterThan(0);
  expect(end).toBeGreaterThan(begin);
  expect(kinds.indexOf('late')).toBeGreaterThan(end);
  expect(late?.error).toBeUndefined();
}, 30_000);
